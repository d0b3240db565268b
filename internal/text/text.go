// Package text owns how a value becomes one line of text for people. It knows nothing of what the value means.
package text

import "strings"

// OneLine returns a text on one line: line breaks and other runs of white space become one space.
func OneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// LastLine returns the last line of a text that is not blank, without white space around it.
func LastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
