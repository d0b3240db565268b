package process

import (
	"context"
	"errors"
	"io"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
)

func TestDescribeExit(t *testing.T) {
	for _, test := range []struct {
		script, want string
		signal       syscall.Signal
	}{
		{"exit 3", "ended with status 3", 0},
		{"no-such-program", "ended with status 127: a program that it runs is not on the PATH", 0},
		{"kill -9 $$", "was ended by signal 9 (killed)", syscall.SIGKILL},
		{"kill -15 $$", "was ended by signal 15 (terminated)", syscall.SIGTERM},
	} {
		err := RunGroup(exec.CommandContext(t.Context(), "sh", "-c", test.script), time.Minute)
		assert.Equal(t, test.want, DescribeExit(err))
		signal, ok := Signal(err)
		assert.Equal(t, test.signal, signal)
		assert.Equal(t, test.signal != 0, ok)
	}
	assert.Equal(t, "no program", DescribeExit(errors.New("no program")))
}

func TestRunGroup_MissingProgram(t *testing.T) {
	err := RunGroup(exec.CommandContext(t.Context(), "/nonexistent/program"), time.Minute)
	require.EqualError(t, err, "/nonexistent/program cannot be started: no such file or directory")
}

// holdPipe is a script whose child keeps the write end of its output open for as long as it lives.
const holdPipe = "sleep 1000 & echo started; "

func TestRunGroup_KillsChildThatOutlivesProgram(t *testing.T) {
	printed := faulttest.Printed(t)
	out, in := io.Pipe()
	cmd := exec.CommandContext(t.Context(), "sh", "-c", holdPipe+"exit 0")
	cmd.Stdout = in
	go func() { _, _ = io.Copy(io.Discard, out) }()
	err := RunGroup(cmd, time.Millisecond)
	printed.Error(err)
	require.EqualError(t, err,
		"its command ended well, but a process that it had started did not end in time and was killed: "+
			"see that it waits for what it starts")
}

func TestRunGroup_InterruptEndsChildrenToo(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	cmd := exec.CommandContext(ctx, "sh", "-c", holdPipe+"wait")
	cmd.Stdout = in
	go func() {
		_, _ = io.ReadFull(out, make([]byte, len("started")))
		cancel()
		_, _ = io.Copy(io.Discard, out)
	}()
	err := RunGroup(cmd, time.Minute)
	signal, _ := Signal(err)
	assert.Equal(t, syscall.SIGTERM, signal, "%v", err)
}
