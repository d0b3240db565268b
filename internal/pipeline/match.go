package pipeline

import (
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// SkippedDirs hold no inputs of steps, other than outputs of other steps.
var SkippedDirs = []string{".git", StateDir, "node_modules"}

// History is the input of a step that reads the commits.
const History = ".git"

// Matches reports whether the patterns include the file. The last pattern that matches decides.
func Matches(patterns []string, name string) bool {
	isIncluded := false
	for _, pattern := range patterns {
		isExclusion := strings.HasPrefix(pattern, "!")
		if doublestar.MatchUnvalidated(strings.TrimPrefix(pattern, "!"), name) {
			isIncluded = !isExclusion
		}
	}
	return isIncluded
}
