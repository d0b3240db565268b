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

// aGate is a gate whose part of this program is a shell script.
func aGate(t *testing.T, name, script string) (pipeline.Step, string) {
	t.Helper()
	self := filepath.Join(t.TempDir(), "self")
	require.NoError(t, os.WriteFile(self, []byte("#!/bin/sh\n"+script), 0o755))
	s := sh(name, "")
	s.Command, s.Inputs = []string{pipeline.Self, "gate", name}, []string{"*.md"}
	return s, self
}

func TestGateThatCouldNotDoItsWorkIsNotRunAndItsLastLineSaysWhy(t *testing.T) {
	root := repository(t, nil)
	s, self := aGate(t, "vulnerabilities", "echo looking; echo 'not run: no such host'; exit 69")
	result := runSteps(t, &Runner{Root: root, Self: self}, s)["vulnerabilities"]
	assert.Equal(t, pipeline.NotRun, result.Status)
	assert.Equal(t, "no such host", result.Reason)
	assert.False(t, result.Passed())
	assert.True(t, result.Blocks())
}

func TestGateThatFoundSomethingSaysWhat(t *testing.T) {
	root := repository(t, nil)
	s, self := aGate(t, "lint", "echo 'a.go:1: R: m'; echo 'failed: 1 finding'; exit 1")
	result := runSteps(t, &Runner{Root: root, Self: self}, s)["lint"]
	assert.Equal(t, pipeline.Failed, result.Status)
	assert.Equal(t, "1 finding", result.Reason)
	assert.Equal(t, 1, result.ExitCode)
}

func TestStatusOfAnotherProgramIsNoExcuse(t *testing.T) {
	assert.Equal(t, pipeline.Failed, runSteps(t, &Runner{Root: repository(t, nil)}, sh("build", "exit 69"))["build"].Status)
}

func TestAbsentGateStopsNothingWhereItIsTolerated(t *testing.T) {
	for _, tolerated := range []bool{true, false} {
		root := repository(t, nil)
		absent, self := aGate(t, "absent", "echo 'not run: no network'; exit 69")
		needs, after := sh("needs", "true", "absent"), sh("after", "true")
		after.After = []string{"absent"}
		runner := &Runner{Root: root, Self: self, MayBeAbsent: func(s pipeline.Step) bool { return tolerated && s.Name == "absent" }}
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

func TestStepWithoutAFileThatItIsAboutHasNothingToDo(t *testing.T) {
	root := repository(t, nil)
	s := sh("workflows", "exit 1")
	s.Subject, s.Inputs = []string{"*.yml", "!skip.yml"}, []string{"*.yml"}
	write(t, root, "skip.yml", "")
	result := runSteps(t, &Runner{Root: root}, s)["workflows"]
	assert.Equal(t, pipeline.Nothing, result.Status)
	assert.True(t, result.Passed())
	write(t, root, "ci.yml", "")
	assert.Equal(t, pipeline.Failed, runSteps(t, &Runner{Root: root}, s)["workflows"].Status)
}

func TestResultThatNoLongerHoldsIsMadeAgain(t *testing.T) {
	root := repository(t, map[string]string{"in.txt": "one"})
	s := counted()
	s.Holds = time.Hour
	runSteps(t, &Runner{Root: root}, s)
	assert.Equal(t, pipeline.Cached, runSteps(t, &Runner{Root: root}, s)["make"].Status)
	s.Holds = time.Nanosecond
	assert.Equal(t, pipeline.Ran, runSteps(t, &Runner{Root: root}, s)["make"].Status)
}

func TestGateIsKeptWhenAnotherPartOfTheProgramChanges(t *testing.T) {
	root := repository(t, map[string]string{"a.md": ""})
	s, self := aGate(t, "markdown", "true")
	part := "gate 1"
	runner := func() *Runner { return &Runner{Root: root, Self: self, Part: func([]string) string { return part }} }
	assert.Equal(t, pipeline.Ran, runSteps(t, runner(), s)["markdown"].Status)
	require.NoError(t, os.WriteFile(self, []byte("#!/bin/sh\n# another program\ntrue"), 0o755))
	assert.Equal(t, pipeline.Cached, runSteps(t, runner(), s)["markdown"].Status)
	part = "gate 2"
	assert.Equal(t, pipeline.Ran, runSteps(t, runner(), s)["markdown"].Status)
	part = ""
	assert.Equal(t, pipeline.Ran, runSteps(t, runner(), s)["markdown"].Status, "the whole program counts where no part is named")
}

func TestCommitsAreAnInput(t *testing.T) {
	root := repository(t, nil)
	git := func(args ...string) {
		cmd := exec.Command("git", append([]string{"-c", "user.name=T", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"}, args...)...)
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	s := sh("history", "true")
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

func TestStepThatChangesFilesIsNeverCached(t *testing.T) {
	root := repository(t, map[string]string{"in.txt": "one"})
	s := sh("fix", "echo fixed >> in.txt")
	s.Inputs, s.Effect = []string{"in.txt"}, pipeline.Files
	for range 2 {
		assert.Equal(t, pipeline.Ran, runSteps(t, &Runner{Root: root}, s)["fix"].Status)
	}
	assert.Equal(t, "onefixed\nfixed\n", read(t, root, "in.txt"))
}
