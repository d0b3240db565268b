package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/goyek/goyek/v2"

	"lockstep/internal/pipeline"
)

// defaultStopTimeout is how long an interrupted step may take to end by itself before its process group is killed. A
// run ends within 2 s of an interrupt.
const defaultStopTimeout = 1200 * time.Millisecond

// runTask runs a step's command as a process group of its own.
func (r *graphRun) runTask(a *goyek.A, step pipeline.Step) {
	if err := r.runStep(a, step); err != nil {
		r.failTask(a, step.Name, err)
	}
}

func (r *graphRun) runStep(a *goyek.A, step pipeline.Step) error {
	if step.Effect == pipeline.AWS && r.BeforeAWS != nil {
		if err := r.BeforeAWS(a.Context()); err != nil {
			return err
		}
	}
	cmd, err := r.newCommand(a.Context(), step)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = a.Output(), a.Output()
	return r.classifyExit(step, describeExit(runProcessGroup(cmd)))
}

func (r *graphRun) failTask(a *goyek.A, name string, err error) {
	switch {
	case a.Context().Err() != nil:
		r.recordResult(name, pipeline.Interrupted, "")
	default:
		r.recordError(name, err)
	}
	a.Fail()
}

// describeExit says in words how a process ended.
func describeExit(err error) error {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return fmt.Errorf("ended by signal %d (%v)", int(status.Signal()), status.Signal())
	}
	return &exitError{code: exit.ExitCode()}
}

// classifyExit tells a gate that could not do its work here from one that found something, and takes over why: its
// last line says it.
func (r *graphRun) classifyExit(step pipeline.Step, err error) error {
	var exit *exitError
	if !errors.As(err, &exit) || !step.IsGate() {
		return err
	}
	reason := exit.Error()
	if tail, err := Tail(r.logPath(step.Name)); err == nil && len(tail) > 0 {
		_, reason, _ = strings.Cut(tail[len(tail)-1], ": ")
	}
	if exit.code == pipeline.ExitNotRun {
		return &notRunError{reason}
	}
	return fmt.Errorf("%s%w", reason, hiddenError{exit})
}

// hiddenError keeps an error's kind without its words.
type hiddenError struct{ error }

func (hiddenError) Error() string   { return "" }
func (s hiddenError) Unwrap() error { return s.error }

// notRunError is a gate that could not do its work here.
type notRunError struct{ reason string }

func (e *notRunError) Error() string { return e.reason }

// exitError is a step's command that ended with a status other than 0.
type exitError struct{ code int }

func (e *exitError) Error() string { return fmt.Sprintf("exit status %d", e.code) }

// newCommand makes the step's process: its program found, its outputs out of the way, its environment scrubbed.
func (r *graphRun) newCommand(ctx context.Context, step pipeline.Step) (*exec.Cmd, error) {
	invocation := NewInvocation(step, r.Environ, r.Live)
	argv := invocation.Argv
	folders, err := r.tools.ensureTools(ctx, step.Tools, func(line string) { r.emitNotice(step.Name, line) })
	if err != nil {
		return nil, err
	}
	program, err := r.findProgram(argv[0], folders)
	if err != nil {
		return nil, err
	}
	for _, out := range step.Outputs {
		path := filepath.Join(r.Root, filepath.FromSlash(out))
		if err := os.RemoveAll(path); err != nil {
			return nil, fmt.Errorf("what it made last time cannot be removed: %w", err)
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, fmt.Errorf("its output has no place: %w", err)
		}
	}
	cmd := exec.CommandContext(ctx, program, argv[1:]...)
	cmd.Dir = r.Root
	cmd.Env = prependPath(invocation.Env, folders)
	cmd.Cancel = func() error { return signalProcessGroup(cmd, syscall.SIGTERM) }
	cmd.WaitDelay = cmp.Or(r.stopTimeout, defaultStopTimeout)
	cmd.SysProcAttr = processGroupAttributes()
	return cmd, nil
}

// findProgram finds a step's program: this very binary, one that an earlier step made, one of its tools', or one of
// the machine's.
func (r *graphRun) findProgram(name string, folders []string) (string, error) {
	switch {
	case name == pipeline.Self:
		return r.Executable, nil
	case filepath.Base(name) != name:
		return filepath.Join(r.Root, filepath.FromSlash(name)), nil
	default:
		return r.tools.find(name, folders)
	}
}

// runProcessGroup runs the command and leaves nobody of its process group behind, whichever way it ends.
func runProcessGroup(cmd *exec.Cmd) error {
	// The kernel ends the child when the thread that started it is gone, so the thread has to stay for as long as the
	// child.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			return fmt.Errorf("%s cannot be started: %w", cmd.Path, path.Err)
		}
		return fmt.Errorf("%s cannot be started: %w", cmd.Path, err)
	}
	err := cmd.Wait()
	_ = signalProcessGroup(cmd, syscall.SIGKILL) // mostly nobody is left to hear it
	if errors.Is(err, exec.ErrWaitDelay) {
		return errors.New("its processes did not end in time and were killed")
	}
	return err
}

func signalProcessGroup(cmd *exec.Cmd, signal syscall.Signal) error {
	if cmd.Process == nil {
		return os.ErrProcessDone
	}
	if err := syscall.Kill(-cmd.Process.Pid, signal); err != nil {
		return os.ErrProcessDone
	}
	return nil
}
