// Package host runs a graph on this machine: each step a process of its own with a scrubbed environment, as soon as its needs
// have passed. It knows nothing of what a step does, of AWS or of the terminal; whoever wants to know listens to the events.
package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/goyek/goyek/v2"

	"lockstep/internal/pipeline"
)

// A Runner runs graphs in one repository.
type Runner struct {
	// Root is the repository's root: where commands run and what inputs and outputs are relative to.
	Root string
	// Executable is the path of the program that stands for pipeline.Self.
	Executable string
	// Environ is the caller's environment as os.Environ gives it, of which a step sees a part.
	Environ []string
	// Jobs is how many processors may be kept busy; at least 1.
	Jobs int
	// NoCache runs every step, and still stores what it makes.
	NoCache bool
	// Live hands credentials to the steps that reach AWS, so that they work on the real accounts.
	Live bool
	// ToleratesNotRun, when set, says of a step that could not be run whether the run goes on without it.
	ToleratesNotRun func(pipeline.Step) bool
	// ComponentVersion, when set, tells the part of Self that a command of it runs apart from another version of that part, so that a result is kept when another
	// part changes. Where it returns nothing, the whole of Self counts.
	ComponentVersion func(argv []string) string
	// BeforeAWS, when set, is waited for before a step that reaches AWS starts: a rehearsal's accounts come up meanwhile.
	BeforeAWS func(context.Context) error
	// Observe is called with every event, one at a time.
	Observe func(pipeline.Event)
}

// A Report is how a run ended.
type Report struct {
	// Results stand in the graph's order, one for each step.
	Results []pipeline.Result
	// Dir is the folder of the run's logs.
	Dir string
	// Elapsed is the wall time.
	Elapsed time.Duration
}

// Passed says whether no step keeps the run from a good end.
func (r Report) Passed() bool {
	for _, result := range r.Results {
		if result.Blocks() {
			return false
		}
	}
	return true
}

// Run runs the graph. A step that does not pass is no error of Run: the report says so. An error means that the run could not be
// set up, because its folder cannot be written for example; cancellation shows as steps that were interrupted.
func (r *Runner) Run(ctx context.Context, g *pipeline.Graph) (Report, error) {
	started := time.Now()
	dir, err := newRunDir(filepath.Join(r.Root, pipeline.StateDir, "runs"), started)
	if err != nil {
		return Report{}, err
	}
	store, err := openStore(r.Root)
	if err != nil {
		return Report{}, err
	}
	run := &graphRun{Runner: r, graph: g, dir: dir, started: started, store: store, results: map[string]*pipeline.Result{}, tools: newProber(r.Environ)}
	run.files = sync.OnceValues(func() ([]string, error) { return listFiles(r.Root) })
	if err := run.execute(ctx); err != nil {
		return Report{}, err
	}
	if err := store.close(); err != nil {
		run.emitNotice("", fmt.Sprintf("the cache's index was not saved, so the next run reads its inputs again: %v", err))
	}
	report := Report{Dir: dir, Elapsed: time.Since(started)}
	for _, s := range g.Steps() {
		report.Results = append(report.Results, *run.results[s.Name])
	}
	return report, nil
}

// graphRun is one run of a graph.
type graphRun struct {
	*Runner
	graph   *pipeline.Graph
	dir     string
	started time.Time
	store   *store
	tools   *prober
	files   func() ([]string, error)

	mu      sync.Mutex
	results map[string]*pipeline.Result
	// observeMu makes events arrive one at a time.
	observeMu sync.Mutex
}

// execute hands the steps to goyek: one task each, wrapped by what cuts across, in the order that the scheduler finds.
func (r *graphRun) execute(ctx context.Context) error {
	flow := &goyek.Flow{}
	flow.SetOutput(io.Discard)
	flow.SetLogger(goyek.FmtLogger{})
	tasks := map[string]*goyek.DefinedTask{}
	var names []string
	for _, step := range r.graph.Steps() {
		r.results[step.Name] = &pipeline.Result{Step: step.Name, Stage: step.Stage}
		names = append(names, step.Name)
		tasks[step.Name] = flow.Define(goyek.Task{
			Name: step.Name, Usage: step.Summary,
			Deps:   r.deps(tasks, step.Name),
			Action: func(a *goyek.A) { r.runTask(a, step) },
		})
	}
	// The last middleware is the outermost.
	flow.Use(r.logOutput, r.cacheResults, r.emitEvents)
	flow.UseExecutor(r.scheduleTasks)
	if len(names) == 0 {
		return nil
	}
	var failed *goyek.FailError
	if err := flow.Execute(ctx, names); err != nil && !errors.As(err, &failed) && ctx.Err() == nil {
		return err
	}
	return nil
}

func (r *graphRun) deps(tasks map[string]*goyek.DefinedTask, name string) goyek.Deps {
	var deps goyek.Deps
	for _, need := range r.graph.Predecessors(name) {
		deps = append(deps, tasks[need])
	}
	return deps
}

// recordResult records how a step ended, unless that is settled already: the innermost who knows why decides.
func (r *graphRun) recordResult(name string, status pipeline.Status, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if result := r.results[name]; result.Status == "" {
		result.Status, result.Reason = status, reason
		if step, ok := r.graph.Step(name); ok && status == pipeline.NotRun && r.ToleratesNotRun != nil {
			result.Tolerated = r.ToleratesNotRun(step)
		}
	}
}

func (r *graphRun) result(name string) pipeline.Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	return *r.results[name]
}

func (r *graphRun) emit(e pipeline.Event) {
	if r.Observe == nil {
		return
	}
	r.observeMu.Lock()
	defer r.observeMu.Unlock()
	e.Time = time.Now()
	if e.Millis == 0 {
		since := r.started
		if e.Step != "" {
			if at := r.result(e.Step).Started; !at.IsZero() {
				since = at
			}
		}
		e.Millis = e.Time.Sub(since).Milliseconds()
	}
	r.Observe(e)
}

func (r *graphRun) emitNotice(step, detail string) {
	r.emit(pipeline.Event{Step: step, Kind: pipeline.Notice, Detail: detail})
}

// maxRuns is how many runs' logs are kept.
const maxRuns = 20

// newRunDir makes the folder of a run that starts now and drops the oldest ones. Names sort by time.
func newRunDir(parent string, now time.Time) (string, error) {
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", fmt.Errorf("the run's logs have no place: %w", err)
	}
	dir, err := os.MkdirTemp(parent, now.UTC().Format("20060102T150405.000")+"-")
	if err != nil {
		return "", fmt.Errorf("the run's logs have no place: %w", err)
	}
	if entries, err := os.ReadDir(parent); err == nil {
		for _, old := range entries[:max(0, len(entries)-maxRuns)] {
			_ = os.RemoveAll(filepath.Join(parent, old.Name())) // a log that stays costs only its size
		}
	}
	return dir, nil
}

// logPath is where a step's output is kept; the colon of a step's name is no letter of a file's name everywhere.
func (r *graphRun) logPath(step string) string {
	return filepath.Join(r.dir, strings.ReplaceAll(step, ":", "-")+".log")
}
