// Package redact owns how a value of a template or of a stack is shown: what of it is secret and hidden, what is cut,
// and that it is one line. It knows nothing of where the value is shown.
package redact

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"lockstep/internal/display"
)

// Hidden is shown instead of a secret.
const Hidden = "(hidden)"

// maxValueLength is how many characters of a value are shown.
const maxValueLength = 200

// Value returns a value as it may be shown on one line, by the name of what has it: a property, an output or a path.
// Secrets in it are hidden, and a long value is cut with the number of characters that are missing. An IAM policy is
// neither hidden nor cut. A dynamic reference and an ARN name a secret without being one, so they are shown.
func Value(name, value string) string {
	if isPolicy(value) {
		return display.Line(value)
	}
	shown := display.Line(hideSecrets(name, value))
	if HasPolicy(value) {
		return shown
	}
	return cut(shown)
}

// cut cuts a long text, and says how much is missing.
func cut(text string) string {
	count := utf8.RuneCountInString(text)
	if count <= maxValueLength {
		return text
	}
	runes := []rune(text)
	return fmt.Sprintf("%s... and %d more characters", string(runes[:maxValueLength]), count-maxValueLength)
}

// hideSecrets returns a value without its secrets.
func hideSecrets(name, value string) string {
	switch {
	case strings.TrimSpace(value) == "", value == Hidden:
		return value
	case isSecretName(name) && !isHarmless(value):
		return hideMember(value)
	}
	return hideInText(value, 0)
}

// hideMember returns the value of a member whose name says that it is a secret. What a template refers to stays.
func hideMember(value string) string {
	document, ok := parseJSON(value)
	if !ok {
		return Hidden
	}
	return formatJSON(hideInJSON(document, true, 0))
}
