package host

import (
	"fmt"
	"slices"

	"github.com/goyek/goyek/v2"

	"lockstep/internal/pipeline"
)

// scheduleTasks is the executor middleware that starts each task as soon as its needs have passed, within the budget of processors, and
// hands it on alone. goyek's own parallelism runs batches with a barrier between them.
func (r *graphRun) scheduleTasks(next goyek.Executor) goyek.Executor {
	return func(in goyek.ExecuteInput) error {
		s := &scheduler{graphRun: r, waiting: slices.Clone(in.Tasks), finished: make(chan string)}
		return s.loop(in, next)
	}
}

// scheduler is the state of one execution; a single goroutine owns it.
type scheduler struct {
	*graphRun
	waiting  []string // in the graph's order
	running  int
	busyCPUs int // processors
	finished chan string
}

func (s *scheduler) loop(in goyek.ExecuteInput, next goyek.Executor) error {
	for {
		s.startReady(in, next)
		if s.running == 0 {
			return nil
		}
		name := <-s.finished
		step, _ := s.graph.Step(name)
		s.running--
		s.busyCPUs -= step.CPUs()
	}
}

// startReady starts every waiting step that can go, and settles those that never will.
func (s *scheduler) startReady(in goyek.ExecuteInput, next goyek.Executor) {
	var still []string
	for _, name := range s.waiting {
		step, _ := s.graph.Step(name)
		switch reason, ready := s.checkNeeds(step); {
		case in.Context.Err() != nil:
			s.finishUnstarted(name, pipeline.Interrupted, "the run was interrupted before it started")
		case reason != "":
			s.markTolerated(step)
			s.finishUnstarted(name, pipeline.Skipped, reason)
		case !ready || (s.busyCPUs > 0 && s.busyCPUs+step.CPUs() > max(1, s.Jobs) && step.CPUs() > 0):
			still = append(still, name)
		default:
			s.startStep(name, step.CPUs(), in, next)
		}
	}
	s.waiting = still
}

func (s *scheduler) startStep(name string, cpus int, in goyek.ExecuteInput, next goyek.Executor) {
	s.running++
	s.busyCPUs += cpus
	in.Tasks, in.NoDeps = []string{name}, true
	go func() {
		if err := next(in); err != nil {
			s.recordResult(name, pipeline.Failed, err.Error())
		}
		s.finished <- name
	}()
}

// checkNeeds says whether all that the step waits for has passed, or why it never will. What it only comes after may also be absent where that is
// tolerated.
func (s *scheduler) checkNeeds(step pipeline.Step) (reason string, ready bool) {
	ready = true
	for _, need := range s.graph.Predecessors(step.Name) {
		switch result := s.result(need); {
		case result.Status == "":
			ready = false
		case result.Blocks(), !result.Passed() && slices.Contains(step.Needs, need):
			return fmt.Sprintf("%s %s", need, statusPhrase(result.Status)), false
		}
	}
	return "", ready
}

// markTolerated notes that a step which is skipped for nothing but what is tolerated is tolerated too.
func (s *scheduler) markTolerated(step pipeline.Step) {
	blocks := slices.ContainsFunc(s.graph.Predecessors(step.Name), func(need string) bool { return s.result(need).Blocks() })
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results[step.Name].Tolerated = !blocks
}

// statusPhrase makes a sentence of a step's name and its status.
func statusPhrase(status pipeline.Status) string {
	return map[pipeline.Status]string{
		pipeline.Failed: "failed", pipeline.Skipped: "was skipped", pipeline.NotRun: "could not run", pipeline.Interrupted: "was interrupted",
	}[status]
}

// finishUnstarted settles a step that is not started, and says so.
func (s *scheduler) finishUnstarted(name string, status pipeline.Status, reason string) {
	s.recordResult(name, status, reason)
	result := s.result(name)
	s.emit(pipeline.Event{Step: name, Kind: pipeline.Finished, Result: &result})
}
