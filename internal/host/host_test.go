package host

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
)

// shellStep is a step that runs a shell script in a repository made for the test.
func shellStep(name, script string, needs ...string) pipeline.Step {
	return pipeline.Step{Name: name, Stage: pipeline.Test, Image: pipeline.ImageGo, Command: []string{"sh", "-c", script}, Needs: needs}
}

// repository is a folder with files by their name.
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

type recorder struct {
	mu     sync.Mutex
	events []pipeline.Event
}

func (r *recorder) observe(e pipeline.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (r *recorder) notices() string {
	var all []string
	for _, e := range r.events {
		if e.Kind == pipeline.Notice {
			all = append(all, e.Detail)
		}
	}
	return strings.Join(all, "\n")
}

func runSteps(t *testing.T, runner *Runner, steps ...pipeline.Step) map[string]pipeline.Result {
	t.Helper()
	return runStepsContext(t, context.Background(), runner, steps...)
}

func runStepsContext(t *testing.T, ctx context.Context, runner *Runner, steps ...pipeline.Step) map[string]pipeline.Result {
	t.Helper()
	g, err := pipeline.NewGraph(steps)
	require.NoError(t, err)
	if runner.Environ == nil {
		runner.Environ = os.Environ()
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
	// slow ends only when the step that needs quick has run: with a barrier between batches it would wait for ever.
	root := repository(t, nil)
	results := runSteps(t, &Runner{Root: root},
		shellStep("quick", "true"),
		shellStep("slow", "while ! test -e after-quick; do sleep 0.01; done"),
		shellStep("after-quick", "touch after-quick", "quick"),
	)
	for name, r := range results {
		assert.Equal(t, pipeline.Ran, r.Status, name)
	}
}

func TestScheduler_OneJobRunsSerially(t *testing.T) {
	root := repository(t, nil)
	alone := "mkdir busy && sleep 0.02 && rmdir busy" // mkdir fails when somebody else is at it
	results := runSteps(t, &Runner{Root: root, Jobs: 1}, shellStep("a", alone), shellStep("b", alone+" # b"), shellStep("c", alone+" # c"))
	for name, r := range results {
		assert.Equal(t, pipeline.Ran, r.Status, name)
	}
}

func TestScheduler_FailureSkipsDependents(t *testing.T) {
	after := shellStep("after", "true")
	after.After = []string{"bad"}
	results := runSteps(t, &Runner{Root: repository(t, nil)},
		shellStep("bad", "echo broken; exit 3"), shellStep("needs-bad", "true", "bad"), shellStep("further", "true", "needs-bad"), shellStep("other", "true"), after)
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
	gone := shellStep("gate", "true")
	gone.Command = []string{"no-such-program"}
	old := shellStep("old", "true")
	old.Tools = []string{pipeline.ToolNode}
	bin := repository(t, nil)
	require.NoError(t, os.WriteFile(filepath.Join(bin, "node"), []byte("#!/bin/sh\necho v12.1.0\n"), 0o755))
	results := runSteps(t, &Runner{Root: repository(t, nil), Environ: []string{"PATH=" + bin + ":" + os.Getenv("PATH")}}, gone, old)
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
		"PATH=" + os.Getenv("PATH"), "HTTPS_PROXY=http://proxy", "PIP_CERT=/c", "SSL_CERT_FILE=/s", "STRAY=1", "AWS_SECRET_ACCESS_KEY=canary",
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

// isProcessGone says whether a process has ended; one that waits for its parent to take notice has.
func isProcessGone(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return true
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err == nil && strings.Contains(string(status), "State:\tZ")
}

func TestInterrupt_KillsProcessGroup(t *testing.T) {
	root := repository(t, nil)
	// The step ignores the polite signal, and so does its child.
	stubborn := shellStep("stubborn", `trap '' TERM INT; sh -c 'trap "" TERM INT; echo $$ > child; while true; do sleep 0.05; done' & echo $$ > leader; wait; while true; do sleep 0.05; done`)
	ctx, cancel := context.WithCancel(context.Background())
	var stopped time.Time
	go func() {
		for {
			if _, err := os.Stat(filepath.Join(root, "child")); err == nil {
				break
			}
			time.Sleep(5 * time.Millisecond) // polling for the child to be there
		}
		stopped = time.Now()
		cancel()
	}()
	results := runStepsContext(t, ctx, &Runner{Root: root}, stubborn, shellStep("next", "true", "stubborn"))
	assert.Less(t, time.Since(stopped), 2*time.Second)
	assert.Equal(t, pipeline.Interrupted, results["stubborn"].Status)
	assert.Equal(t, pipeline.Interrupted, results["next"].Status)
	for _, who := range []string{"leader", "child"} {
		var pid int
		_, err := fmt.Sscan(readFile(t, root, who), &pid)
		require.NoError(t, err)
		assert.Eventually(t, func() bool { return isProcessGone(pid) }, time.Second, 10*time.Millisecond, "%s %d is still there", who, pid)
	}
}

func TestStep_BackgroundChildIsKilled(t *testing.T) {
	root := repository(t, nil)
	results := runSteps(t, &Runner{Root: root}, shellStep("daemon", `sleep 300 >/dev/null 2>&1 & echo $! > child`))
	assert.Equal(t, pipeline.Ran, results["daemon"].Status)
	var pid int
	_, err := fmt.Sscan(readFile(t, root, "child"), &pid)
	require.NoError(t, err)
	assert.Eventually(t, func() bool { return isProcessGone(pid) }, time.Second, 10*time.Millisecond)
}

func TestStep_WaitsForBeforeAWS(t *testing.T) {
	s := shellStep("deploy", "true")
	s.Effect = pipeline.AWS
	refused := runSteps(t, &Runner{Root: repository(t, nil), BeforeAWS: func(context.Context) error { return assert.AnError }}, s, shellStep("other", "true"))
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
