package config

import (
	"io/fs"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// small texts that a parser without bounds takes hundreds of megabytes for
var deepTexts = map[string]string{
	"lists":                                 "a: " + strings.Repeat("[", 100_000),
	"lists that are closed":                 "a: " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
	"mappings":                              "a: " + strings.Repeat("{a: ", 50_000),
	"both":                                  "a: " + strings.Repeat("[{a: ", 40_000),
	"entries on a line":                     "a:\n  " + strings.Repeat("- ", 100_000) + "a",
	"entries over the lines":                staircase("- \n"),
	"keys over the lines":                   staircase("a:\n"),
	"explicit keys":                         strings.Repeat("? ", 100_000) + "a",
	"a bracket in quotes closes nothing":    "a: " + strings.Repeat(`["]", `, 40_000),
	"a bracket in a comment closes nothing": "a: " + strings.Repeat("[ # ]\n  ", 20_000),
}

// staircase returns lines that are each indented by one more column than the one before.
func staircase(line string) string {
	var b strings.Builder
	for i := range 600 {
		b.WriteString(strings.Repeat(" ", i) + line)
	}
	return b.String()
}

func TestLoad_RefusesDeepFileBeforeItIsParsed(t *testing.T) {
	for name, text := range deepTexts {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := parseWaivers(text)
			runtime.ReadMemStats(&after)
			require.ErrorContains(t, err, "is nested deeper than 50 levels")
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(150<<20), "bytes are taken")
		})
	}
}

func TestLoad_AcceptsNestingOfPluginOptions(t *testing.T) {
	text := "waivers: " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "\n"
	_, err := parseWaivers(text)
	assert.NotContains(t, err.Error(), "nested deeper")
	_, err = parseWaivers("waivers:\n" + strings.Repeat("  - rule: a\n    path: [a, b]\n", 1000))
	assert.NotContains(t, err.Error(), "nested deeper", "many are not deep")
}

func TestLoad_RefusesFileThatIsTooLarge(t *testing.T) {
	_, err := parseWaivers(strings.Repeat("#", maxFileBytes+1))
	assert.ErrorContains(t, err, "is larger than 262144 bytes")
}

func TestLoad_RefusesWhatIsNoFile(t *testing.T) {
	for _, mode := range []fs.FileMode{fs.ModeDevice, fs.ModeNamedPipe, fs.ModeSocket} {
		_, err := LoadWaivers(fstest.MapFS{"waivers.yaml": {Mode: mode}})
		assert.ErrorContains(t, err, "is not a regular file but a ")
	}
	dir := t.TempDir()
	require.NoError(t, os.Symlink("/dev/zero", dir+"/waivers.yaml"))
	_, err := LoadWaivers(os.DirFS(dir))
	assert.ErrorContains(t, err, "is not a regular file but a ")
}
