package module

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"lockstep/tests/harness"
)

// The module is a part of this repository though no engine is here to load it: it is vetted, and its tests run, like
// every other package.
func TestModule_VetAndTestsPass(t *testing.T) {
	project, _, _ := newProject(t)
	dir := filepath.Join(t.TempDir(), "ci")
	require.NoError(t, Compose(harness.Repository(), dir))
	t.Setenv("LOCKSTEP_REPOSITORY", project)
	for _, argv := range [][]string{{"go", "mod", "tidy", "-diff"}, {"go", "vet", "."}, {"go", "test", "-count=1", "."}} {
		_, err := runCommand(dir, argv...)
		require.NoError(t, err)
	}
}
