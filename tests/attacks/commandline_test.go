package attacks

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/tests/harness"
)

// A clone brings along what is committed, in spite of .gitignore.
func TestCommandLine_RefusesCommittedState(t *testing.T) {
	program, err := harness.BuildProgram(t.TempDir())
	require.NoError(t, err)
	for file, clean := range map[string]bool{
		".lockstep/cache/entries/a.json": false, ".env": false, "ci/.env": false, "web/.env": true,
	} {
		t.Run(file, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, harness.UsePlatform(dir))
			harness.MustWriteFile(t, filepath.Join(dir, ".gitignore"), ".lockstep\n.env\n")
			harness.MustWriteFile(t, filepath.Join(dir, file), "x")
			for _, args := range [][]string{{"init", "--quiet"}, {"add", "--force", file}} {
				git := exec.Command("git", args...)
				git.Dir = dir
				out, err := git.CombinedOutput()
				require.NoError(t, err, string(out))
			}
			if clean {
				out, status := harness.Run(t, program.Command(dir, "graph"))
				assert.Zero(t, status, out)
				return
			}
			for _, args := range [][]string{
				{"graph"},
				{"config", "validate"},
				{"synth", "--env", "dev"},
				{"plan", "--env", "acc"},
				{"deploy", "--env", "acc"},
				{"status"},
			} {
				out, status := harness.Run(t, program.Command(dir, args...))
				assert.Equal(t, 3, status, out)
				assert.Contains(t, out, "the repository holds "+file)
			}
		})
	}
}
