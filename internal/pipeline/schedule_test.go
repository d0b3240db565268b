package pipeline

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func newTestScheduler(t *testing.T, maxCPUs int, steps ...Step) *Scheduler {
	t.Helper()
	for i := range steps {
		steps[i].Image, steps[i].Command = ImageGo, []string{"true"}
	}
	g, err := NewGraph(steps)
	require.NoError(t, err)
	return NewScheduler(g, maxCPUs)
}

// startNext returns the names of the steps that start next, and asserts that none is skipped.
func startNext(t *testing.T, s *Scheduler) []string {
	t.Helper()
	steps, skipped := s.Next()
	assert.Empty(t, skipped)
	var names []string
	for _, step := range steps {
		names = append(names, step.Name)
	}
	return names
}

func TestScheduler_StartsStepAsSoonAsNeedsPass(t *testing.T) {
	s := newTestScheduler(t, 0, Step{Name: "quick"}, Step{Name: "slow"}, Step{Name: "next", Needs: []string{"quick"}},
		Step{Name: "last", Needs: []string{"slow", "next"}})
	assert.Equal(t, []string{"quick", "slow"}, startNext(t, s))
	assert.Empty(t, startNext(t, s))
	s.End(Result{Step: "quick", Status: Ran})
	assert.Equal(t, []string{"next"}, startNext(t, s), "slow still runs")
	s.End(Result{Step: "next", Status: Cached})
	assert.Empty(t, startNext(t, s))
	s.End(Result{Step: "slow", Status: NothingToDo})
	assert.Equal(t, []string{"last"}, startNext(t, s))
	assert.Equal(t, 1, s.Running())
	s.End(Result{Step: "last", Status: Ran})
	assert.Zero(t, s.Running())
}

func TestScheduler_LimitsProcessors(t *testing.T) {
	s := newTestScheduler(t, 2,
		Step{Name: "a"}, Step{Name: "b"}, Step{Name: "c"}, Step{Name: "waits for AWS", Effect: AWS}, Step{Name: "d"})
	assert.Equal(t, []string{"a", "b", "waits for AWS"}, startNext(t, s))
	s.End(Result{Step: "waits for AWS", Status: Ran})
	assert.Empty(t, startNext(t, s))
	s.End(Result{Step: "b", Status: Ran})
	assert.Equal(t, []string{"c"}, startNext(t, s))
	s.End(Result{Step: "a", Status: Ran})
	s.End(Result{Step: "c", Status: Ran})
	assert.Equal(t, []string{"d"}, startNext(t, s))
}

func TestScheduler_Skips(t *testing.T) {
	for _, test := range []struct {
		name    string
		first   Result
		reason  string // of the step that needs it
		after   string // of the step that comes after it; empty if that starts
		blocked bool
	}{
		{"failed", Result{Status: Failed}, "first failed", "first failed", true},
		{"not run", Result{Status: NotRun}, "first could not run", "first could not run", true},
		{"interrupted", Result{Status: Interrupted}, "first was interrupted", "first was interrupted", true},
		{"tolerated", Result{Status: NotRun, Tolerated: true}, "first could not run", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newTestScheduler(t, 0,
				Step{Name: "first", Stage: Test},
				Step{Name: "needs", Stage: Test, Needs: []string{"first"}},
				Step{Name: "further", Stage: Test, Needs: []string{"needs"}},
				Step{Name: "after", Stage: Test, After: []string{"first"}})
			assert.Equal(t, []string{"first"}, startNext(t, s))
			test.first.Step = "first"
			s.End(test.first)
			want := []Result{
				{Step: "needs", Stage: Test, Status: Skipped, Reason: test.reason, Tolerated: !test.blocked},
				{Step: "further", Stage: Test, Status: Skipped, Reason: "needs was skipped", Tolerated: !test.blocked},
			}
			if test.after != "" {
				want = append(want, Result{Step: "after", Stage: Test, Status: Skipped, Reason: test.after})
			}
			started, skipped := s.Next()
			assert.Equal(t, want, skipped)
			assert.Len(t, started, 3-len(want))
		})
	}
}

func TestScheduler_SkipReasonIsTheSameInEveryOrder(t *testing.T) {
	failed := Result{Step: "failed", Status: Failed}
	absent := Result{Step: "absent", Status: NotRun, Tolerated: true}
	other := Result{Step: "other", Status: Failed}
	for _, order := range [][]Result{{failed, absent, other}, {other, absent, failed}, {absent, other, failed}} {
		s := newTestScheduler(t, 0, Step{Name: "absent"}, Step{Name: "failed"}, Step{Name: "other"},
			Step{Name: "last", Needs: []string{"absent", "failed", "other"}})
		assert.Len(t, startNext(t, s), 3)
		for _, result := range order[:2] {
			s.End(result)
			assert.Empty(t, startNext(t, s))
		}
		s.End(order[2])
		_, skipped := s.Next()
		assert.Equal(t, []Result{{Step: "last", Status: Skipped, Reason: "failed failed"}}, skipped)
	}
}

func TestScheduler_RunEndsEveryStep(t *testing.T) {
	s := newTestScheduler(t, 1,
		Step{Name: "a"}, Step{Name: "b", Needs: []string{"a"}}, Step{Name: "c", Needs: []string{"b"}}, Step{Name: "d"})
	var ran, skipped []string
	s.Run(context.Background(), func(step Step) Result {
		ran = append(ran, step.Name) // one at a time
		if step.Name == "b" {
			return Result{Step: step.Name, Status: Failed}
		}
		return Result{Step: step.Name, Status: Ran}
	}, func(r Result) { skipped = append(skipped, r.Step) })
	assert.Equal(t, []string{"a", "b", "d"}, ran)
	assert.Equal(t, []string{"c"}, skipped)
}

func TestScheduler_RunStopsWhenInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := newTestScheduler(t, 1, Step{Name: "a"}, Step{Name: "b", Needs: []string{"a"}}, Step{Name: "c"})
	var results []Result
	s.Run(ctx, func(step Step) Result {
		cancel()
		return Result{Step: step.Name, Status: Interrupted}
	}, func(r Result) { results = append(results, r) })
	const reason = "the run was interrupted before it started"
	want := []Result{{Step: "b", Status: Interrupted, Reason: reason}, {Step: "c", Status: Interrupted, Reason: reason}}
	assert.Equal(t, want, results)
}
