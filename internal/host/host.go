// Package host runs a graph on this machine: each step is a process of its own, with a scrubbed environment, that
// starts as soon as its needs have passed. It knows nothing of what a step does, of AWS and of the terminal; its
// caller observes the events.
package host

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/goyek/goyek/v2"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/pipeline"
	"lockstep/internal/repo"
	"lockstep/tools"
)

// A Runner runs graphs in one repository.
type Runner struct {
	// Root is the repository's root, where commands run. Inputs and outputs are relative to it.
	Root string
	// Executable is the path of the program that stands for pipeline.Self.
	Executable string
	// Environ is the caller's environment as os.Environ returns it, of which a step sees a part.
	Environ []string
	// Jobs is how many processors may be kept busy; at least 1.
	Jobs int
	// NoCache runs every step, and still stores its result.
	NoCache bool
	// Refresh tries gates again that could not reach what they need a short time ago.
	Refresh bool
	// Live hands credentials to the steps that reach AWS, so that they work on the real accounts.
	Live bool
	// ToleratesNotRun, when set, reports whether the run goes on without a step that could not be run.
	ToleratesNotRun func(pipeline.Step) bool
	// ComponentVersion, when set, returns the version of the component of Self that a command of it runs, so that a
	// result is kept when another component changes. Where it returns nothing, all of Self counts.
	ComponentVersion func(argv []string) string
	// BeforeAWS, when set, is waited for before a step that reaches AWS starts: a rehearsal's accounts start meanwhile.
	BeforeAWS func(context.Context) error
	// Observe, when set, is called with every event, one at a time.
	Observe func(pipeline.Event)
	// Now returns the time; nil is time.Now.
	Now func() time.Time

	// stopTimeout replaces defaultStopTimeout if it is not 0.
	stopTimeout time.Duration
}

// A Report is how a run ended.
type Report struct {
	// Results are in the graph's order, one for each step.
	Results []pipeline.Result
	// Dir is the folder of the run's logs.
	Dir string
	// Elapsed is the time that the run took.
	Elapsed time.Duration

	alive io.Closer // nil for none
}

// Close ends the run. A run whose folder has no summary by then was killed.
func (r Report) Close() error {
	if r.alive == nil {
		return nil
	}
	return r.alive.Close()
}

// Passed reports whether no step keeps the run from ending well.
func (r Report) Passed() bool {
	return !slices.ContainsFunc(r.Results, pipeline.Result.Blocks)
}

// Run runs the graph. A step that does not pass is no error of Run: the report says so. An error means that the run
// could not be set up, because its folder cannot be written for example. After a cancellation the report has steps
// that were interrupted.
func (r *Runner) Run(ctx context.Context, g *pipeline.Graph) (Report, error) {
	now := r.Now
	if now == nil {
		now = time.Now
	}
	started := now()
	runs, err := filepath.Abs(filepath.Join(r.Root, pipeline.StateDir, "runs"))
	if err != nil {
		return Report{}, err
	}
	killStrayProcesses(runs)
	_ = repo.MakeState(r.Root) // what is written next says what is wrong with the folder
	dir, err := newRunDir(runs, started)
	if err != nil {
		return Report{}, err
	}
	// Where files cannot be locked, this run looks as if it were killed while it goes on.
	alive, _ := fsx.Lock(filepath.Join(dir, pipeline.RunAliveFile))
	store, err := openStore(r.Root, newSealer(r.Environ, r.Root), now, r.rereadsFiles())
	if err != nil {
		return Report{}, err
	}
	run := &graphRun{
		Runner: r, graph: g, dir: dir, now: now, started: started, store: store,
		results: map[string]*pipeline.Result{}, tools: newProber(r.Environ),
	}
	run.tools.printed, run.tools.dir = store.versions, r.Root
	run.files = sync.OnceValues(func() (repo.Listing, error) { return repo.Walk(r.Root) })
	waitForVersions := run.prefetchVersions(ctx)
	err = run.execute(ctx)
	waitForVersions()
	if err != nil {
		return Report{}, err
	}
	if err := store.close(); err != nil {
		run.emitNotice("", fmt.Sprintf("the cache's index was not saved, so the next run reads its inputs again: %v", err))
	}
	report := Report{Dir: dir, Elapsed: now().Sub(started), alive: alive}
	for _, s := range g.Steps() {
		report.Results = append(report.Results, *run.results[s.Name])
	}
	return report, nil
}

// prefetchVersions asks the tools of all steps for their versions, side by side, so that no step waits for one after
// the other. It returns a function that waits for the answers. An error is one of the step that needs the tool.
func (r *graphRun) prefetchVersions(ctx context.Context) (wait func()) {
	var group sync.WaitGroup
	asked := map[string]bool{}
	for _, step := range r.graph.Steps() {
		for _, tool := range step.Tools {
			if step.Effect != pipeline.Compute || asked[tool] {
				continue
			}
			asked[tool] = true
			group.Go(func() { _, _ = r.tools.version(ctx, tool) })
		}
	}
	return group.Wait
}

// rereadsFiles reports whether every input is read again, whatever the file system says of it: where a result that is
// wrongly taken from the cache reaches others.
func (r *Runner) rereadsFiles() bool {
	ci := tools.Getenv(r.Environ, "CI")
	return r.Live || ci != "" && ci != "false" && ci != "0"
}

// graphRun is one run of a graph.
type graphRun struct {
	*Runner
	graph   *pipeline.Graph
	dir     string
	now     func() time.Time
	started time.Time
	store   *store
	tools   *prober
	files   func() (repo.Listing, error)

	mu      sync.Mutex
	results map[string]*pipeline.Result
	// observeMu makes events arrive one at a time.
	observeMu sync.Mutex
}

// execute runs the steps as goyek's tasks, which the middlewares log, cache and report, in the scheduler's order.
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

// deps returns the tasks of the steps that the named one waits for.
func (r *graphRun) deps(tasks map[string]*goyek.DefinedTask, name string) goyek.Deps {
	var deps goyek.Deps
	for _, need := range r.graph.Predecessors(name) {
		deps = append(deps, tasks[need])
	}
	return deps
}

// recordResult records how a step ended, unless that is recorded: the innermost middleware that knows why decides. What
// keeps a step from passing has a code: recordFailure records it.
func (r *graphRun) recordResult(name string, status pipeline.Status, reason string) {
	r.recordFailure(name, status, "", reason)
}

// recordFailure records why a step did not pass, unless its end is recorded.
func (r *graphRun) recordFailure(name string, status pipeline.Status, code fault.Code, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if result := r.results[name]; result.Status == "" {
		result.Status, result.Code, result.Reason = status, code, reason
		if step, ok := r.graph.Step(name); ok && status == pipeline.NotRun && r.ToleratesNotRun != nil {
			result.Tolerated = r.ToleratesNotRun(step)
		}
	}
}

// result returns what is recorded of a step.
func (r *graphRun) result(name string) pipeline.Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	return *r.results[name]
}

// emit hands an event to the observer, with the time and, unless it is set, the time since the step or the run started.
func (r *graphRun) emit(e pipeline.Event) {
	if r.Observe == nil {
		return
	}
	r.observeMu.Lock()
	defer r.observeMu.Unlock()
	e.Time = r.now()
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

// newRunDir creates the folder of a run that starts now and removes the oldest ones. The names sort by time.
func newRunDir(parent string, now time.Time) (string, error) {
	if err := os.MkdirAll(parent, fsx.PrivateDir); err != nil {
		return "", fmt.Errorf("the run's logs: %w", tools.ExplainWriteError(parent, err))
	}
	dir, err := os.MkdirTemp(parent, now.UTC().Format("20060102T150405.000")+"-")
	if err != nil {
		return "", fmt.Errorf("the run's logs: %w", tools.ExplainWriteError(parent, err))
	}
	if entries, err := os.ReadDir(parent); err == nil {
		for _, old := range entries[:max(0, len(entries)-maxRuns)] {
			_ = os.RemoveAll(filepath.Join(parent, old.Name())) // a log that stays costs only its size
		}
	}
	return dir, nil
}

// logPath returns the file of a step's output. Some file systems allow no colon in a name.
func (r *graphRun) logPath(step string) string {
	return filepath.Join(r.dir, strings.ReplaceAll(step, ":", "-")+".log")
}
