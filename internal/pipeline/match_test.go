package pipeline

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestCanMatchBelow(t *testing.T) {
	for _, test := range []struct {
		patterns []string
		dir      string
		want     bool
	}{
		{[]string{"**"}, "a", true},
		{[]string{"**/*.go"}, "a/b", true},
		{[]string{"a/**"}, "a", true},
		{[]string{"a/**"}, "a/b", true},
		{[]string{"a/*.go"}, "a", true},
		{[]string{"a/*/c.go"}, "a/b", true},
		{[]string{"{a,b/c}/*.go"}, "b/c", true},
		{[]string{"a/**", "!a/*.go"}, "a", true},
		{[]string{"**", "!a/**", "a/b/**"}, "a/b", true},
		{nil, "a", false},
		{[]string{"*.go"}, "a", false},
		{[]string{"a"}, "a", false},
		{[]string{"a/*.go"}, "a/b", false},
		{[]string{"b/**"}, "a", false},
		{[]string{"a/x/**"}, "a/b", false},
		{[]string{"**", "!a/**"}, "a", false},
		{[]string{"**", "!a/**"}, "a/b", false},
		{[]string{"**", "!**/node/**"}, "x/node", false},
	} {
		assert.Equal(t, test.want, CanMatchBelow(test.patterns, test.dir), "%q in %s", test.patterns, test.dir)
	}
}
