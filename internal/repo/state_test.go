package repo

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
)

func TestState_IsIgnoredWhateverTheRepositoryIgnores(t *testing.T) {
	root := t.TempDir()
	r := New(root, os.Environ())
	git(t, root, "init", "--quiet")
	require.NoError(t, GuardState(root))
	assert.NoDirExists(t, filepath.Join(root, pipeline.StateDir), "no command makes it without need")

	require.NoError(t, MakeState(root))
	secret := filepath.Join(root, pipeline.StateDir, "secret")
	require.NoError(t, os.WriteFile(secret, nil, 0o600))
	assert.Empty(t, git(t, root, "status", "--porcelain", "--untracked-files=all"))

	require.NoError(t, os.Remove(filepath.Join(root, pipeline.StateDir, ".gitignore")))
	require.NoError(t, GuardState(root), "a folder of an older version")
	assert.Empty(t, git(t, root, "status", "--porcelain", "--untracked-files=all"))

	git(t, root, "add", "--force", secret)
	committed, err := r.CommittedState(t.Context())
	require.NoError(t, err)
	assert.Equal(t, []string{".lockstep/secret"}, committed, "what somebody forces in is still refused")
}

// A link in the place of the folder leads to nothing that is written.
func TestState_LinkIsNotFollowed(t *testing.T) {
	root, other := t.TempDir(), t.TempDir()
	require.NoError(t, os.Symlink(other, filepath.Join(root, pipeline.StateDir)))
	require.NoError(t, GuardState(root))
	entries, err := os.ReadDir(other)
	require.NoError(t, err)
	assert.Empty(t, entries)
}
