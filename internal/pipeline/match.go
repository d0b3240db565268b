package pipeline

import (
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// SkippedDirs hold nothing that a step of the repository reads by a pattern of its own.
var SkippedDirs = []string{".git", StateDir, "node_modules"}

// History is the input of a step that reads the commits, not only the files.
const History = ".git"

// Matches says whether the patterns take the file in: the last one that matches decides.
func Matches(patterns []string, name string) bool {
	in := false
	for _, pattern := range patterns {
		out := strings.HasPrefix(pattern, "!")
		if doublestar.MatchUnvalidated(strings.TrimPrefix(pattern, "!"), name) {
			in = !out
		}
	}
	return in
}
