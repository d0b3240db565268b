package gate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"
)

// maxReportBytes is more than any tool has to say of a repository, in bytes.
const maxReportBytes = 64 << 20

// execute runs the program: what it prints goes to the reader, what it says on the side to the log. It returns the end of the
// latter, and how the program ended.
func (g Gate) execute(ctx context.Context, argv []string, read reader) (said string, ended error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir = g.Root
	cmd.WaitDelay = 500 * time.Millisecond // for what the program started itself, which is in the step's process group and ends with it
	// Some programs break their lines where they take a terminal to end, in the middle of a file's name.
	cmd.Env = append(os.Environ(), "COLUMNS=32767", "NO_COLOR=1")
	side := &tailBuffer{limit: 16 << 10}
	cmd.Stdout, cmd.Stderr = read, io.MultiWriter(g.Log, side)
	if _, both := read.(stderrReader); both {
		cmd.Stderr = io.MultiWriter(read, side)
		cmd.Stdout = cmd.Stderr // one stream, so that nothing is written at the same time
	}
	err := cmd.Run()
	return side.String(), err
}

// syncWriter is a writer that two streams of a program share.
type syncWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (t *syncWriter) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.w.Write(p)
}

// tailBuffer keeps the end of what is written.
type tailBuffer struct {
	limit int
	bytes.Buffer
}

func (t *tailBuffer) Write(p []byte) (int, error) {
	n, _ := t.Buffer.Write(p)
	if t.Len() > 2*t.limit {
		t.Next(t.Len() - t.limit)
	}
	return n, nil
}

// networkErrorPattern is how programs say that the network, or a database behind it, is not there.
var networkErrorPattern = regexp.MustCompile(`(?i)no such host|connection refused|network is unreachable|i/o timeout|TLS handshake timeout|name resolution|` +
	`proxyconnect|dial tcp|no route to host|no offline version of the OSV database|could not load db|vulnerability database|x509:|502 Bad Gateway|503 Service Unavailable`)

// checkOutcome decides whether what was read counts. A program that failed and found nothing has not looked; one that printed nothing has not
// either, whatever status it ended with.
func checkOutcome(result outcome, reading, ended error, said string) error {
	status := describeExit(ended)
	var reason string
	var notRun *NotRunError
	switch {
	case errors.As(reading, &notRun):
		return notRun
	case ended != nil && isSignaled(ended):
		return &FailedError{status}
	case errors.Is(ended, exec.ErrNotFound):
		return &NotRunError{fmt.Sprintf("%s; `lockstep doctor` says what to do", ended)}
	case reading != nil && ended != nil:
		reason = status + ", and " + reading.Error()
	case reading != nil:
		reason = reading.Error()
	case result.report.Broken != "":
		reason = result.report.Broken
	case ended != nil && len(result.report.Findings) == 0:
		reason = status + " but reported nothing"
	default:
		return nil
	}
	last := lastLine(said)
	if at := networkErrorPattern.FindString(said); at != "" {
		return &NotRunError{"it could not reach what it needs: " + lineContaining(said, at)}
	}
	if last != "" {
		reason += ": " + last
	}
	return &FailedError{reason}
}

// describeExit says in words how a program ended.
func describeExit(err error) string {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return fmt.Sprint(err)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return fmt.Sprintf("its program was ended by signal %d (%v)", int(status.Signal()), status.Signal())
	}
	return fmt.Sprintf("its program ended with status %d", exit.ExitCode())
}

func isSignaled(err error) bool {
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled()
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

func lineContaining(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return strings.TrimSpace(line)
		}
	}
	return part
}
