package host

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// allocated returns how many bytes do allocates.
func allocated(do func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
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
	require.NoError(t, os.Truncate(log, 50<<20)) // zeros that take no room on the disk
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
