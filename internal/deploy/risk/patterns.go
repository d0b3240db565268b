package risk

import (
	"strings"

	"lockstep/internal/deploy/resolve"
)

// patternCovers reports whether every text that other matches is matched by pattern. * stands for any text and ? for
// one character, as in policies. False means that it is not certain.
func patternCovers(pattern, other string) bool {
	if pattern == other {
		return true
	}
	if !strings.ContainsAny(pattern, "*?") {
		return false
	}
	if resolve.IsMarked(other) && strings.Contains(pattern, "?") {
		return false // a mark may stand for a text of any length
	}
	return runesCover([]rune(pattern), []rune(other))
}

func runesCover(pattern, other []rune) bool {
	// covered[j] says whether the pattern so far covers the first j runes of other.
	covered := make([]bool, len(other)+1)
	covered[0] = true
	for _, p := range pattern {
		next := make([]bool, len(other)+1)
		if p == '*' {
			isCovered := false
			for j := range next {
				isCovered = isCovered || covered[j]
				next[j] = isCovered
			}
			covered = next
			continue
		}
		for j, o := range other {
			next[j+1] = covered[j] && o != '*' && (p == o || p == '?')
		}
		covered = next
	}
	return covered[len(other)]
}

// patternsOverlap reports whether a text may match both patterns.
func patternsOverlap(a, b string) bool {
	if resolve.IsMarked(a) || resolve.IsMarked(b) {
		return true
	}
	x, y := []rune(a), []rune(b)
	// overlaps[j] says whether a text may match both the rest of x and y[j:].
	overlaps := make([]bool, len(y)+1)
	for i := len(x); i >= 0; i-- {
		next := make([]bool, len(y)+1)
		for j := len(y); j >= 0; j-- {
			next[j] = overlapsAt(x[i:], y[j:], overlaps[j:], next[j:])
		}
		overlaps = next
	}
	return overlaps[0]
}

// overlapsAt reports whether a text may match both x and y. shorter says that of x without its first character and
// each end of y, and same of x and each shorter end of y.
func overlapsAt(x, y []rune, shorter, same []bool) bool {
	switch {
	case len(x) == 0 && len(y) == 0:
		return true
	case len(x) > 0 && x[0] == '*':
		return shorter[0] || len(y) > 0 && same[1]
	case len(y) > 0 && y[0] == '*':
		return same[1] || len(x) > 0 && shorter[0]
	case len(x) == 0 || len(y) == 0:
		return false
	}
	return shorter[1] && isSameRune(x[0], y[0])
}

func isSameRune(x, y rune) bool { return x == y || x == '?' || y == '?' }
