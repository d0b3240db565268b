// Package process runs programs as process groups, finds and ends what a run has started, in whatever process group and
// session it is, reads what it prints, and says how a program ended. It knows nothing of steps, gates and tools. Only
// Linux says enough of processes to find those that have left their group.
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

	"lockstep/internal/fault"
)

// RunGroup runs a command of exec.CommandContext as a process group of its own. When the context ends, the group gets
// SIGTERM and has stopTimeout to end by itself. However the command ends, what is left of its group is killed.
func RunGroup(cmd *exec.Cmd, stopTimeout time.Duration) error { return run(cmd, stopTimeout, "", nil) }

// RunMarked is RunGroup for a command that marks its processes: those with this mark are killed too when the command
// has ended, in whatever group they are. They see files alone, where the system can hide the others; nil for all.
func RunMarked(cmd *exec.Cmd, stopTimeout time.Duration, mark string, files *Files) error {
	cmd.Env = append(cmd.Env, Variable+"="+mark)
	return run(cmd, stopTimeout, mark, files)
}

func run(cmd *exec.Cmd, stopTimeout time.Duration, mark string, files *Files) error {
	cmd.SysProcAttr = groupAttributes()
	cmd.Cancel = func() error { return signalGroup(cmd, syscall.SIGTERM) }
	cmd.WaitDelay = stopTimeout
	started, ended := make(chan error, 1), make(chan error, 1)
	go startAndWait(cmd, files, started, ended)
	if err := <-started; err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err
		}
		return fault.Errorf(fault.StepFailed, "%s cannot be started: %w", cmd.Path, err)
	}
	err := <-ended
	killed := signalGroup(cmd, syscall.SIGKILL) == nil // mostly the group is empty
	if mark != "" && KillMarked(func(value string) bool { return value == mark }) > 0 {
		killed = true
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		return outputHeldError(killed)
	}
	return err
}

// startAndWait starts a command in a thread of its own and waits for its end. Linux kills the child when the thread
// that started it ends (Pdeathsig), so the thread lives as long as the child. It ends with it, because nothing else may
// run in a thread from which files are hidden.
func startAndWait(cmd *exec.Cmd, files *Files, started, ended chan<- error) {
	runtime.LockOSThread() // and never unlocked: the thread ends with this goroutine
	err := files.confineThread()
	if err == nil {
		err = cmd.Start()
	}
	started <- err
	if err == nil {
		ended <- cmd.Wait()
	}
}

// outputHeldError returns why a program failed that ended well, but left its output open to other processes.
func outputHeldError(killed bool) error {
	const started = "its command ended well, but a process that it had started "
	if killed {
		return fault.New(fault.StepProcess,
			started+"did not end in time and was killed: see that it waits for what it starts")
	}
	return fault.New(fault.StepProcess,
		started+"has its output open still and was not found: end it, and see that the command waits for it",
	)
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

// statusNotFound is the status of a shell that has found no program. Source: POSIX, "Exit Status for Commands".
const statusNotFound = 127

// DescribeExit returns how a program ended, in words that follow its name, from the error of exec.Cmd.Run: with a
// status or by a signal. Status 127 is that of a shell that has found no such program. The text of any other error is
// returned as it is.
func DescribeExit(err error) string {
	if signal, ok := Signal(err); ok {
		return fmt.Sprintf("was ended by signal %d (%v)", int(signal), signal)
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Sprint(err)
	}
	status := fmt.Sprintf("ended with status %d", exit.ExitCode())
	if exit.ExitCode() == statusNotFound {
		status += ": a program that it runs is not on the PATH"
	}
	return status
}
