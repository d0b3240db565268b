package pipeline

import (
	"context"
	"fmt"
	"slices"
)

// A Scheduler decides when the steps of a graph start: each as soon as those that it waits for have ended well. It
// starts nothing by itself, and is not safe for use by several goroutines.
type Scheduler struct {
	graph   *Graph
	maxCPUs int
	// waiting are the names of the steps that are neither started nor ended, in the graph's order.
	waiting  []string
	running  int
	busyCPUs int
	ended    map[string]Result
}

// NewScheduler returns a scheduler of a graph that keeps at most maxCPUs processors busy; 0 is no limit.
func NewScheduler(g *Graph, maxCPUs int) *Scheduler {
	s := &Scheduler{graph: g, maxCPUs: maxCPUs, ended: map[string]Result{}}
	for _, step := range g.steps {
		s.waiting = append(s.waiting, step.Name)
	}
	return s
}

// Next returns the steps to start now, which count as running until End is called with their results, and the results
// of the steps that will never start. The run is over when Next returns no step and none is running.
func (s *Scheduler) Next() (start []Step, skipped []Result) {
	waiting := s.waiting
	s.waiting = nil
	for _, name := range waiting {
		step, _ := s.graph.Step(name)
		switch result, ready := s.checkNeeds(step); {
		case !ready, result == nil && !s.hasRoom(step):
			s.waiting = append(s.waiting, name)
		case result != nil:
			s.ended[name] = *result
			skipped = append(skipped, *result)
		default:
			s.running++
			s.busyCPUs += step.CPUs()
			start = append(start, step)
		}
	}
	return start, skipped
}

// Interrupt returns the results of all steps that have not started, which now never will.
func (s *Scheduler) Interrupt() []Result {
	var results []Result
	for _, name := range s.waiting {
		step, _ := s.graph.Step(name)
		result := step.InterruptedResult()
		s.ended[name] = result
		results = append(results, result)
	}
	s.waiting = nil
	return results
}

// InterruptedResult returns the result of a step that does not start because the run was interrupted.
func (s Step) InterruptedResult() Result {
	return Result{Step: s.Name, Stage: s.Stage, Status: Interrupted, Reason: "the run was interrupted before it started"}
}

// End records the result of a step that was running.
func (s *Scheduler) End(result Result) {
	step, _ := s.graph.Step(result.Step)
	s.running--
	s.busyCPUs -= step.CPUs()
	s.ended[result.Step] = result
}

// Running returns how many steps have started and not ended.
func (s *Scheduler) Running() int { return s.running }

// hasRoom reports whether the step fits into the limit of processors. A step that keeps none busy always does.
func (s *Scheduler) hasRoom(step Step) bool {
	return s.maxCPUs == 0 || step.CPUs() == 0 || s.busyCPUs == 0 || s.busyCPUs+step.CPUs() <= s.maxCPUs
}

// checkNeeds reports whether all that the step waits for has ended, and returns why the step never starts: the first
// of the steps it waits for that keeps it from starting, of those that are not tolerated if there is one. A step that
// this one comes after without needing it may also be absent where that is tolerated.
func (s *Scheduler) checkNeeds(step Step) (skipped *Result, ready bool) {
	for _, name := range step.predecessors() {
		result, ended := s.ended[name]
		if !ended {
			return nil, false
		}
		stops := result.Blocks() || !result.Passed() && slices.Contains(step.Needs, name)
		if stops && (skipped == nil || skipped.Tolerated && result.Blocks()) {
			skipped = &Result{
				Step: step.Name, Stage: step.Stage, Status: Skipped, Tolerated: !result.Blocks(),
				Reason: fmt.Sprintf("%s %s", name, statusPhrases[result.Status]),
			}
		}
	}
	return skipped, true
}

// statusPhrases make a sentence of a step's name and the status by which it did not pass.
var statusPhrases = map[Status]string{
	Failed: "failed", Skipped: "was skipped", NotRun: "could not run", Interrupted: "was interrupted",
}

// Run runs the graph until every step has ended. It calls run for each step that starts, in a goroutine of its
// own, and skip for each that does not. Once ctx is done no further step starts; those that run are expected to end by
// themselves.
func (s *Scheduler) Run(ctx context.Context, run func(Step) Result, skip func(Result)) {
	ended := make(chan Result)
	for {
		start, skipped := s.next(ctx)
		for _, result := range skipped {
			skip(result)
		}
		for _, step := range start {
			go func() { ended <- run(step) }()
		}
		if s.Running() == 0 {
			return
		}
		s.End(<-ended)
	}
}

// next is Next, or Interrupt once ctx is done.
func (s *Scheduler) next(ctx context.Context) (start []Step, skipped []Result) {
	if ctx.Err() != nil {
		return nil, s.Interrupt()
	}
	return s.Next()
}
