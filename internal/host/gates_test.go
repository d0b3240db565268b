package host

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
)

// scriptGate returns a gate, and a shell script that takes the place of this program.
func scriptGate(t *testing.T, name, script string) (pipeline.Step, string) {
	t.Helper()
	self := filepath.Join(t.TempDir(), "self")
	require.NoError(t, os.WriteFile(self, []byte("#!/bin/sh\n"+script), 0o755))
	s := shellStep(name, "")
	s.Command, s.Inputs = []string{pipeline.Self, "gate", name}, []string{"*.md"}
	return s, self
}

// runGate returns the result of a gate for which a shell script takes the place of this program.
func runGate(t *testing.T, name, script string) pipeline.Result {
	t.Helper()
	s, self := scriptGate(t, name, script)
	return runSteps(t, &Runner{Root: repository(t, nil), Executable: self}, s)[name]
}

func TestGate_NotRunGivesReason(t *testing.T) {
	result := runGate(t, "vulnerabilities", "echo looking; echo 'not run: no such host'; exit 69")
	assert.Equal(t, pipeline.NotRun, result.Status)
	assert.Equal(t, "no such host", result.Reason)
	assert.False(t, result.Passed())
	assert.True(t, result.Blocks())
}

func TestGate_FailureGivesReason(t *testing.T) {
	result := runGate(t, "lint", "echo 'a.go:1: R: m'; echo 'failed: 1 finding'; exit 1")
	assert.Equal(t, pipeline.Failed, result.Status)
	assert.Equal(t, "1 finding", result.Reason)
	assert.Equal(t, 1, result.ExitCode)
}

// A gate without anything to check has passed, and says what is not there, from the cache too.
func TestGate_NothingToDoIsRemembered(t *testing.T) {
	root := repository(t, nil)
	runs := filepath.Join(t.TempDir(), "runs")
	s, self := scriptGate(t, "unit", "echo ran >> '"+runs+"'; echo 'nothing to do: no tests'; exit 66")
	s.Outputs = []string{"coverage.out"}
	for _, stale := range []bool{false, true} {
		if stale {
			require.NoError(t, os.WriteFile(filepath.Join(root, "coverage.out"), nil, 0o600))
		}
		result := runSteps(t, &Runner{Root: root, Executable: self}, s)["unit"]
		assert.Equal(t, pipeline.NothingToDo, result.Status)
		assert.Equal(t, "no tests", result.Reason)
		assert.True(t, result.Passed())
		assert.NoFileExists(t, filepath.Join(root, "coverage.out"), "that of an earlier run")
	}
	assert.Equal(t, "ran\n", readFile(t, runs))
}

func TestStep_ExitNotRunOfOtherProgramFails(t *testing.T) {
	results := runSteps(t, &Runner{Root: repository(t, nil)}, shellStep("build", "exit 69"))
	assert.Equal(t, pipeline.Failed, results["build"].Status)
}

func TestGate_NotRunIsTolerated(t *testing.T) {
	for _, tolerated := range []bool{true, false} {
		root := repository(t, nil)
		absent, self := scriptGate(t, "absent", "echo 'not run: no network'; exit 69")
		needs, after := shellStep("needs", "true", "absent"), shellStep("after", "true")
		after.After = []string{"absent"}
		tolerates := func(s pipeline.Step) bool { return tolerated && s.Name == "absent" }
		runner := &Runner{Root: root, Executable: self, ToleratesNotRun: tolerates}
		results := runSteps(t, runner, absent, needs, after)
		assert.Equal(t, pipeline.NotRun, results["absent"].Status)
		assert.Equal(t, tolerated, results["absent"].Tolerated)
		assert.Equal(t, pipeline.Skipped, results["needs"].Status, "there is nothing that it could work on")
		assert.Equal(t, tolerated, results["needs"].Tolerated)
		want := pipeline.Skipped
		if tolerated {
			want = pipeline.Ran
		}
		assert.Equal(t, want, results["after"].Status)
		assert.Equal(t, !tolerated, results["absent"].Blocks())
	}
}

func TestStep_NothingToDoWithoutTriggerPath(t *testing.T) {
	root := repository(t, nil)
	s := shellStep("workflows", "exit 1")
	s.TriggerPaths, s.Inputs = []string{"*.yml", "!skip.yml"}, []string{"*.yml"}
	writeFile(t, root, "skip.yml", "")
	result := runSteps(t, &Runner{Root: root}, s)["workflows"]
	assert.Equal(t, pipeline.NothingToDo, result.Status)
	assert.True(t, result.Passed())
	writeFile(t, root, "ci.yml", "")
	assert.Equal(t, pipeline.Failed, runSteps(t, &Runner{Root: root}, s)["workflows"].Status)
}

func TestCache_TTLExpires(t *testing.T) {
	root := repository(t, map[string]string{"in.txt": "one"})
	s := countingStep()
	s.CacheTTL = time.Hour
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	status := func() pipeline.Status {
		return runSteps(t, &Runner{Root: root, Now: func() time.Time { return now }}, s)["make"].Status
	}
	assert.Equal(t, pipeline.Ran, status())
	now = now.Add(time.Hour)
	assert.Equal(t, pipeline.Cached, status())
	now = now.Add(time.Nanosecond)
	assert.Equal(t, pipeline.Ran, status())
}

func TestCacheKey_UsesComponentVersion(t *testing.T) {
	root := repository(t, map[string]string{"a.md": ""})
	s, self := scriptGate(t, "markdown", "true")
	version := "gate 1"
	runner := func() *Runner {
		return &Runner{Root: root, Executable: self, ComponentVersion: func([]string) string { return version }}
	}
	assert.Equal(t, pipeline.Ran, runSteps(t, runner(), s)["markdown"].Status)
	require.NoError(t, os.WriteFile(self, []byte("#!/bin/sh\n# another program\ntrue"), 0o755))
	assert.Equal(t, pipeline.Cached, runSteps(t, runner(), s)["markdown"].Status)
	version = "gate 2"
	assert.Equal(t, pipeline.Ran, runSteps(t, runner(), s)["markdown"].Status)
	version = ""
	assert.Equal(t, pipeline.Ran, runSteps(t, runner(), s)["markdown"].Status, "the program's bytes count")
}

func TestCacheKey_IncludesHistory(t *testing.T) {
	root := repository(t, nil)
	git := func(args ...string) {
		options := []string{"-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"}
		cmd := exec.Command("git", append(options, args...)...)
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	s := shellStep("history", "true")
	s.Inputs = []string{pipeline.History}
	status := func() pipeline.Status { return runSteps(t, &Runner{Root: root}, s)["history"].Status }
	assert.Equal(t, pipeline.Ran, status())
	assert.Equal(t, pipeline.Cached, status(), "a folder without a history has always the same one")
	git("init", "-q")
	git("commit", "-q", "--allow-empty", "-m", "one")
	assert.Equal(t, pipeline.Ran, status())
	assert.Equal(t, pipeline.Cached, status())
	git("commit", "-q", "--allow-empty", "-m", "two")
	assert.Equal(t, pipeline.Ran, status())
	git("tag", "v1")
	assert.Equal(t, pipeline.Ran, status())
}

func TestCache_FilesEffectIsNeverStored(t *testing.T) {
	root := repository(t, map[string]string{"in.txt": "one"})
	s := shellStep("fix", "echo fixed >> in.txt")
	s.Inputs, s.Effect = []string{"in.txt"}, pipeline.EditFiles
	for range 2 {
		assert.Equal(t, pipeline.Ran, runSteps(t, &Runner{Root: root}, s)["fix"].Status)
	}
	assert.Equal(t, "onefixed\nfixed\n", readFile(t, root, "in.txt"))
}

func TestCache_InputChangedDuringRunIsNotStored(t *testing.T) {
	root := repository(t, map[string]string{"in.txt": "one"})
	s := shellStep("slow", "test -e edited || { echo two > in.txt; touch edited; }")
	s.Inputs = []string{"in.txt"}
	var events recorder
	assert.Equal(t, pipeline.Ran, runSteps(t, &Runner{Root: root, Observe: events.observe}, s)["slow"].Status)
	assert.Contains(t, events.notices(), "what it reads has changed while it ran")
	writeFile(t, root, "in.txt", "one")
	assert.Equal(t, pipeline.Ran, runSteps(t, &Runner{Root: root}, s)["slow"].Status)
	assert.Equal(t, pipeline.Cached, runSteps(t, &Runner{Root: root}, s)["slow"].Status)
}
