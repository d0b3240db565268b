package display

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/display/displaytest"
)

func TestLine_EscapesWhatControlsATerminal(t *testing.T) {
	for kind, test := range map[string]struct{ text, want string }{
		"plain text":         {"Zürich, 日本 \\ \"q\"", "Zürich, 日本 \\ \"q\""},
		"erase a line":       {"a\x1b[2K\x1b[1Ab", `a\u001b[2K\u001b[1Ab`},
		"title":              {"\x1b]0;OWNED\a", `\u001b]0;OWNED\u0007`},
		"clipboard":          {"\x1b]52;c;ZXZpbA==\a", `\u001b]52;c;ZXZpbA==\u0007`},
		"hyperlink":          {"\x1b]8;;http://x\x1b\\y", `\u001b]8;;http://x\u001b\y`},
		"colour":             {"\x1b[31mred", `\u001b[31mred`},
		"C1":                 {"a\u009b2Jb\u0085c", `a\u009b2Jb\u0085c`},
		"C1 as a byte":       {"a\x9b2J", "a\ufffd2J"},
		"line breaks":        {"a\r\nb\nc\vd", `a\r\nb\nc\u000bd`},
		"line separators":    {"a\u2028b\u2029c", `a\u2028b\u2029c`},
		"tab and DEL":        {"a\tb\x7f", `a\tb\u007f`},
		"bidi override":      {"a\u202egpj.exe\u2066\u2069", `a\u202egpj.exe\u2066\u2069`},
		"bidi marks":         {"\u200e\u200f\u061c", `\u200e\u200f\u061c`},
		"invisible":          {"a\u200bb\ufeffc\u2060", `a\u200bb\ufeffc\u2060`},
		"tag beyond the BMP": {"a\U000e0041", `a\udb40\udc41`},
		"joiners stay":       {"👩\u200d💻", "👩\u200d💻"},
	} {
		t.Run(kind, func(t *testing.T) {
			assert.Equal(t, test.want, Line(test.text))
			assert.Equal(t, test.want, Line(Line(test.text)), "it is shown the same way again")
		})
	}
}

func TestLines_IndentsFurtherLines(t *testing.T) {
	assert.Equal(t, "a\n  deploy passed in 2 s\n  b\\u001b", Lines("a\ndeploy passed in 2 s\nb\x1b\n"))
}

func TestOutput_KeepsColoursAndNothingElse(t *testing.T) {
	for kind, test := range map[string]struct{ text, want string }{
		"plain text":      {"a", "a"},
		"colour":          {"\x1b[1;31mred", "\x1b[1;31mred\x1b[0m"},
		"bright black":    {"\x1b[38;5;8mgrey", "\x1b[38;5;8mgrey\x1b[0m"},
		"true colour":     {"\x1b[48;2;8;8;8mx", "\x1b[48;2;8;8;8mx\x1b[0m"},
		"concealed":       {"\x1b[8mhidden", `\u001b[8mhidden`},
		"concealed later": {"\x1b[31;08mhidden", `\u001b[31;08mhidden`},
		"cursor":          {"\x1b[2A", `\u001b[2A`},
		"end is missing":  {"\x1b[31", `\u001b[31`},
		"very long":       {"\x1b[" + strings.Repeat("1;", 99) + "m", `\u001b[` + strings.Repeat("1;", 99) + "m"},
	} {
		t.Run(kind, func(t *testing.T) { assert.Equal(t, test.want, Output(test.text)) })
	}
}

func TestNewWriter_DoesNotDependOnHowTextIsSplit(t *testing.T) {
	text := "a\x1b[31mred\x1b[0m 日本\x1b[2J\u202e\n\tü\x9b\r\x1b[8m"
	want := "a\x1b[31mred\x1b[0m 日本\\u001b[2J\\u202e\n\tü\ufffd\\r\\u001b[8m"
	for size := 1; size < len(text); size++ {
		var out bytes.Buffer
		w := NewWriter(&out)
		for rest := text; rest != ""; {
			n := min(size, len(rest))
			written, err := w.Write([]byte(rest[:n]))
			require.NoError(t, err)
			assert.Equal(t, n, written)
			rest = rest[n:]
		}
		assert.Equal(t, want, out.String(), size)
	}
}

func TestNewWriter_LeavesJSONTheSame(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		text := displaytest.RandomText(random)
		var out bytes.Buffer
		encoder := json.NewEncoder(NewWriter(&out))
		require.NoError(t, encoder.Encode(text))
		var back string
		require.NoError(t, json.Unmarshal(out.Bytes(), &back))
		assert.Equal(t, string([]rune(text)), back)
		assert.Empty(t, displaytest.Raw(strings.TrimSuffix(out.String(), "\n")))
	}
}

func TestNewWriter_IsATerminalWhereTheOtherIs(t *testing.T) {
	w := NewWriter(os.Stdout)
	assert.Implements(t, (*terminal)(nil), w)
	assert.Same(t, os.Stdout, Terminal(w))
	assert.Same(t, w, NewWriter(w))
	var out bytes.Buffer
	assert.NotImplements(t, (*terminal)(nil), NewWriter(&out))
	assert.Same(t, &out, Terminal(NewWriter(&out)))
	assert.Same(t, &out, Terminal(&out))
}

func TestNewLogWriter_KeepsCarriageReturns(t *testing.T) {
	var out bytes.Buffer
	_, err := NewLogWriter(&out).Write([]byte("1 %\r2 %\r\n\x1b[2J"))
	require.NoError(t, err)
	assert.Equal(t, "1 %\r2 %\r\n\\u001b[2J", out.String())
}

func TestLine_HasNothingRaw(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		text := displaytest.RandomText(random)
		assert.Empty(t, displaytest.Raw(Line(text)), "%q", text)
		assert.Empty(t, displaytest.Raw(strings.ReplaceAll(Lines(text), "\n", "")), "%q", text)
	}
}
