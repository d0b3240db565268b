package tests

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
)

// Two processes of the app write different files, because the CDK's metadata has the temporary folder of the process.
// What they would deploy is the same, and so are the digests.
func TestSynthDigest_SameForTwoProcessesOfTheApp(t *testing.T) {
	dir := t.TempDir()
	app := filepath.Join(dir, "infra")
	build := exec.Command("go", "build", "-o", app, "./infra")
	build.Dir = repository
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	synthesise := func(folder string) fs.FS {
		run := exec.Command(app, "--env", "dev", "--out", filepath.Join(dir, folder))
		run.Dir = repository
		out, err := run.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return os.DirFS(filepath.Join(dir, folder, "dev"))
	}
	first, second := synthesise("first"), synthesise("second/folder")
	want, err := assembly.SynthDigest(first)
	require.NoError(t, err)
	got, err := assembly.SynthDigest(second)
	require.NoError(t, err)
	assert.Equal(t, want, got)

	file := filepath.Join(dir, "first", "dev", "lockstep-dev-storage.template.json")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append(text, '\n'), 0o600))
	changed, err := assembly.SynthDigest(first)
	require.NoError(t, err)
	assert.NotEqual(t, want, changed, "a template counts")
}
