package host

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLineWriter(t *testing.T) {
	longLine := strings.Repeat("x", maxLineBytes)
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
			w := &lineWriter{emit: func(line string) { got = append(got, line) }}
			for _, text := range test.writes {
				n, err := io.WriteString(w, text)
				require.NoError(t, err)
				assert.Len(t, text, n)
			}
			w.flush()
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

// allocated returns how many bytes do allocates.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

const endlessBytes = 50 << 20

func TestLineWriter_EndlessLineTakesLittleMemory(t *testing.T) {
	var got []string
	w := &lineWriter{emit: func(line string) { got = append(got, line) }}
	assert.Less(t, allocated(func() {
		_, err := io.CopyN(w, zeros{}, endlessBytes)
		require.NoError(t, err)
		w.flush()
	}), uint64(1<<20))
	require.Len(t, got, 1)
	assert.Len(t, got[0], maxLineBytes)
}

func TestTail(t *testing.T) {
	repeated := strings.Repeat("x\n", tailLines)
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"few lines":       {"a\nb\n", []string{"a", "b"}},
		"many lines":      {"first\n" + repeated, strings.Fields(repeated)},
		"a progress line": {"10%\r20%\r\nb\r\n", []string{"20%", "b"}},
		"nothing":         {"", []string{""}},
	} {
		t.Run(name, func(t *testing.T) {
			log := filepath.Join(t.TempDir(), "log")
			require.NoError(t, os.WriteFile(log, []byte(test.text), 0o644))
			got, err := Tail(log)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestTail_ReadsEndOnly(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(log, nil, 0o644))
	require.NoError(t, os.Truncate(log, endlessBytes)) // zeros that take no room on the disk
	file, err := os.OpenFile(log, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = file.WriteString("\nlast\n")
	require.NoError(t, err)
	require.NoError(t, file.Close())
	var lines []string
	assert.Less(t, allocated(func() { lines, err = Tail(log) }), uint64(1<<20))
	require.NoError(t, err)
	assert.Equal(t, "last", lines[len(lines)-1])
}
