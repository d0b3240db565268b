package pipeline

import (
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// SkippedDirs hold no inputs of steps, other than outputs of other steps.
var SkippedDirs = []string{".git", StateDir, "node_modules"}

// History is the input of a step that reads the commits.
const History = ".git"

// CanMatchBelow reports whether the patterns may match a file below the folder, whatever its name is. It is true in
// doubt.
func CanMatchBelow(patterns []string, dir string) bool {
	can := false
	for _, pattern := range patterns {
		excluded, isExclusion := strings.CutPrefix(pattern, "!")
		switch {
		case !isExclusion:
			can = can || mayReachInto(pattern, dir)
		case strings.HasSuffix(excluded, "/**") && doublestar.MatchUnvalidated(excluded, dir):
			can = false // it excludes all that lies in the folder
		}
	}
	return can
}

// mayReachInto reports whether a pattern that is no exclusion may match a file below the folder.
func mayReachInto(pattern, dir string) bool {
	if strings.Contains(pattern, "{") { // alternatives may hold slashes
		return true
	}
	segments := strings.Split(pattern, "/")
	for i, name := range strings.Split(dir, "/") {
		switch {
		case i >= len(segments):
			return false
		case segments[i] == "**":
			return true
		case !doublestar.MatchUnvalidated(segments[i], name):
			return false
		}
	}
	return len(segments) > strings.Count(dir, "/")+1
}

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
