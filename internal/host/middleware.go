package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/goyek/goyek/v2"

	"lockstep/internal/pipeline"
)

// emitEvents times a step, says when it starts and how it ended.
func (r *graphRun) emitEvents(next goyek.Runner) goyek.Runner {
	return func(in goyek.Input) goyek.Result {
		started := time.Now()
		r.mu.Lock()
		r.results[in.TaskName].Started = started
		r.mu.Unlock()
		r.emit(pipeline.Event{Step: in.TaskName, Kind: pipeline.Started})
		out := next(in)
		switch {
		case out.PanicValue != nil:
			r.recordResult(in.TaskName, pipeline.Failed, fmt.Sprintf("the runner itself broke: %v", out.PanicValue))
		case out.Status == goyek.StatusFailed:
			r.recordResult(in.TaskName, pipeline.Failed, "")
		default:
			r.recordResult(in.TaskName, pipeline.Ran, "")
		}
		r.mu.Lock()
		r.results[in.TaskName].Millis = time.Since(started).Milliseconds()
		r.mu.Unlock()
		result := r.result(in.TaskName)
		r.emit(pipeline.Event{Step: in.TaskName, Kind: pipeline.Finished, Millis: result.Millis, Result: &result})
		return out
	}
}

// cacheResults takes the outcome of a step that only computes from the store when the same step has run with the same inputs, and
// stores it otherwise. A store that does not work costs time, not results.
func (r *graphRun) cacheResults(next goyek.Runner) goyek.Runner {
	return func(in goyek.Input) goyek.Result {
		step, _ := r.graph.Step(in.TaskName)
		if nothing, err := r.hasNothingToDo(step); err != nil {
			return r.recordError(in.TaskName, err)
		} else if nothing {
			r.recordResult(step.Name, pipeline.NothingToDo, "the repository has no file that it looks at")
			return goyek.Result{Status: goyek.StatusPassed}
		}
		if step.Effect != pipeline.Compute {
			return next(in)
		}
		key, err := r.cacheKey(in.Context, step)
		if err != nil {
			return r.recordError(in.TaskName, err)
		}
		log := r.logPath(step.Name)
		if !r.NoCache {
			if hit, err := r.store.restore(r.Root, key, log, step.CacheTTL); err != nil {
				r.emitNotice(step.Name, fmt.Sprintf("its cached result is not usable, so it runs again: %v", err))
			} else if hit {
				r.setLog(step.Name, log)
				r.recordResult(step.Name, pipeline.Cached, "nothing that it reads has changed")
				return goyek.Result{Status: goyek.StatusPassed}
			}
		}
		out := next(in)
		if out.Status != goyek.StatusPassed {
			return out
		}
		if now, err := r.cacheKey(in.Context, step); err != nil || now != key {
			r.emitNotice(step.Name, "what it reads has changed while it ran, so its result is not kept")
			return out
		}
		if err := r.store.save(r.Root, key, step, log); errors.Is(err, errMissingOutput) {
			r.recordResult(step.Name, pipeline.Failed, err.Error())
			return goyek.Result{Status: goyek.StatusFailed}
		} else if err != nil {
			r.emitNotice(step.Name, fmt.Sprintf("its result was not cached: %v", err))
		}
		return out
	}
}

// recordError settles a step that cannot be started at all.
func (r *graphRun) recordError(name string, err error) goyek.Result {
	var missing *MissingToolError
	var notRun *notRunError
	var exit *exitError
	if errors.As(err, &exit) {
		r.mu.Lock()
		r.results[name].ExitCode = exit.code
		r.mu.Unlock()
	}
	switch {
	case errors.As(err, &missing), errors.As(err, &notRun):
		r.recordResult(name, pipeline.NotRun, err.Error())
	case errors.Is(err, context.Canceled):
		r.recordResult(name, pipeline.Interrupted, "")
	default:
		r.recordResult(name, pipeline.Failed, err.Error())
	}
	return goyek.Result{Status: goyek.StatusFailed}
}

// logOutput keeps what a step prints in a file of its own, and passes each line on as an event.
func (r *graphRun) logOutput(next goyek.Runner) goyek.Runner {
	return func(in goyek.Input) goyek.Result {
		path := r.logPath(in.TaskName)
		file, err := os.Create(path)
		if err != nil {
			return r.recordError(in.TaskName, fmt.Errorf("its log has no place: %w", err))
		}
		r.setLog(in.TaskName, path)
		lines := &lineWriter{emit: func(line string) {
			r.emit(pipeline.Event{Step: in.TaskName, Kind: pipeline.Output, Detail: line})
		}}
		in.Output = io.MultiWriter(file, lines)
		out := next(in)
		lines.flush()
		if err := file.Close(); err != nil && out.Status == goyek.StatusPassed {
			return r.recordError(in.TaskName, fmt.Errorf("its log is not whole: %w", err))
		}
		return out
	}
}

func (r *graphRun) setLog(name, path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results[name].Log = path
}

// lineWriter cuts what is written into lines. A step's two streams share it, one write at a time.
type lineWriter struct {
	emit    func(string)
	pending strings.Builder
}

func (w *lineWriter) Write(p []byte) (int, error) {
	for _, part := range strings.SplitAfter(string(p), "\n") {
		w.pending.WriteString(part)
		if strings.HasSuffix(part, "\n") {
			w.flush()
		}
	}
	return len(p), nil
}

func (w *lineWriter) flush() {
	if w.pending.Len() == 0 {
		return
	}
	line := strings.TrimRight(w.pending.String(), "\r\n")
	w.pending.Reset()
	w.emit(line)
}

// tailLines is how much of a log is shown with a failure.
const tailLines = 20

// Tail is the end of a step's log: what a person needs first when the step has failed.
func Tail(path string) ([]string, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	return lines[max(0, len(lines)-tailLines):], nil
}
