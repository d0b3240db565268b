package process

import (
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLineWriter(t *testing.T) {
	longLine := strings.Repeat("x", MaxLineBytes)
	for _, test := range []struct {
		name   string
		writes []string
		want   []string
	}{
		{"lines", []string{"a\nb\n"}, []string{"a", "b"}},
		{"a line in several writes", []string{"a", "b", "\nc"}, []string{"ab", "c"}},
		{"empty lines", []string{"\n\na\n\n"}, []string{"", "", "a", ""}},
		{"lines of Windows", []string{"a\r\nb\r", "\nc\r\n"}, []string{"a", "b", "c"}},
		{"a progress line", []string{"10%\r20", "%\r30%\n"}, []string{"10%", "20%", "30%"}},
		{"no end", []string{"a"}, []string{"a"}},
		{"nothing", []string{""}, nil},
		{"a long line", []string{longLine, "more\nnext\n"}, []string{longLine, "next"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			w := &LineWriter{Emit: func(line string) { got = append(got, line) }}
			for _, text := range test.writes {
				n, err := io.WriteString(w, text)
				require.NoError(t, err)
				assert.Len(t, text, n)
			}
			w.Flush()
			assert.Equal(t, test.want, got)
		})
	}
}

// zeros is a reader of zeros without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

const endlessBytes = 50 << 20

func TestLineWriter_EndlessLineTakesLittleMemory(t *testing.T) {
	var got []string
	w := &LineWriter{Emit: func(line string) { got = append(got, line) }}
	_, err := io.CopyN(w, zeros{}, endlessBytes)
	require.NoError(t, err)
	assert.LessOrEqual(t, cap(w.pending), 2*MaxLineBytes)
	w.Flush()
	require.Len(t, got, 1)
	assert.Len(t, got[0], MaxLineBytes)
}

func TestTail_KeepsTheEnd(t *testing.T) {
	full := strings.Repeat("x", tailBytes)
	for name, test := range map[string]struct {
		writes []string
		want   string
	}{
		"nothing":                       {nil, ""},
		"several writes":                {[]string{"a\n", "b"}, "a\nb"},
		"more than the end":             {[]string{"a", full}, "a" + full},
		"more than twice the end":       {[]string{"a", full, full}, full},
		"much more than that":           {[]string{full, full, full, "b"}, full + "b"},
		"one write longer than the end": {[]string{"a" + full + "b"}, full[1:] + "b"},
	} {
		t.Run(name, func(t *testing.T) {
			var tail Tail
			for _, text := range test.writes {
				n, err := io.WriteString(&tail, text)
				require.NoError(t, err)
				assert.Len(t, text, n)
			}
			assert.Equal(t, test.want, tail.String())
		})
	}
}

func TestTail_EndlessOutputTakesLittleMemory(t *testing.T) {
	var tail Tail
	_, err := io.CopyN(&tail, zeros{}, endlessBytes)
	require.NoError(t, err)
	assert.LessOrEqual(t, cap(tail.kept), 4*tailBytes)
	assert.GreaterOrEqual(t, len(tail.String()), tailBytes)
	assert.LessOrEqual(t, len(tail.String()), 2*tailBytes)
}
