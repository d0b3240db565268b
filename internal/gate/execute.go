package gate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
	"lockstep/internal/process"
	"lockstep/internal/text"
)

// maxReportBytes is the size of the largest report that is read, in bytes. Reports of whole repositories stay far
// below it.
const maxReportBytes = 64 << 20

// A program is what is started for a gate.
type program struct {
	argv []string
	// dir is the folder that it runs in; the repository's root if it is empty.
	dir string
	// env are variables of its environment, as NAME=VALUE.
	env []string
}

// execute runs the program. The reader gets its standard output and the log its standard error, unless the reader wants
// both. It returns the end of standard error, and the error of exec.Cmd.Run.
func (g Gate) execute(ctx context.Context, p program, reader reader) (stderr string, err error) {
	file, err := programPath(p.argv[0])
	if err != nil {
		return "", err
	}
	cmd := process.TableCommand(ctx, append([]string{file}, p.argv[1:]...))
	cmd.Dir = cmp.Or(p.dir, g.Root)
	// The program's own children may hold its output open. They end with the step's process group.
	cmd.WaitDelay = 500 * time.Millisecond
	// Some programs break their lines at the assumed width of a terminal, even inside of a file's name.
	cmd.Env = append(append(os.Environ(), "COLUMNS=32767", "NO_COLOR=1"), p.env...)
	tail := &process.Tail{}
	cmd.Stdout = reader
	cmd.Stderr = io.MultiWriter(g.Log, tail)
	if _, ok := reader.(stderrReader); ok {
		// exec.Cmd writes to one writer at a time if both streams have the same.
		cmd.Stderr = io.MultiWriter(reader, tail)
		cmd.Stdout = cmd.Stderr
	}
	err = cmd.Run()
	return tail.String(), err
}

// programPath returns what is started for a gate's program: this program itself for pipeline.Self.
func programPath(name string) (string, error) {
	if name == pipeline.Self {
		return os.Executable()
	}
	return name, nil
}

// A syncWriter is a writer that may be used concurrently.
type syncWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (t *syncWriter) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.w.Write(p)
}

// checkOutcome returns an error if the program's report does not count: it cannot be read, or the program failed and
// the report has no findings. The error is a *pipeline.NotRunError if the program could not reach what it needs.
func checkOutcome(result outcome, readErr, runErr error, stderr string) error {
	reason, err := judge(result, readErr, runErr)
	if reason == "" {
		return err
	}
	if line := pipeline.NetworkError(stderr); line != "" {
		return &pipeline.NotRunError{Reason: "it could not reach what it needs: " + line}
	}
	return failure(reason, readErr, stderr)
}

// judge returns why the program's report does not count; empty if it does, or if the error says why.
func judge(result outcome, readErr, runErr error) (string, error) {
	status := describeExit(runErr)
	_, signaled := process.Signal(runErr)
	var notRun *pipeline.NotRunError
	switch {
	case errors.As(readErr, &notRun):
		return "", notRun
	case signaled:
		return "", &FailedError{fault.GateProgram, status}
	case errors.Is(runErr, exec.ErrNotFound):
		return "", &pipeline.NotRunError{Reason: fmt.Sprintf("%s; `lockstep doctor` says what to do", runErr)}
	case readErr != nil && runErr != nil:
		return status + ", and " + readErr.Error(), nil
	case readErr != nil:
		return readErr.Error(), nil
	case result.report.Broken != "":
		return result.report.Broken, nil
	case runErr != nil && len(result.report.Findings) == 0:
		return status + " but reported nothing", nil
	}
	return "", nil
}

// failure returns the error of a report that does not count, with the last line that the program printed.
func failure(reason string, readErr error, stderr string) error {
	if last := text.LastLine(stderr); last != "" {
		if code, message := fault.Cut(strings.TrimPrefix(last, pipeline.Self+": ")); code != "" {
			return &FailedError{code, message} // this program says all of it itself
		}
		reason += ": " + last
	}
	return &FailedError{cmp.Or(fault.Of(readErr), fault.GateProgram), reason}
}

// describeExit returns how the gate's program ended, in words.
func describeExit(err error) string {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Sprint(err)
	}
	return "its program " + process.DescribeExit(err)
}
