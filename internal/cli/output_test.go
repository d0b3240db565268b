package cli

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fullWriter is a file on a disk that is full.
type fullWriter struct{}

func (fullWriter) Write([]byte) (int, error) {
	return 0, &os.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}
}

func TestExecute_ResultThatCannotBeWrittenIsAnErrorOnce(t *testing.T) {
	root := newProject(t)
	for _, args := range []string{
		"status", "status --json", "config show", "config show --json", "config schema", "config validate", "graph",
		"graph --format dot", "graph --json", "tools list", "images list", "rehearsal status", "rehearsal stop --json",
		"doctor", "deploy --env nowhere --json",
	} {
		t.Run(args, func(t *testing.T) {
			err := Execute(t.Context(), append([]string{"-C", root}, strings.Fields(args)...), Process{
				Stdout: fullWriter{}, Stderr: &bytes.Buffer{}, Environ: []string{"HOME=" + t.TempDir(), "PATH="}, Now: fixedTime,
			})
			require.Error(t, err)
			assert.Equal(t, 1, strings.Count(err.Error(), "no space left on device"), err)
			assert.False(t, IsPrinted(err))
		})
	}
}

func TestJoinWriteError(t *testing.T) {
	failed, full := errors.New("deploy failed"), errors.New("write: no space")
	require.NoError(t, joinWriteError(nil, nil))
	require.EqualError(t, joinWriteError(nil, full), "write: no space")
	assert.True(t, IsPrinted(joinWriteError(printedError{failed}, nil)))
	err := joinWriteError(printedError{failed}, full)
	assert.False(t, IsPrinted(err), "nobody has seen it")
	require.EqualError(t, err, "deploy failed\nwrite: no space")
	require.EqualError(t, joinWriteError(full, full), "write: no space")
}

func TestExecute_NeverWaitsForAPipe(t *testing.T) {
	for _, test := range []struct{ name, pipe, args, want string }{
		{"the configuration", "config/pipeline.yaml", "config validate", "is not a regular file but a named pipe"},
		{"an environment", "config/environments/dev.yaml", "graph", "is not a regular file but a named pipe"},
		{
			"an environment, as deploy reads it", "config/environments/dev.yaml", "deploy --env dev",
			"is not a regular file but a named pipe",
		},
		{"a plan", "plan.json", "deploy --plan plan.json", "is not a regular file but a named pipe"},
		{"a plan to drop", "plan.json", "plan --drop plan.json", "is not a regular file but a named pipe"},
		{"a plan to approve", "plan.json", "approve --plan plan.json", "is not a regular file but a named pipe"},
		{"results", "results.json", "summarize --results results.json", "is not a regular file but a named pipe"},
	} {
		t.Run(test.name, func(t *testing.T) {
			root := newProject(t)
			t.Chdir(root)
			_ = os.Remove(test.pipe) // it may be new
			require.NoError(t, syscall.Mkfifo(test.pipe, 0o600))
			_, err := runCommand(t, strings.Fields(test.args)...)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestIsTerminal_OnlyWhereACursorMoves(t *testing.T) {
	terminal, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("there is no pseudo terminal here:", err)
	}
	defer terminal.Close()
	assert.True(t, isTerminal(terminal, []string{"TERM=xterm-256color"}))
	assert.False(t, isTerminal(terminal, []string{"TERM=dumb"}))
	assert.False(t, isTerminal(terminal, []string{"TERM="}))
	assert.False(t, isTerminal(terminal, nil))
	assert.False(t, isTerminal(&bytes.Buffer{}, []string{"TERM=xterm"}))
}
