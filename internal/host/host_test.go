package host

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
	"lockstep/internal/pipeline"
)

// shellStep returns a step that runs a shell script.
func shellStep(name, script string, needs ...string) pipeline.Step {
	return pipeline.Step{
		Name: name, Stage: pipeline.Test, Image: pipeline.ImageGo, Command: []string{"sh", "-c", script}, Needs: needs,
	}
}

// repository returns a new folder with files by their name.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		writeFile(t, root, name, content)
	}
	return root
}

func writeFile(t *testing.T, root, name, content string) {
	t.Helper()
	path := filepath.Join(root, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}

func readFile(t *testing.T, path ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	require.NoError(t, err)
	return string(data)
}

// recorder collects the events of a run.
type recorder struct {
	mu     sync.Mutex
	events []pipeline.Event
}

func (r *recorder) observe(e pipeline.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// notices returns the text of all notices.
func (r *recorder) notices() string {
	var all []string
	for _, e := range r.events {
		if e.Kind == pipeline.Notice {
			all = append(all, e.Detail)
		}
	}
	return strings.Join(all, "\n")
}

// runSteps runs steps and returns their results by name.
func runSteps(t *testing.T, runner *Runner, steps ...pipeline.Step) map[string]pipeline.Result {
	t.Helper()
	return runStepsContext(t, context.Background(), runner, steps...)
}

func runStepsContext(
	t *testing.T, ctx context.Context, runner *Runner, steps ...pipeline.Step,
) map[string]pipeline.Result {
	t.Helper()
	g, err := pipeline.NewGraph(steps)
	require.NoError(t, err)
	if runner.Environ == nil {
		// What is different with CI=true is tested by name.
		runner.Environ = slices.DeleteFunc(os.Environ(), func(pair string) bool { return strings.HasPrefix(pair, "CI=") })
	}
	if runner.Jobs == 0 {
		runner.Jobs = 4
	}
	report, err := runner.Run(ctx, g)
	require.NoError(t, err)
	results := map[string]pipeline.Result{}
	for _, r := range report.Results {
		results[r.Step] = r
	}
	return results
}

func TestScheduler_StartsStepWhenNeedsPass(t *testing.T) {
	// The step slow ends when the step that needs quick runs: if steps ran in batches, it would wait forever.
	root := repository(t, nil)
	newPipe(t, root, "pipe")
	results := runSteps(t, &Runner{Root: root},
		shellStep("quick", "true"),
		shellStep("slow", "read line < pipe"),
		shellStep("after-quick", "echo go > pipe", "quick"),
	)
	for name, r := range results {
		assert.Equal(t, pipeline.Ran, r.Status, name)
	}
}

func TestScheduler_OneJobRunsSerially(t *testing.T) {
	var events recorder
	runner := &Runner{Root: repository(t, nil), Jobs: 1, Observe: events.observe}
	runSteps(t, runner, shellStep("a", "true"), shellStep("b", "true"), shellStep("c", "true"))
	var kinds []pipeline.EventKind
	for _, e := range events.events {
		kinds = append(kinds, e.Kind)
	}
	pair := []pipeline.EventKind{pipeline.Started, pipeline.Finished}
	assert.Equal(t, slices.Concat(pair, pair, pair), kinds)
}

func TestScheduler_FailureSkipsDependents(t *testing.T) {
	after := shellStep("after", "true")
	after.After = []string{"bad"}
	results := runSteps(t, &Runner{Root: repository(t, nil)},
		shellStep("bad", "echo broken; exit 3"), shellStep("needs-bad", "true", "bad"),
		shellStep("further", "true", "needs-bad"), shellStep("other", "true"), after)
	assert.Equal(t, pipeline.Failed, results["bad"].Status)
	assert.Equal(t, 3, results["bad"].ExitCode)
	assert.Equal(t, "exit status 3", results["bad"].Reason)
	assert.Equal(t, pipeline.Skipped, results["needs-bad"].Status)
	assert.Equal(t, "bad failed", results["needs-bad"].Reason)
	assert.Equal(t, "needs-bad was skipped", results["further"].Reason)
	assert.Equal(t, pipeline.Skipped, results["after"].Status)
	assert.Equal(t, pipeline.Ran, results["other"].Status)
	tail, err := Tail(results["bad"].Log)
	require.NoError(t, err)
	assert.Equal(t, []string{"broken"}, tail)
}

func TestStep_MissingToolIsNotRun(t *testing.T) {
	printed := faulttest.Printed(t)
	gone := shellStep("gate", "true")
	gone.Command = []string{"no-such-program"}
	old := shellStep("old", "true")
	old.Tools = []string{pipeline.ToolNode}
	bin := repository(t, nil)
	require.NoError(t, os.WriteFile(filepath.Join(bin, "node"), []byte("#!/bin/sh\necho v12.1.0\n"), 0o755))
	environ := []string{"PATH=" + bin + ":" + os.Getenv("PATH")}
	results := runSteps(t, &Runner{Root: repository(t, nil), Environ: environ}, gone, old)
	printed.Text(results["gate"].Message() + "\n" + results["old"].Message())
	assert.Equal(t, pipeline.NotRun, results["gate"].Status)
	assert.Contains(t, results["gate"].Reason, "no-such-program was not found on the PATH")
	assert.Equal(t, pipeline.NotRun, results["old"].Status)
	assert.Contains(t, results["old"].Reason, "node is version 12.1.0, too old; install Node.js")
}

func TestStep_SeesOnlyDeclaredEnvironment(t *testing.T) {
	s := shellStep("env", "env")
	s.Env = map[string]string{"DECLARED": "yes"}
	s.Secrets = []string{"AWS_SECRET_ACCESS_KEY"}
	aws := s
	aws.Name, aws.Effect, aws.Command = "aws", pipeline.AWS, []string{"sh", "-c", "env"}
	environ := []string{
		"PATH=" + os.Getenv("PATH"), "HTTPS_PROXY=http://proxy", "PIP_CERT=/c", "SSL_CERT_FILE=/s", "STRAY=1",
		"AWS_SECRET_ACCESS_KEY=canary",
	}
	for _, live := range []bool{false, true} {
		results := runSteps(t, &Runner{Root: repository(t, nil), Environ: environ, Live: live}, s, aws)
		for _, name := range []string{"env", "aws"} {
			env := readFile(t, results[name].Log)
			assert.Contains(t, env, "DECLARED=yes")
			assert.Contains(t, env, "HTTPS_PROXY=http://proxy")
			assert.Contains(t, env, "PIP_CERT=/c")
			assert.Contains(t, env, "SSL_CERT_FILE=/s")
			assert.NotContains(t, env, "STRAY")
			assert.Equal(t, live && name == "aws", strings.Contains(env, "canary"), "%s, live %v", name, live)
		}
	}
}

// newPipe creates a FIFO in a repository and returns its path.
func newPipe(t *testing.T, root, name string) string {
	t.Helper()
	path := filepath.Join(root, name)
	require.NoError(t, syscall.Mkfifo(path, 0o600))
	return path
}

// watchWriters waits for the first line that is written to a FIFO, calls onLine, and returns once no process has the
// FIFO open for writing.
func watchWriters(t *testing.T, path string, onLine func()) (wait func()) {
	t.Helper()
	done := make(chan error, 1)
	go func() {
		file, err := os.Open(path) // waits for the first writer
		if err != nil {
			done <- err
			return
		}
		defer file.Close()
		reader := bufio.NewReader(file)
		_, err = reader.ReadString('\n')
		onLine()
		_, rest := io.Copy(io.Discard, reader)
		done <- errors.Join(err, rest)
	}()
	return func() { require.NoError(t, <-done) }
}

func TestInterrupt_KillsProcessGroup(t *testing.T) {
	root := repository(t, nil)
	newPipe(t, root, "block")
	ctx, cancel := context.WithCancel(context.Background())
	wait := watchWriters(t, newPipe(t, root, "alive"), cancel)
	// The step ignores the polite signal, and so does its child. Both have the pipe open for as long as they live.
	stubborn := shellStep("stubborn", `trap '' TERM INT; exec 3> alive
		sh -c 'trap "" TERM INT; echo ready >&3; read line < block' & read line < block`)
	runner := &Runner{Root: root, stopTimeout: time.Millisecond}
	results := runStepsContext(t, ctx, runner, stubborn, shellStep("next", "true", "stubborn"))
	assert.Equal(t, pipeline.Interrupted, results["stubborn"].Status)
	assert.Equal(t, pipeline.Interrupted, results["next"].Status)
	wait()
}

func TestStep_BackgroundChildIsKilled(t *testing.T) {
	root := repository(t, nil)
	newPipe(t, root, "block")
	wait := watchWriters(t, newPipe(t, root, "alive"), func() {})
	daemon := shellStep("daemon", `exec 3> alive; (read line < block) >/dev/null 2>&1 & echo started >&3`)
	assert.Equal(t, pipeline.Ran, runSteps(t, &Runner{Root: root}, daemon)["daemon"].Status)
	wait()
}

func TestStep_WaitsForBeforeAWS(t *testing.T) {
	s := shellStep("deploy", "true")
	s.Effect = pipeline.AWS
	runner := &Runner{Root: repository(t, nil), BeforeAWS: func(context.Context) error { return assert.AnError }}
	refused := runSteps(t, runner, s, shellStep("other", "true"))
	assert.Equal(t, pipeline.Failed, refused["deploy"].Status)
	assert.Contains(t, refused["deploy"].Reason, assert.AnError.Error())
	assert.Equal(t, pipeline.Ran, refused["other"].Status)
}

func TestRunner_RemovesOldRuns(t *testing.T) {
	root := repository(t, nil)
	for range maxRuns + 3 {
		runSteps(t, &Runner{Root: root}, shellStep("a", "true"))
	}
	entries, err := os.ReadDir(filepath.Join(root, ".lockstep", "runs"))
	require.NoError(t, err)
	assert.Len(t, entries, maxRuns)
}

func TestRun_StateIsPrivate(t *testing.T) {
	old := syscall.Umask(0)
	defer syscall.Umask(old)
	root := repository(t, map[string]string{"a.txt": "a"})
	step := shellStep("a", "echo text > out; echo printed")
	step.Inputs, step.Outputs = []string{"*.txt"}, []string{"out"}
	for range 2 { // the second time, the result is restored
		require.True(t, runSteps(t, &Runner{Root: root}, step)["a"].Passed())
	}
	err := filepath.WalkDir(filepath.Join(root, ".lockstep"), func(path string, entry fs.DirEntry, err error) error {
		require.NoError(t, err)
		info, err := entry.Info()
		require.NoError(t, err)
		assert.Zero(t, info.Mode().Perm()&0o077, "%s: %v", path, info.Mode())
		return nil
	})
	assert.NoError(t, err)
}
