package host

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
)

// A commit puts a link in the place of the folder that an output is in. What it leads to is neither removed nor
// written: not when the step runs, and not when its result is in the cache.
func TestStep_OutputBehindALinkIsRefused(t *testing.T) {
	for name, isCached := range map[string]bool{"that runs": false, "that is cached": true} {
		t.Run(name, func(t *testing.T) {
			root, outside := repository(t, nil), t.TempDir()
			victim := filepath.Join(outside, "site", "file")
			require.NoError(t, os.Mkdir(filepath.Dir(victim), 0o755))
			require.NoError(t, os.WriteFile(victim, []byte("of the person"), 0o600))
			step := shellStep("make", "mkdir docs/site && echo made > docs/site/file")
			step.Outputs = []string{"docs/site"}
			runner := &Runner{Root: root}
			if isCached {
				require.NoError(t, os.Mkdir(filepath.Join(root, "docs"), 0o755))
				require.Equal(t, pipeline.Ran, runSteps(t, runner, step)["make"].Status)
				require.NoError(t, os.RemoveAll(filepath.Join(root, "docs")))
			}
			require.NoError(t, os.Symlink(outside, filepath.Join(root, "docs")))
			result := runSteps(t, runner, step)["make"]
			assert.Equal(t, pipeline.Failed, result.Status)
			assert.Contains(t, result.Reason, "docs")
			assert.Equal(t, "of the person", readFile(t, victim))
		})
	}
}

// A step is kept from the person's files. It must not have them copied into the cache either, by a link that it makes.
func TestStep_LinkToOtherFilesIsNotStored(t *testing.T) {
	root, outside := repository(t, nil), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "key"), []byte("of the person"), 0o600))
	step := shellStep("make", "rmdir docs && ln -s "+outside+" docs")
	step.Outputs = []string{"docs/key"}
	result := runSteps(t, &Runner{Root: root}, step)["make"]
	assert.Equal(t, pipeline.Failed, result.Status)
	assert.Contains(t, result.Reason, "docs/key is not in the repository")
	blobs, err := filepath.Glob(filepath.Join(root, pipeline.StateDir, "cache", "blobs", "*"))
	require.NoError(t, err)
	for _, blob := range blobs {
		assert.NotContains(t, readFile(t, blob), "of the person")
	}
}
