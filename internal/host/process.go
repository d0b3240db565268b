package host

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/goyek/goyek/v2"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
	"lockstep/internal/process"
	"lockstep/tools"
)

// defaultStopTimeout is how long an interrupted step may take to end by itself before its process group is killed. A
// run ends within 2 s of an interrupt.
const defaultStopTimeout = 1200 * time.Millisecond

// runTask runs a step's command as a process group of its own.
func (r *graphRun) runTask(a *goyek.A, step pipeline.Step) {
	err := r.runStep(a, step)
	var nothing *pipeline.NothingToDoError
	switch {
	case err == nil:
		return
	case errors.As(err, &nothing):
		r.recordResult(step.Name, pipeline.NothingToDo, nothing.Reason)
		return
	case a.Context().Err() != nil:
		r.recordResult(step.Name, pipeline.Interrupted, "")
	default:
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
	cmd, files, err := r.newCommand(a.Context(), step)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = a.Output(), a.Output()
	cmd.Env = append(cmd.Env, r.telemetryEnviron(a.Context(), step)...)
	err = process.RunMarked(cmd, cmp.Or(r.stopTimeout, defaultStopTimeout), r.processMark(step.Name), files)
	return r.classifyExit(step, exitErrorOf(err))
}

// exitErrorOf returns an *exitError for a process that ended with a status other than 0, and an error that says what
// happened for any other.
func exitErrorOf(err error) error {
	var exit *exec.ExitError
	if _, signaled := process.Signal(err); signaled {
		return fault.New(fault.StepFailed, process.DescribeExit(err))
	}
	if errors.As(err, &exit) {
		return &exitError{status: exit.ExitCode()}
	}
	return err
}

// classifyExit returns a *pipeline.NotRunError for a gate that could not do its work here, and a
// *pipeline.NothingToDoError for one that has nothing to check. The reason of a gate is the last line that it printed,
// after its verdict and a colon, and begins with a code unless it is that of every gate.
func (r *graphRun) classifyExit(step pipeline.Step, err error) error {
	var exit *exitError
	if !errors.As(err, &exit) {
		return err
	}
	tail, tailErr := Tail(r.logPath(step.Name))
	code, reason := step.FailureCode(strings.Join(tail, "\n")), exit.reason
	if step.IsGate() && tailErr == nil && len(tail) > 0 {
		_, reason, _ = strings.Cut(tail[len(tail)-1], ": ")
		var own fault.Code
		own, reason = fault.Cut(reason)
		code = cmp.Or(own, code)
	}
	switch {
	case step.IsGate() && exit.status == pipeline.ExitNotRun:
		return &pipeline.NotRunError{Reason: reason}
	case step.IsGate() && exit.status == pipeline.ExitNothingToDo:
		return &pipeline.NothingToDoError{Reason: reason}
	}
	return &exitError{status: exit.status, code: code, reason: reason}
}

// exitError is a command that ended with a status other than 0.
type exitError struct {
	status int
	code   fault.Code
	// reason is why, if the command says so.
	reason string
}

func (e *exitError) Error() string { return cmp.Or(e.reason, fmt.Sprintf("exit status %d", e.status)) }

// Code returns the code of the error.
func (e *exitError) Code() fault.Code { return cmp.Or(e.code, fault.StepFailed) }

// newCommand returns the step's process, and the files that it sees, nil for all: its program is found, its outputs are
// removed, its environment is scrubbed.
func (r *graphRun) newCommand(ctx context.Context, step pipeline.Step) (*exec.Cmd, *process.Files, error) {
	invocation := NewInvocation(step, r.Environ, r.Live)
	folders, err := r.tools.ensureTools(ctx, step.Tools, func(line string) { r.emitNotice(step.Name, line) })
	if err != nil {
		return nil, nil, err
	}
	program, err := r.findProgram(invocation.Argv[0], folders)
	if err != nil {
		return nil, nil, err
	}
	if err := r.store.removeOutputs(step); err != nil {
		return nil, nil, err
	}
	cmd := process.TableCommand(ctx, append([]string{program}, invocation.Argv[1:]...))
	cmd.Dir = r.Root
	cmd.Env = prependPath(invocation.Env, folders)
	if seesPerson(step, r.Live) {
		return cmd, nil, nil
	}
	root, err := filepath.Abs(r.Root)
	if err != nil {
		return nil, nil, err
	}
	home, err := makeHome(root, step.Name)
	if err != nil {
		return nil, nil, fmt.Errorf("a home folder for it cannot be created: %w", err)
	}
	m := newMachine(r.Environ)
	cmd.Env = m.hidePerson(cmd.Env, home)
	if isDeployment(step) { // the settings of the builder of images are in the person's home
		cmd.Env = append(cmd.Env, pipeline.BuilderHomeVariable+"="+m.home)
	}
	if step.Effect != pipeline.AWS {
		cmd.Env = append(cmd.Env, tools.OwnDirVariable+"="+filepath.Join(home, ".cache", "lockstep"))
	}
	files := m.files(root, step, folders)
	if files == nil || !process.CanHideFiles() {
		return cmd, nil, nil
	}
	files.Readable = append(files.Readable, program)
	return cmd, files, m.makeCaches()
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

// processMark returns the value of process.Variable in the processes of a step. It begins with the folder of the run.
func (r *graphRun) processMark(step string) string { return r.dir + "/" + step }

// killStrayProcesses kills the processes of runs in this repository that were killed themselves.
func killStrayProcesses(runs string) int {
	return process.KillMarked(func(value string) bool {
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
