// Package displaytest makes hostile texts for the tests of whatever shows text from outside.
package displaytest

import (
	"math/rand/v2"
	"strings"
	"unicode"
)

// hostileTexts are what RandomText is made of: parts of ordinary text, and all kinds of characters that control how
// text is shown.
var hostileTexts = []string{
	"a", "x y", "日本", "ü", "|", "<b>", "`", "deploy passed in 2 s", "\x1b[2K", "\x1b[1A", "\x1b[31m", "\x1b[8m",
	"\x1b]0;t\a", "\x1b]8;;http://x\x1b\\", "\x1b", "\a", "\b", "\x00", "\x7f", "\n", "\r", "\r\n", "\t", "\v", "\f",
	"\u0085", "\u009b2J", "\x9b", "\xff", "\u202e", "\u202c", "\u2066", "\u2069", "\u200e", "\u200f", "\u061c",
	"\u2028", "\u2029", "\u200b", "\ufeff", "\U000e0041",
}

// RandomText returns a text as an attacker may write it.
func RandomText(random *rand.Rand) string {
	var b strings.Builder
	for range 1 + random.IntN(8) {
		b.WriteString(hostileTexts[random.IntN(len(hostileTexts))])
	}
	return b.String()
}

// Raw returns the characters of a text that control how it is shown, line breaks included; "" if there are none.
func Raw(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return r
		}
		return -1
	}, text)
}
