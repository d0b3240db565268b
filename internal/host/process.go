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

	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
	"lockstep/internal/proc"
)

// defaultStopTimeout is how long an interrupted step may take to end by itself before its process group is killed. A
// run ends within 2 s of an interrupt.
const defaultStopTimeout = 1200 * time.Millisecond

// runTask runs a step's command as a process group of its own.
func (r *graphRun) runTask(a *goyek.A, step pipeline.Step) {
	err := r.runStep(a, step)
	if err == nil {
		return
	}
	if a.Context().Err() != nil {
		r.recordResult(step.Name, pipeline.Interrupted, "")
	} else {
		r.recordError(step.Name, err)
	}
	a.Fail()
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
	return r.classifyExit(step, describeExit(runProcesses(cmd, r.processMarker(step.Name))))
}

// describeExit returns an error that says how a process ended: an *exitError with its status, or the signal that
// ended it.
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

// classifyExit returns a *notRunError for a gate that could not do its work here. The reason of a gate is the last
// line that it printed, after its verdict and a colon.
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
	return &exitError{code: exit.code, reason: reason}
}

// notRunError is a gate that could not do its work here.
type notRunError struct{ reason string }

func (e *notRunError) Error() string { return e.reason }

// exitError is a command that ended with a status other than 0.
type exitError struct {
	code int
	// reason is why, if the command says so.
	reason string
}

func (e *exitError) Error() string { return cmp.Or(e.reason, fmt.Sprintf("exit status %d", e.code)) }

// newCommand returns the step's process: its program is found, its outputs are removed, its environment is scrubbed.
func (r *graphRun) newCommand(ctx context.Context, step pipeline.Step) (*exec.Cmd, error) {
	invocation := NewInvocation(step, r.Environ, r.Live)
	folders, err := r.tools.ensureTools(ctx, step.Tools, func(line string) { r.emitNotice(step.Name, line) })
	if err != nil {
		return nil, err
	}
	program, err := r.findProgram(invocation.Argv[0], folders)
	if err != nil {
		return nil, err
	}
	for _, out := range step.Outputs {
		if err := os.RemoveAll(r.store.path(out)); err != nil {
			return nil, fmt.Errorf("its output of the last run cannot be removed: %w", err)
		}
		if err := os.MkdirAll(filepath.Dir(r.store.path(out)), 0o755); err != nil {
			return nil, fmt.Errorf("the folder of its output cannot be created: %w", err)
		}
	}
	cmd := exec.CommandContext(ctx, program, invocation.Argv[1:]...)
	cmd.Dir = r.Root
	cmd.Env = append(prependPath(invocation.Env, folders), proc.Variable+"="+r.processMarker(step.Name))
	cmd.Cancel = func() error { return signalProcessGroup(cmd, syscall.SIGTERM) }
	cmd.WaitDelay = cmp.Or(r.stopTimeout, defaultStopTimeout)
	cmd.SysProcAttr = processGroupAttributes()
	return cmd, nil
}

// findProgram returns the path of a step's program: this program, one that an earlier step built, one of its tools',
// or one of the machine's.
func (r *graphRun) findProgram(name string, folders []string) (string, error) {
	switch {
	case name == pipeline.Self:
		return r.Executable, nil
	case filepath.Base(name) != name:
		return r.store.path(name), nil
	default:
		return r.tools.find(name, folders)
	}
}

// processMarker returns the value of proc.Variable in the processes of a step. It begins with the folder of the run.
func (r *graphRun) processMarker(step string) string { return r.dir + "/" + step }

// runProcesses runs the command and kills every process that it has started and that still runs, however the command
// ends.
func runProcesses(cmd *exec.Cmd, marker string) error {
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
	killed := signalProcessGroup(cmd, syscall.SIGKILL) == nil // mostly the group is empty
	if proc.KillMarked(func(value string) bool { return value == marker }) > 0 {
		killed = true
	}
	if errors.Is(err, exec.ErrWaitDelay) {
		return outputHeldError(killed)
	}
	return err
}

// outputHeldError returns why a step failed whose command ended well, but left its output open to other processes.
func outputHeldError(killed bool) error {
	const started = "its command ended well, but a process that it had started "
	if killed {
		return errors.New(started + "did not end in time and was killed: see that the step waits for what it starts")
	}
	return errors.New(started + "has its output open still and was not found: end it, and see that the step waits for it")
}

// killStrayProcesses kills the processes of runs in this repository that were killed themselves.
func killStrayProcesses(runs string) int {
	return proc.KillMarked(func(value string) bool {
		name, found := strings.CutPrefix(value, runs+"/")
		if !found {
			return false
		}
		name, _, _ = strings.Cut(name, "/")
		alive := filepath.Join(runs, name, pipeline.RunAliveFile)
		if _, err := os.Stat(alive); err != nil {
			return false // another machine's, or another container's
		}
		locked, err := fsx.IsLocked(alive)
		return err == nil && !locked
	})
}

// signalProcessGroup sends a signal to the command's process group. The error is os.ErrProcessDone if there is none, as
// exec.Cmd.Cancel demands.
func signalProcessGroup(cmd *exec.Cmd, signal syscall.Signal) error {
	if cmd.Process == nil || syscall.Kill(-cmd.Process.Pid, signal) != nil {
		return os.ErrProcessDone
	}
	return nil
}
