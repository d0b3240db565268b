// Package display owns how text that comes from outside is shown on a terminal, in a log or in a report: characters
// that would move the cursor, hide text or forge a line appear as escapes. It knows nothing of what the text means.
package display

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Line returns text as one line: every control character, format character and line break is an escape.
func Line(text string) string { return escape(text, "", false) }

// Lines returns text that may have several lines. Those after the first are indented, so that none of them can pass
// for a line of this program's own.
func Lines(text string) string {
	return strings.ReplaceAll(escape(strings.TrimRight(text, "\n"), "\n", false), "\n", "\n  ")
}

// Styled returns a line of this program's own, in which values from outside are shown already. It keeps colours.
func Styled(line string) string { return escape(line, "", true) }

// Output returns a line that another program has printed. It keeps that program's colours, and ends them.
func Output(line string) string {
	shown := escape(line, "\t", true)
	if strings.Contains(shown, "\x1b[") {
		shown += "\x1b[0m"
	}
	return shown
}

// escape returns text in which the characters that mustEscape reports are escapes, but for those in keep and, with
// colours, for sequences that only set colours.
func escape(text, keep string, colours bool) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		if colours && r == '\x1b' {
			if n := colourSequence(text[i:]); n > 0 {
				b.WriteString(text[i : i+n])
				i += n
				continue
			}
		}
		switch {
		case r == utf8.RuneError && size <= 1:
			b.WriteRune(utf8.RuneError)
		case mustEscape(r) && !strings.ContainsRune(keep, r):
			b.WriteString(escapeRune(r))
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// mustEscape reports whether a character controls how text is shown: C0, C1 and DEL, bidirectional and other invisible
// format characters, line and paragraph separators. The two joiners belong to the spelling of some scripts.
func mustEscape(r rune) bool {
	const zeroWidthNonJoiner, zeroWidthJoiner = 0x200c, 0x200d
	switch r {
	case zeroWidthNonJoiner, zeroWidthJoiner:
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// escapeRune returns a character as JSON writes it, so that an escape in a JSON text is still the same character.
func escapeRune(r rune) string {
	switch r {
	case '\n':
		return `\n`
	case '\r':
		return `\r`
	case '\t':
		return `\t`
	}
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

// maxColourSequence is the length in bytes of the longest sequence that is taken for a colour.
const maxColourSequence = 64

// colourSequence returns the length of the sequence at the beginning of text that sets colours or weights (SGR, ECMA-48
// 8.3.117); 0 if there is none, or if it conceals text.
func colourSequence(text string) int {
	if !strings.HasPrefix(text, "\x1b[") {
		return 0
	}
	end := strings.IndexFunc(text[2:], func(r rune) bool { return !strings.ContainsRune("0123456789;:", r) })
	if end < 0 || end+3 > maxColourSequence || text[2+end] != 'm' {
		return 0
	}
	if conceals(strings.FieldsFunc(text[2:2+end], func(r rune) bool { return r == ';' || r == ':' })) {
		return 0
	}
	return end + 3
}

// conceals reports whether the parameters of an SGR sequence hide text: 8, unless it is a part of a colour.
func conceals(parameters []string) bool {
	for i := 0; i < len(parameters); i++ {
		switch strings.TrimLeft(parameters[i], "0") {
		case "8":
			return true
		case "38", "48", "58": // 5;N or 2;R;G;B follows
			if i+1 < len(parameters) {
				i += map[string]int{"5": 2, "2": 4}[parameters[i+1]]
			}
		}
	}
	return false
}
