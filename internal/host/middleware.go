package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/goyek/goyek/v2"

	"lockstep/internal/display"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
	"lockstep/internal/process"
	"lockstep/internal/telemetry"
)

// emitEvents times a step and reports when it starts and how it ended.
func (r *graphRun) emitEvents(next goyek.Runner) goyek.Runner {
	return func(in goyek.Input) goyek.Result {
		started := r.now()
		r.mu.Lock()
		r.results[in.TaskName].Started = started
		r.mu.Unlock()
		r.emit(pipeline.Event{Step: in.TaskName, Kind: pipeline.Started})
		step, _ := r.graph.Step(in.TaskName)
		var span telemetry.Span
		in.Context, span = telemetry.Start(in.Context, "step "+step.Name, telemetry.Stage(string(step.Stage)))
		out := next(in)
		switch {
		case out.PanicValue != nil:
			r.recordFailure(in.TaskName, pipeline.Failed, fault.Panicked,
				fmt.Sprintf("the runner panicked: %v", out.PanicValue))
		case out.Status == goyek.StatusFailed:
			r.recordFailure(in.TaskName, pipeline.Failed, fault.StepFailed, "")
		default:
			r.recordResult(in.TaskName, pipeline.Ran, "")
		}
		r.mu.Lock()
		r.results[in.TaskName].Millis = r.now().Sub(started).Milliseconds()
		r.mu.Unlock()
		result := r.result(in.TaskName)
		span.EndWithCode(result.Code, telemetry.Status(string(result.Status)))
		r.emit(pipeline.Event{Step: in.TaskName, Kind: pipeline.Finished, Millis: result.Millis, Result: &result})
		return out
	}
}

// cacheResults restores the result of a step that only computes if the same step has run with the same inputs, and
// stores it otherwise. A store that does not work costs time, not results.
func (r *graphRun) cacheResults(next goyek.Runner) goyek.Runner {
	return func(in goyek.Input) goyek.Result {
		step, _ := r.graph.Step(in.TaskName)
		if step.Off != "" {
			r.recordResult(step.Name, pipeline.NothingToDo, step.OffReason())
			return goyek.Result{Status: goyek.StatusPassed}
		}
		if nothing, err := r.hasNothingToDo(step); err != nil {
			return r.recordError(in.TaskName, err)
		} else if nothing {
			r.recordResult(step.Name, pipeline.NothingToDo, step.NothingReason())
			return goyek.Result{Status: goyek.StatusPassed}
		}
		if step.Effect != pipeline.Compute {
			return next(in)
		}
		key, err := r.cacheKey(in.Context, step)
		if err != nil {
			return r.recordError(in.TaskName, err)
		}
		if !r.NoCache && r.restoreResult(step, key) {
			return goyek.Result{Status: goyek.StatusPassed}
		}
		if reason := r.unreachableReason(key); reason != "" {
			r.recordFailure(step.Name, pipeline.NotRun, fault.GateNotRun, reason)
			return goyek.Result{Status: goyek.StatusFailed}
		}
		out := next(in)
		if out.Status == goyek.StatusPassed {
			out.Status = r.storeResult(in.Context, step, key)
		}
		if r.cachesUnreachable() {
			r.store.unreachable.record(key, r.result(step.Name))
		}
		return out
	}
}

// cachesUnreachable reports whether a gate that could not reach what it needs is not tried again for a while. It
// always is where nothing may be taken from an earlier run.
func (r *Runner) cachesUnreachable() bool { return !r.NoCache && !r.rereadsFiles() }

// unreachableReason returns why the gate of that key is not tried again; empty if it is to be tried.
func (r *graphRun) unreachableReason(key string) string {
	if r.Refresh || !r.cachesUnreachable() {
		return ""
	}
	return r.store.unreachable.reason(key)
}

// restoreResult restores the result that the store has under the key, and reports whether it has one.
func (r *graphRun) restoreResult(step pipeline.Step, key string) bool {
	log := r.logPath(step.Name)
	hit, err := r.store.restore(key, step, log)
	if err != nil {
		r.emitNotice(step.Name, fmt.Sprintf("its cached result is not usable, so it runs again: %v", err))
	}
	switch {
	case hit == nil:
		return false
	case hit.Nothing != "":
		r.recordResult(step.Name, pipeline.NothingToDo, hit.Nothing)
	default:
		r.recordResult(step.Name, pipeline.Cached, "nothing that it reads has changed")
	}
	r.setLog(step.Name, log)
	return true
}

// storeResult stores the result of a step that ended well. It returns StatusFailed if the step's output is not what
// it declares.
func (r *graphRun) storeResult(ctx context.Context, step pipeline.Step, key string) goyek.Status {
	if now, err := r.cacheKey(ctx, step); err != nil || now != key {
		r.emitNotice(step.Name, "what it reads has changed while it ran, so its result is not kept")
		return goyek.StatusPassed
	}
	var wrongOutput *outputError
	nothing := ""
	if result := r.result(step.Name); result.Status == pipeline.NothingToDo {
		nothing = result.Reason
	}
	err := r.store.save(key, step, r.logPath(step.Name), nothing)
	switch {
	case errors.As(err, &wrongOutput):
		r.recordFailure(step.Name, pipeline.Failed, fault.CodeOf(err), err.Error())
		return goyek.StatusFailed
	case err != nil:
		r.emitNotice(step.Name, fmt.Sprintf("its result was not cached: %v", err))
	}
	return goyek.StatusPassed
}

// recordError records the result of a step that could not be started, or ended with an error.
func (r *graphRun) recordError(name string, err error) goyek.Result {
	var missing *MissingToolError
	var notRun *pipeline.NotRunError
	var exit *exitError
	if errors.As(err, &exit) {
		r.mu.Lock()
		r.results[name].ExitCode = exit.status
		r.mu.Unlock()
	}
	switch {
	case errors.As(err, &missing), errors.As(err, &notRun):
		r.recordFailure(name, pipeline.NotRun, fault.CodeOf(err), err.Error())
	case errors.Is(err, context.Canceled):
		r.recordResult(name, pipeline.Interrupted, "")
	default:
		r.recordFailure(name, pipeline.Failed, fault.CodeOf(err), err.Error())
	}
	return goyek.Result{Status: goyek.StatusFailed}
}

// logOutput writes what a step prints to a file of its own, without what controls a terminal, and reports each line as
// an event.
func (r *graphRun) logOutput(next goyek.Runner) goyek.Runner {
	return func(in goyek.Input) goyek.Result {
		path := r.logPath(in.TaskName)
		file, err := fsx.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fsx.PrivateFile)
		if err != nil {
			return r.recordError(in.TaskName, fmt.Errorf("its log cannot be created: %w", err))
		}
		r.setLog(in.TaskName, path)
		lines := &process.LineWriter{Emit: func(line string) {
			r.emit(pipeline.Event{Step: in.TaskName, Kind: pipeline.Output, Detail: line})
		}}
		in.Output = io.MultiWriter(display.NewLogWriter(file), lines)
		out := next(in)
		lines.Flush()
		if err := file.Close(); err != nil && out.Status == goyek.StatusPassed {
			return r.recordError(in.TaskName, fmt.Errorf("its log is incomplete: %w", err))
		}
		return out
	}
}

func (r *graphRun) setLog(name, path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results[name].Log = path
}
