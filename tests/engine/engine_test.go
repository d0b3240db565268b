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
)

// engineVariable is the variable that asks for these tests: the first run builds every tool, which takes long.
const engineVariable = "LOCKSTEP_ENGINE"

// needEngine skips the test, and says why, unless it is asked for and there is an engine.
func needEngine(t *testing.T) {
	t.Helper()
	if os.Getenv(engineVariable) == "" {
		t.Skip("not run: `make e2e` runs it, where Dagger and an engine are at hand")
	}
	if _, err := exec.LookPath("dagger"); err != nil {
		t.Skipf("not run: there is no program dagger on the PATH. Install version %s from https://docs.dagger.io/install", pipeline.DaggerVersion)
	}
	version := runDagger(t, ".", time.Minute, "version")
	if have := regexp.MustCompile(`v(\S+)`).FindStringSubmatch(version.stdout); have == nil || have[1] != pipeline.DaggerVersion {
		t.Skipf("not run: %q is not the version %s that the module is written for", strings.TrimSpace(version.stdout), pipeline.DaggerVersion)
	}
	// An engine that is not there yet is pulled.
	if answer := runDagger(t, ".", 10*time.Minute, "core", "version"); answer.failed {
		lines := strings.Split(strings.TrimSpace(answer.progress), "\n")
		t.Skipf("not run: no engine can be reached: %s", lines[len(lines)-1])
	}
}

// A callResult is what came of a run of the Dagger command line.
type callResult struct {
	stdout, progress string
	failed           bool
	duration         time.Duration
}

// combinedOutput is everything that a person, or a log, is shown.
func (c callResult) combinedOutput() string { return c.stdout + c.progress }

// runDagger runs the Dagger command line in a folder, with everything that it can show.
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
	c := callResult{stdout: out.String(), progress: progress.String(), failed: err != nil, duration: time.Since(began).Round(10 * time.Millisecond)}
	t.Logf("dagger %s: %v, failed %v", strings.Join(args, " "), c.duration, c.failed)
	return c
}

// mustSucceed is run where it has to.
func mustSucceed(t *testing.T, dir string, args ...string) callResult {
	t.Helper()
	c := runDagger(t, dir, time.Hour, args...)
	require.False(t, c.failed, "%s", tail(c.combinedOutput()))
	return c
}

// mustFail is run where it must not succeed.
func mustFail(t *testing.T, dir string, args ...string) callResult {
	t.Helper()
	c := runDagger(t, dir, time.Hour, args...)
	require.True(t, c.failed, "%s", tail(c.combinedOutput()))
	if _, said, ok := strings.Cut(c.progress, "\nError: "); ok {
		t.Log(strings.TrimSpace(said))
	}
	return c
}

// tail is enough of what was printed to see what went wrong.
func tail(text string) string { return text[max(0, len(text)-6000):] }

var (
	commandLine = regexp.MustCompile(`^(\d+)\s*: (?:┆ )*withExec (.*?)(?: \(expect: ANY\))?$`)
	commandEnd  = regexp.MustCompile(`^(\d+)\s*: (?:┆ )*Container\.withExec (CACHED|DONE|ERROR)`)
)

// executedCommands are the commands that ran, those that the engine had the result of already left out.
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

// clone is the repository with its commits and with what has not been committed yet, to be changed at will.
func clone(t *testing.T) string {
	t.Helper()
	repository, err := filepath.Abs("../..")
	require.NoError(t, err)
	to := filepath.Join(t.TempDir(), "lockstep")
	git(t, repository, "clone", "--quiet", repository, to)
	files := strings.Split(strings.TrimRight(git(t, repository, "ls-files", "-z", "--cached", "--others", "--exclude-standard"), "\x00"), "\x00")
	for _, name := range append(files, ".env") { // which says where this machine's images come from
		text, err := os.ReadFile(filepath.Join(repository, name))
		if errors.Is(err, os.ErrNotExist) {
			_ = os.Remove(filepath.Join(to, name))
			continue
		}
		require.NoError(t, err)
		write(t, filepath.Join(to, name), string(text))
	}
	return to
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	require.NoError(t, err, "git %v", args)
	return string(out)
}

func write(t *testing.T, file, text string) {
	t.Helper()
	mode := os.FileMode(0o644)
	if info, err := os.Stat(file); err == nil {
		mode = info.Mode()
	}
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(text), mode))
}

// appendToFile appends to a file.
func appendToFile(t *testing.T, file, more string) {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	write(t, file, string(text)+more)
}
