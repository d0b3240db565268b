package harness

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReplaceOnce_RefusesOtherCounts(t *testing.T) {
	text, err := ReplaceOnce("one two", "two", "three")
	require.NoError(t, err)
	assert.Equal(t, "one three", text)
	for _, old := range []string{"four", "o"} {
		_, err := ReplaceOnce("one two", old, "")
		assert.Error(t, err, old)
	}
}

func TestCheckSection_ComparesOrWrites(t *testing.T) {
	file := filepath.Join(t.TempDir(), "page.md")
	MustWriteFile(t, file, "before <!-- a --> old <!-- b --> after")
	check := func(want string, write bool) error {
		return CheckSection(file, "<!-- a -->", "<!-- b -->", want, write)
	}
	assert.NoError(t, check(" old ", false))
	assert.Error(t, check(" new ", false))
	assert.NoError(t, check(" new ", true))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Equal(t, "before <!-- a --> new <!-- b --> after", string(text))
	assert.Error(t, CheckSection(file, "<!-- c -->", "<!-- b -->", "", true), "a comment is missing")
}

func TestCopyProject_HasFixtureConfiguration(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, CopyProject(dir, "tests", "infra", "docs"))
	assert.NoDirExists(t, filepath.Join(dir, "infra"))
	assert.FileExists(t, filepath.Join(dir, "config", "load.go"))
	text, err := os.ReadFile(filepath.Join(dir, "config", "pipeline.yaml"))
	require.NoError(t, err)
	want, err := os.ReadFile(filepath.Join(Repository(), platformDir, "pipeline.yaml"))
	require.NoError(t, err)
	assert.Equal(t, string(want), string(text))
}

func TestWaitExit_ReturnsAfterTheEnd(t *testing.T) {
	cmd := exec.Command("cat") // waits for its input to end
	input, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	require.NoError(t, input.Close())
	require.NoError(t, WaitExit(cmd.Process.Pid))
	require.NoError(t, cmd.Wait())
	assert.NoError(t, WaitExit(cmd.Process.Pid), "it is gone")
}
