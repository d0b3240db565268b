package cli

import (
	"fmt"
	"net/url"
	"strings"

	"lockstep/config"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
	"lockstep/tools"
)

// announce prints what a command is about to work on and, in a live run, what this machine puts between itself and AWS.
func (a *app) announce(mode report.Mode, environments []config.Environment) {
	a.printProgress(report.FirstLine(mode, environmentNames(environments), a.endpointOf(mode)))
	if mode != report.Live {
		return
	}
	for _, words := range route(a.Environ) {
		a.printProgress("live: " + words)
	}
}

// route returns what stands between this machine and AWS, or gives out credentials in its place, by the variables of an
// environment: each in words, without passwords.
func route(environ []string) []string {
	var words []string
	for _, one := range []struct{ variable, words string }{
		{"HTTPS_PROXY", "through the proxy"},
		{"https_proxy", "through the proxy"},
		{"AWS_CA_BUNDLE", "with the certificate authorities of"},
		{"AWS_EC2_METADATA_SERVICE_ENDPOINT", "with the metadata service"},
		{"AWS_CONTAINER_CREDENTIALS_FULL_URI", "with credentials from"},
		{pipeline.CredentialsEndpointVariable, "with credentials from"},
	} {
		if value := tools.Getenv(environ, one.variable); value != "" {
			if address, err := url.Parse(value); err == nil && address.Host != "" {
				value = address.Scheme + "://" + address.Host
			} else if one.variable != "AWS_CA_BUNDLE" {
				value = hostOf(value)
			}
			words = append(words, fmt.Sprintf("%s %s (%s)", one.words, value, one.variable))
		}
	}
	return words
}

// hostOf returns the host of an address without a scheme, which may have a password before it and a secret path behind.
func hostOf(address string) string {
	host, path, _ := strings.Cut(address, "/")
	if strings.Contains(path, "@") {
		return "an address" // the slash may be one of the password
	}
	return host[strings.LastIndex(host, "@")+1:]
}
