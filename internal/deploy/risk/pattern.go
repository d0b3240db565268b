package risk

import (
	"regexp"
	"sync"
)

// A pattern is a regular expression that is compiled when it is first used: most commands judge no change.
type pattern func() *regexp.Regexp

func newPattern(expression string) pattern {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expression) })
}

// MatchString reports whether a text contains a match.
func (p pattern) MatchString(text string) bool { return p().MatchString(text) }
