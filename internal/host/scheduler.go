package host

import (
	"context"
	"fmt"

	"github.com/goyek/goyek/v2"

	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
)

// scheduleTasks is the executor middleware that hands each task on alone, as soon as its needs have passed and within
// the limit of processors. goyek's own parallelism runs batches of tasks and waits for the whole of each.
func (r *graphRun) scheduleTasks(next goyek.Executor) goyek.Executor {
	return func(in goyek.ExecuteInput) error {
		in.NoDeps = true
		run := func(step pipeline.Step) pipeline.Result {
			task := in
			task.Tasks = []string{step.Name}
			err := next(task)
			if r.result(step.Name).Status == "" { // goyek refused to start it
				r.recordUnstarted(unstartedResult(in.Context, step, err))
			}
			return r.result(step.Name)
		}
		pipeline.NewScheduler(r.graph, max(1, r.Jobs)).Run(in.Context, run, r.recordUnstarted)
		return nil
	}
}

// unstartedResult returns the result of a step that goyek did not start.
func unstartedResult(ctx context.Context, step pipeline.Step, err error) pipeline.Result {
	if ctx.Err() != nil {
		return step.InterruptedResult()
	}
	return pipeline.Result{
		Step: step.Name, Stage: step.Stage, Status: pipeline.Failed, Code: fault.Unexpected, Reason: fmt.Sprint(err),
	}
}

// recordUnstarted records and reports the result of a step that does not start.
func (r *graphRun) recordUnstarted(result pipeline.Result) {
	r.mu.Lock()
	r.results[result.Step] = &result
	r.mu.Unlock()
	r.emit(pipeline.Event{Step: result.Step, Kind: pipeline.Finished, Result: &result})
}
