package rehearsal

import (
	"context"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
)

func TestEmulator_LastUserStopsItAndStateStays(t *testing.T) {
	e, progress := newFakeEmulator(t)
	first, release, err := e.Acquire(t.Context())
	require.NoError(t, err, progress)
	putValue(t, first, "one")
	second, releaseSecond, err := e.Acquire(t.Context())
	require.NoError(t, err)
	assert.Equal(t, first, second)
	require.NoError(t, release())
	assert.Equal(t, "one", getValue(t, second), "it runs while one user is left")
	require.NoError(t, releaseSecond())
	status, err := e.Status(t.Context())
	require.NoError(t, err)
	assert.False(t, status.Running)

	third, releaseThird, err := e.Acquire(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "one", getValue(t, third))
	require.NoError(t, releaseThird())

	require.NoError(t, e.Reset(t.Context()))
	fresh, releaseFresh, err := e.Acquire(t.Context())
	require.NoError(t, err)
	assert.Empty(t, getValue(t, fresh))
	require.NoError(t, releaseFresh())
}

func TestEmulator_StartedOutlivesItsUsers(t *testing.T) {
	printed := faulttest.Printed(t)
	e, _ := newFakeEmulator(t)
	_, err := e.Start(t.Context())
	require.NoError(t, err)
	_, release, err := e.Acquire(t.Context())
	require.NoError(t, err)
	_, err = e.Stop(t.Context())
	require.ErrorIs(t, printed.Error(err), ErrInUse)
	require.ErrorIs(t, printed.Error(e.Reset(t.Context())), ErrInUse)
	require.NoError(t, release())
	status, err := e.Status(t.Context())
	require.NoError(t, err)
	assert.True(t, status.Running)
	assert.True(t, status.RunsUntilStopped)
	stopped, err := e.Stop(t.Context())
	require.NoError(t, err)
	assert.True(t, stopped)
	stopped, err = e.Stop(t.Context())
	require.NoError(t, err)
	assert.False(t, stopped, "no emulator runs")
}

func TestEmulator_StateAfterItEnded(t *testing.T) {
	for _, test := range []struct {
		name   string
		signal syscall.Signal
		want   string
	}{
		{"killed: the state of the last good stop", syscall.SIGKILL, "before"},
		{"in good order, without anybody to mark it: its own state", syscall.SIGTERM, "after"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, progress := newFakeEmulator(t)
			s, release, err := e.Acquire(t.Context())
			require.NoError(t, err)
			putValue(t, s, "before")
			require.NoError(t, release())

			s, release, err = e.Acquire(t.Context())
			require.NoError(t, err)
			putValue(t, s, "after")
			running, err := e.runningProcess()
			require.NoError(t, err)
			require.NoError(t, signalProcess(*running, test.signal))
			waitUntilEnded(t, e)
			require.NoError(t, release())

			s, release, err = e.Acquire(t.Context())
			require.NoError(t, err)
			assert.Equal(t, test.want, getValue(t, s))
			if test.signal == syscall.SIGKILL {
				assert.Contains(t, progress.String(), "were not stopped in good order")
			} else {
				assert.NotContains(t, progress.String(), "were not stopped in good order")
			}
			require.NoError(t, release())
		})
	}
}

// waitUntilEnded returns when the emulator's process has given its lock back.
func waitUntilEnded(t *testing.T, e *Emulator) {
	t.Helper()
	alive, err := os.Open(e.path(aliveFile))
	require.NoError(t, err)
	defer alive.Close()
	require.NoError(t, syscall.Flock(int(alive.Fd()), syscall.LOCK_SH))
}

func TestEmulator_HungIsReplaced(t *testing.T) {
	e, progress := newFakeEmulator(t)
	_, _, err := e.Acquire(t.Context())
	require.NoError(t, err)
	running, err := e.runningProcess()
	require.NoError(t, err)
	require.NoError(t, signalProcess(*running, syscall.SIGSTOP))
	e.timeouts.answer, e.timeouts.gracefulStop = time.Millisecond, time.Millisecond

	s, release, err := e.Acquire(t.Context())
	require.NoError(t, err)
	assert.True(t, s.isHealthy(t.Context(), defaultTimeouts.answer))
	assert.Contains(t, progress.String(), "do not answer")
	require.NoError(t, release())
}

func TestEmulator_TakenPortIsRefused(t *testing.T) {
	printed := faulttest.Printed(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	e, _ := newFakeEmulator(t)
	e.Port = listener.Addr().(*net.TCPAddr).Port

	_, _, err = e.Acquire(t.Context())
	printed.Error(err)
	require.ErrorContains(t, err, "port "+strconv.Itoa(e.Port)+" is taken by another program")
	alive, err := e.IsAlive()
	require.NoError(t, err)
	assert.False(t, alive)
}

func TestEmulator_StartedAtOnceEachHaveTheirPort(t *testing.T) {
	var all sync.WaitGroup
	for range 8 {
		e, progress := newFakeEmulator(t)
		e.AnyPort = false // all of them want the default one
		all.Go(func() {
			s, release, err := e.Acquire(t.Context())
			if assert.NoError(t, err, progress.String()) {
				assert.True(t, s.isHealthy(t.Context(), defaultTimeouts.answer))
				assert.NoError(t, release())
			}
		})
	}
	all.Wait()
}

func TestEmulator_CanceledStartLeavesNoProcess(t *testing.T) {
	e, _ := newFakeEmulator(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, _, err := e.Acquire(ctx)
	require.ErrorIs(t, err, context.Canceled)
	alive, err := e.IsAlive()
	require.NoError(t, err)
	assert.False(t, alive)
}

func TestEmulator_StartFailureIsExplained(t *testing.T) {
	printed := faulttest.Printed(t)
	for _, test := range []struct{ name, script, want string }{
		{"it ends at once", "echo no such option; exit 2", "the emulator ended as soon as it was started:\n  no such option"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e, _ := newFakeEmulator(t)
			e.newCommand = func(context.Context, int, tlsFiles) (*exec.Cmd, error) {
				return exec.Command("sh", "-c", test.script), nil
			}
			_, _, err := e.Acquire(t.Context())
			printed.Error(err)
			require.ErrorContains(t, err, test.want)
		})
	}
}

// A process id that was given to another program is not signalled.
func TestEmulator_OtherProcessIsNotEnded(t *testing.T) {
	printed := faulttest.Printed(t)
	e, _ := newFakeEmulator(t)
	_, release, err := e.Acquire(t.Context())
	require.NoError(t, err)
	emulator, err := e.runningProcess()
	require.NoError(t, err)
	other := exec.Command("cat")
	stdin, err := other.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, other.Start())
	stale := *emulator
	stale.PID = other.Process.Pid
	require.NoError(t, e.writeRecord(stale))

	require.ErrorContains(t, printed.Error(release()), "is not the emulator that was started at")
	require.NoError(t, stdin.Close())
	require.NoError(t, other.Wait(), "the other process ends by itself")
	require.NoError(t, e.writeRecord(*emulator)) // for the clean-up
}

// The emulator reads the record to see whether it runs until it is stopped.
func TestEmulator_StartAndStopRemoveOldRecord(t *testing.T) {
	e, _ := newFakeEmulator(t)
	_, err := e.Start(t.Context())
	require.NoError(t, err)
	_, err = e.Stop(t.Context())
	require.NoError(t, err)
	require.NoFileExists(t, e.path(recordFile))
	require.NoError(t, e.writeRecord(processRecord{PID: 1}), "of an emulator that was killed")

	listener, err := e.listen()
	require.NoError(t, err)
	defer listener.Close()
	_, err = e.spawn(exec.Command("true"), listener)
	require.NoError(t, err)
	assert.NoFileExists(t, e.path(recordFile))
}
