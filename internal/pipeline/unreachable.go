package pipeline

import (
	"regexp"
	"strings"
)

// networkErrorPattern matches the messages of programs that could not reach the network or a database behind it.
var networkErrorPattern = regexp.MustCompile(`(?i)no such host|connection refused|network is unreachable|` +
	`i/o timeout|TLS handshake timeout|name resolution|proxyconnect|dial tcp|no route to host|` +
	`no offline version of the OSV database|could not load db|vulnerability database|x509:|` +
	`502 Bad Gateway|503 Service Unavailable`)

// NetworkError returns the first line of a program's output that says that it could not reach the network or a
// database behind it; empty if no line does.
func NetworkError(output string) string {
	for line := range strings.Lines(output) {
		if networkErrorPattern.MatchString(line) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
