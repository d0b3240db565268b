// Package engine runs the Dagger module for real, on an engine. The other tests of it need none.
package engine

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
	"lockstep/tests/harness"
)

// engineVariable asks for these tests. Their first run builds every tool, which takes long.
const engineVariable = "LOCKSTEP_ENGINE"

// needEngine skips the test unless engineVariable asks for it and an engine can be reached.
func needEngine(t *testing.T) {
	t.Helper()
	if os.Getenv(engineVariable) == "" {
		t.Skip("not run: `make e2e` runs it, where Dagger and an engine are at hand")
	}
	if _, err := exec.LookPath("dagger"); err != nil {
		t.Skipf("not run: there is no program dagger on the PATH. Install version %s from https://docs.dagger.io/install",
			pipeline.DaggerVersion)
	}
	version := runDagger(t, ".", time.Minute, "version").stdout
	found := regexp.MustCompile(`v(\S+)`).FindStringSubmatch(version)
	if found == nil || found[1] != pipeline.DaggerVersion {
		t.Skipf("not run: %q is not version %s, for which the module is written",
			strings.TrimSpace(version), pipeline.DaggerVersion)
	}
	// The first call pulls the engine.
	if result := runDagger(t, ".", 10*time.Minute, "core", "version"); result.failed {
		lines := strings.Split(strings.TrimSpace(result.progress), "\n")
		t.Skipf("not run: no engine can be reached: %s", lines[len(lines)-1])
	}
}

// A callResult is the result of a run of the Dagger command line.
type callResult struct {
	stdout, progress string
	failed           bool
	duration         time.Duration
}

// combinedOutput returns all that was printed.
func (c callResult) combinedOutput() string { return c.stdout + c.progress }

// runDagger runs the Dagger command line in a folder with plain progress. It is interrupted after the duration.
func runDagger(t *testing.T, dir string, within time.Duration, args ...string) callResult {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	cmd := exec.CommandContext(ctx, "dagger", append([]string{"--progress=plain"}, args...)...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "DO_NOT_TRACK=1", "DAGGER_NO_NAG=1", "NO_COLOR=1")
	cmd.Cancel, cmd.WaitDelay = func() error { return cmd.Process.Signal(os.Interrupt) }, 30*time.Second
	var out, progress bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &progress
	began := time.Now()
	err := cmd.Run()
	var status *exec.ExitError
	if err != nil && !errors.As(err, &status) {
		require.NoError(t, err)
	}
	c := callResult{
		stdout: out.String(), progress: progress.String(), failed: err != nil,
		duration: time.Since(began).Round(10 * time.Millisecond),
	}
	t.Logf("dagger %s: %v, failed %v", strings.Join(args, " "), c.duration, c.failed)
	return c
}

// mustSucceed is runDagger for a call that must succeed.
func mustSucceed(t *testing.T, dir string, args ...string) callResult {
	t.Helper()
	c := runDagger(t, dir, time.Hour, args...)
	require.False(t, c.failed, "%s", tail(c.combinedOutput()))
	return c
}

// mustFail is runDagger for a call that must fail.
func mustFail(t *testing.T, dir string, args ...string) callResult {
	t.Helper()
	c := runDagger(t, dir, time.Hour, args...)
	require.True(t, c.failed, "%s", tail(c.combinedOutput()))
	if _, message, ok := strings.Cut(c.progress, "\nError: "); ok {
		t.Log(strings.TrimSpace(message))
	}
	return c
}

// tail returns the last 6000 bytes of a text.
func tail(text string) string { return text[max(0, len(text)-6000):] }

var (
	commandLine = regexp.MustCompile(`^(\d+)\s*: (?:┆ )*withExec (.*?)(?: \(expect: ANY\))?$`)
	commandEnd  = regexp.MustCompile(`^(\d+)\s*: (?:┆ )*Container\.withExec (CACHED|DONE|ERROR)`)
)

// executedCommands returns the commands that ran, sorted, without those whose results the engine took from its cache.
func (c callResult) executedCommands() []string {
	commands, cached := map[string]string{}, map[string]bool{}
	for line := range strings.Lines(c.progress) {
		line = strings.TrimRight(line, "\n")
		if found := commandLine.FindStringSubmatch(line); found != nil {
			commands[found[1]] = found[2]
		}
		if found := commandEnd.FindStringSubmatch(line); found != nil {
			cached[found[1]] = found[2] == "CACHED"
		}
	}
	var out []string
	for id, command := range commands {
		if !cached[id] {
			out = append(out, command)
		}
	}
	slices.Sort(out)
	return out
}

// clone returns a clone of the repository with its uncommitted changes and with the fixture platform as its
// configuration.
func clone(t *testing.T) string {
	t.Helper()
	repository := harness.Repository()
	to := filepath.Join(t.TempDir(), "lockstep")
	git(t, repository, "clone", "--quiet", repository, to)
	listed := git(t, repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	files := strings.Split(strings.TrimRight(listed, "\x00"), "\x00")
	for _, name := range append(files, ".env") { // .env says where this machine's images come from
		text, err := os.ReadFile(filepath.Join(repository, name))
		if errors.Is(err, os.ErrNotExist) {
			_ = os.Remove(filepath.Join(to, name))
			continue
		}
		require.NoError(t, err)
		harness.MustWriteFile(t, filepath.Join(to, name), string(text)) // an existing file keeps its mode
	}
	require.NoError(t, harness.UsePlatform(to))
	return to
}

// git runs git in a folder and returns what it prints.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	require.NoError(t, err, "git %v", args)
	return string(out)
}

// appendToFile appends a text to a file.
func appendToFile(t *testing.T, file, more string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	harness.MustWriteFile(t, file, string(text)+more)
}
