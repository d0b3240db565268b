package process

import (
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// This is why gosec's rule G204 is waived in command.go: whatever a caller hands over, no shell reads it.
func TestCommand_NoShellReadsAnArgument(t *testing.T) {
	created := filepath.Join(t.TempDir(), "made")
	script := "touch " + created
	for _, argv := range [][]string{
		{"sh", "-c", script},
		{"/bin/sh", "-c", script},
		{"bash", "-ec", script},
		{"bash", "-x", "-c", script},
		{"dash", "-c", script},
		{"env", "-S", "sh -c '" + script + "'"},
		{"env", "-i", "sh", "-c", script},
		{"busybox", "sh", "-c", script},
		{"xargs", "sh", "-c", script},
		{"sudo", "sh", "-c", script},
		{"su", "-c", script},
		{"nice", "sh", "-c", script},
		{"python3", "-c", script},
		{"perl", "-e", script},
		{"SH.EXE", "-c", script},
		{"cmd.exe", "/c", script},
		{"pwsh", "-Command", script},
	} {
		err := Command(t.Context(), argv[0], argv[1:]...).Run()
		require.ErrorContains(t, err, "is not started with a script in its arguments", argv)
	}
	assert.NoFileExists(t, created)
}

func TestCommand_PassesArgumentsAsTheyAre(t *testing.T) {
	want := "a b; touch x && $(id) `id` \"'* \\ > y"
	out, err := Command(t.Context(), "printf", "%s", want).Output()
	require.NoError(t, err)
	assert.Equal(t, want, string(out))
}

// A script that stands in a table is a whole, and what it is given reaches it as arguments.
func TestTableCommand_RunsShellOfTable(t *testing.T) {
	out, err := TableCommand(t.Context(), []string{"sh", "-c", `printf '%s' "$1"`, "sh", "$(id)"}).Output()
	require.NoError(t, err)
	assert.Equal(t, "$(id)", string(out))
	require.ErrorIs(t, TableCommand(t.Context(), []string{"no-such-program"}).Run(), exec.ErrNotFound)
}
