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
	// overlaps[i][j] says whether a text may match both x[i:] and y[j:].
	overlaps := make([][]bool, len(x)+1)
	for i := len(x); i >= 0; i-- {
		overlaps[i] = make([]bool, len(y)+1)
		for j := len(y); j >= 0; j-- {
			switch {
			case i == len(x) && j == len(y):
				overlaps[i][j] = true
			case i < len(x) && x[i] == '*':
				overlaps[i][j] = overlaps[i+1][j] || j < len(y) && overlaps[i][j+1]
			case j < len(y) && y[j] == '*':
				overlaps[i][j] = overlaps[i][j+1] || i < len(x) && overlaps[i+1][j]
			case i < len(x) && j < len(y) && (x[i] == y[j] || x[i] == '?' || y[j] == '?'):
				overlaps[i][j] = overlaps[i+1][j+1]
			}
		}
	}
	return overlaps[0][0]
}
