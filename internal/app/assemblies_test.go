package app

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/fsx"
)

// What lies behind a link can be another assembly when it is deployed.
func TestReplaceAssemblies_RefusesLinksOut(t *testing.T) {
	environments := []config.Environment{{Name: "dev"}}
	for name, link := range map[string]string{"the assembly's folder": "dev", "its manifest": "dev/manifest.json"} {
		t.Run(name, func(t *testing.T) {
			from, to, outside := t.TempDir(), t.TempDir(), t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(outside, "manifest.json"), []byte("{}"), 0o600))
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(from, link)), 0o700))
			require.NoError(t, os.Symlink(filepath.Join(outside, filepath.Base(link)), filepath.Join(from, link)))
			if link == "dev" {
				require.NoError(t, os.Symlink(outside, filepath.Join(outside, "dev")))
			}
			var escape *fsx.EscapeError
			require.ErrorAs(t, replaceAssemblies(environments, from, to), &escape)
			found, err := os.ReadDir(to)
			require.NoError(t, err)
			assert.Empty(t, found)
		})
	}
}
