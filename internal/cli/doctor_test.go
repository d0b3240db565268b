package cli

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDoctor_ChecksStateFolder(t *testing.T) {
	for _, test := range []struct {
		name    string
		prepare func(t *testing.T, dir string)
		want    string // what was found; empty for a folder that can be used
	}{
		{"one that does not exist yet", func(*testing.T, string) {}, ""},
		{"one with a cache", func(t *testing.T, dir string) {
			require.NoError(t, os.MkdirAll(filepath.Join(dir, "cache"), 0o755))
		}, ""},
		{"a file in its place", func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(dir, nil, 0o644))
		}, "not a directory"},
		{"a link that leads nowhere", func(t *testing.T, dir string) {
			require.NoError(t, os.Symlink(dir+"-gone/.lockstep", dir))
		}, "file exists"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), ".lockstep")
			test.prepare(t, dir)
			check := checkStateDir(dir)
			if test.want == "" {
				assert.True(t, check.OK, check.Found)
				entries, err := os.ReadDir(dir)
				require.NoError(t, err)
				for _, entry := range entries {
					assert.True(t, entry.IsDir(), "%s is left", entry.Name())
				}
				return
			}
			assert.False(t, check.OK)
			assert.Contains(t, check.Found, test.want)
			assert.Contains(t, check.Remedy, "make it writable, or remove "+dir)
		})
	}
}
