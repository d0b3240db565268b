package host

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
)

// An unreachableRun is a repository with a gate that cannot reach what it needs, and a clock.
type unreachableRun struct {
	root, self string
	step       pipeline.Step
	now        time.Time
}

func newUnreachableRun(t *testing.T, reason string) *unreachableRun {
	t.Helper()
	step, self := scriptGate(t, "osv", "echo tried >> tries; echo 'not run: "+reason+"'; exit 69")
	return &unreachableRun{
		root: repository(t, map[string]string{"a.md": ""}), self: self, step: step,
		now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC),
	}
}

// run runs the gate and returns its result.
func (u *unreachableRun) run(t *testing.T, change func(*Runner)) pipeline.Result {
	t.Helper()
	runner := &Runner{
		Root: u.root, Executable: u.self, Now: func() time.Time { return u.now },
		ComponentVersion: func([]string) string { return "1" },
	}
	change(runner)
	return runSteps(t, runner, u.step)["osv"]
}

// tries returns how often the gate was tried.
func (u *unreachableRun) tries(t *testing.T) int {
	t.Helper()
	return len(readFile(t, u.root, "tries")) / len("tried\n")
}

const noNetwork = "it could not reach what it needs: dial tcp: no such host"

func noChange(*Runner) {}

func TestUnreachableGate_IsNotTriedAgainForAWhile(t *testing.T) {
	u := newUnreachableRun(t, noNetwork)
	assert.Equal(t, noNetwork, u.run(t, noChange).Reason)
	for _, test := range []struct {
		age    time.Duration
		reason string
		tries  int
	}{
		{42 * time.Second, "42 s ago " + noNetwork + "; --refresh tries again", 1},
		{4*time.Minute + 59*time.Second, "4 min ago " + noNetwork + "; --refresh tries again", 1},
		{unreachableTTL - 1, "14 min ago " + noNetwork + "; --refresh tries again", 1},
		{unreachableTTL, noNetwork, 2},
	} {
		u.now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC).Add(test.age)
		result := u.run(t, noChange)
		assert.Equal(t, pipeline.NotRun, result.Status)
		assert.False(t, result.Passed())
		assert.True(t, result.Blocks(), "it is no pass")
		assert.Equal(t, test.reason, result.Reason)
		assert.Equal(t, test.tries, u.tries(t))
	}
}

func TestUnreachableGate_IsTriedAgainAtOnce(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(*testing.T, *unreachableRun, *Runner)
	}{
		{"with --refresh", func(_ *testing.T, _ *unreachableRun, r *Runner) { r.Refresh = true }},
		{"with --no-cache", func(_ *testing.T, _ *unreachableRun, r *Runner) { r.NoCache = true }},
		{"with --live", func(_ *testing.T, _ *unreachableRun, r *Runner) { r.Live = true }},
		{"with CI=true", func(_ *testing.T, _ *unreachableRun, r *Runner) { r.Environ = []string{"CI=true"} }},
		{"when an input changed", func(t *testing.T, u *unreachableRun, _ *Runner) {
			writeFile(t, u.root, "a.md", "changed")
		}},
		{"when the gate's version changed", func(_ *testing.T, _ *unreachableRun, r *Runner) {
			r.ComponentVersion = func([]string) string { return "2" }
		}},
		{"when the clock was wrong", func(_ *testing.T, u *unreachableRun, r *Runner) {
			u.now = u.now.Add(-time.Hour)
		}},
		{"when what is remembered is damaged", func(t *testing.T, u *unreachableRun, _ *Runner) {
			writeFile(t, u.root, ".lockstep/cache/unreachable.json", "null")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := newUnreachableRun(t, noNetwork)
			u.run(t, noChange)
			result := u.run(t, func(r *Runner) { test.change(t, u, r) })
			assert.Equal(t, noNetwork, result.Reason)
			assert.Equal(t, 2, u.tries(t))
		})
	}
}

func TestUnreachableGate_IsNotRemembered(t *testing.T) {
	for _, test := range []struct {
		name, reason string
		change       func(*Runner)
	}{
		{"of --no-cache", noNetwork, func(r *Runner) { r.NoCache = true }},
		{"of --live", noNetwork, func(r *Runner) { r.Live = true }},
		{"of CI=true", noNetwork, func(r *Runner) { r.Environ = []string{"CI=true"} }},
		{"of a gate that lacks something else", "this is a shallow clone: get the whole history", noChange},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := newUnreachableRun(t, test.reason)
			u.run(t, test.change)
			u.run(t, noChange)
			assert.Equal(t, 2, u.tries(t))
		})
	}
}

func TestUnreachableGate_RefreshRemembersAgain(t *testing.T) {
	u := newUnreachableRun(t, noNetwork)
	u.run(t, noChange)
	u.now = u.now.Add(10 * time.Minute)
	u.run(t, func(r *Runner) { r.Refresh = true })
	u.now = u.now.Add(10 * time.Minute)
	assert.Contains(t, u.run(t, noChange).Reason, "10 min ago")
	assert.Equal(t, 2, u.tries(t))
}

func TestUnreachableGate_ToolThatCannotBeInstalled(t *testing.T) {
	u := openUnreachableGates(t.TempDir(), sealer{}, time.Now)
	record := func(key, reason string) {
		u.record(key, pipeline.Result{Status: pipeline.NotRun, Reason: "osv-scanner could not be installed: " + reason})
	}
	record("disk", "the disk is full")
	assert.Empty(t, u.reason("disk"))
	record("network", "go build\n  dial tcp: lookup proxy.golang.org: no such host")
	assert.Contains(t, u.reason("network"), "ago osv-scanner could not be installed")
	require.NoError(t, u.save())
}

func TestUnreachableGate_IsForgottenOnceItRan(t *testing.T) {
	u := newUnreachableRun(t, noNetwork)
	u.run(t, noChange)
	require.NoError(t, os.WriteFile(u.self, []byte("#!/bin/sh\necho 'failed: 1 finding'; exit 1"), 0o755))
	u.run(t, func(r *Runner) { r.Refresh = true })
	result := u.run(t, noChange)
	assert.Equal(t, pipeline.Failed, result.Status)
	assert.Equal(t, "1 finding", result.Reason)
}
