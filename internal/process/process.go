// Package process runs programs as process groups, so that none of their children outlives them, and says how a program
// ended. It knows nothing of steps, gates and tools.
package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// RunGroup runs a command of exec.CommandContext as a process group of its own. When the context ends, the group gets
// SIGTERM and has stopTimeout to end by itself. However the command ends, what is left of its group is killed.
func RunGroup(cmd *exec.Cmd, stopTimeout time.Duration) error {
	cmd.SysProcAttr = groupAttributes()
	cmd.Cancel = func() error { return signalGroup(cmd, syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	// Linux kills the child when the thread that started it ends (Pdeathsig), so the thread has to live as long as the
	// child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return fmt.Errorf("%s cannot be started: %w", cmd.Path, err)
	}
	err := cmd.Wait()
	_ = signalGroup(cmd, syscall.SIGKILL) // mostly the group is empty
	if errors.Is(err, exec.ErrWaitDelay) {
		return errors.New("its processes did not end in time and were killed")
	}
	return err
}

// signalGroup sends a signal to the command's process group. The error is os.ErrProcessDone if there is none, as
// exec.Cmd.Cancel demands.
func signalGroup(cmd *exec.Cmd, signal syscall.Signal) error {
	if cmd.Process == nil || syscall.Kill(-cmd.Process.Pid, signal) != nil {
		return os.ErrProcessDone
	}
	return nil
}

// Signal returns the signal that ended a program, from the error of exec.Cmd.Run. It reports false if none did.
func Signal(err error) (syscall.Signal, bool) {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return 0, false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return 0, false
	}
	return status.Signal(), true
}

// DescribeExit returns how a program ended, in words that follow its name, from the error of exec.Cmd.Run: with a
// status or by a signal. The text of any other error is returned as it is.
func DescribeExit(err error) string {
	if signal, ok := Signal(err); ok {
		return fmt.Sprintf("was ended by signal %d (%v)", int(signal), signal)
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return fmt.Sprintf("ended with status %d", exit.ExitCode())
	}
	return fmt.Sprint(err)
}
