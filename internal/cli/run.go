package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/term"

	"lockstep/config"
	"lockstep/internal/display"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/host"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
	"lockstep/internal/rollout"
	"lockstep/tools"
)

// A StepsError is a run in which not every step passed.
type StepsError struct {
	results []pipeline.Result
	graph   *pipeline.Graph
}

// newStepsError returns a StepsError, or nil if no step keeps the run from passing.
func newStepsError(results []pipeline.Result, g *pipeline.Graph) error {
	for _, r := range results {
		if r.Blocks() {
			return &StepsError{results: results, graph: g}
		}
	}
	return nil
}

func (e *StepsError) Error() string {
	var names []string
	for _, r := range e.results {
		if r.Blocks() && r.Status != pipeline.Skipped {
			names = append(names, r.Step)
		}
	}
	return "did not pass: " + strings.Join(names, ", ")
}

// Code returns the code of the first step that keeps the run from passing.
func (e *StepsError) Code() fault.Code {
	for _, r := range e.results {
		if r.Blocks() && r.Code != "" {
			return r.Code
		}
	}
	return fault.StepFailed
}

// ExitStatus returns the exit status of the first failed step that runs this program; 1 if there is none.
func (e *StepsError) ExitStatus() int {
	for _, r := range e.results {
		step, ok := e.graph.Step(r.Step)
		if ok && r.Status == pipeline.Failed && r.ExitCode != 0 && step.Command[0] == pipeline.Self {
			return r.ExitCode
		}
	}
	return 1
}

// A job is a graph that a command runs.
type job struct {
	command      string
	mode         report.Mode
	project      *project
	environments []config.Environment
	graph        *pipeline.Graph
	// recordStage is the stage whose records the summary shows; empty for none.
	recordStage pipeline.Stage
	// acquireAccounts, if not nil, starts the accounts that steps need. It runs at the same time as the first steps.
	acquireAccounts acquireFunc
}

// An acquireFunc starts accounts. The caller must call release when done.
type acquireFunc func(ctx context.Context, progress func(string)) (release func() error, err error)

// runJob runs the graph, shows its progress, and returns its summary.
func (a *app) runJob(ctx context.Context, j job) (result, error) {
	started := a.Now()
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if err := rollout.RemoveRecords(j.project.root, j.recordStage, j.environments); err != nil {
		return nil, err
	}
	if !a.json {
		a.announce(j.mode, j.environments)
	}
	observer := a.newObserver(j.graph)
	runner := &host.Runner{
		Root: j.project.root, Executable: self, Environ: a.Environ, Jobs: a.jobs, NoCache: a.noCache,
		Refresh: a.refresh, Live: j.mode == report.Live, ToleratesNotRun: a.mayBeAbsent(j.environments),
		ComponentVersion: componentVersion,
		Observe:          observer.Observe,
	}
	release := func() error { return nil }
	if j.acquireAccounts != nil {
		accounts := a.startAccounts(ctx, j.acquireAccounts, observer)
		runner.BeforeAWS, release = accounts.wait, accounts.release
	}
	ran, runErr := runner.Run(ctx, j.graph)
	observer.Close()
	releaseErr := release()
	if runErr != nil {
		return nil, errors.Join(runErr, releaseErr)
	}
	defer ran.Close()
	err = j.runError(ctx, ran)
	summary, gates := a.summarize(j, ran, err)
	summary.Time, summary.Millis = a.Now(), a.Now().Sub(started).Milliseconds()
	if releaseErr != nil {
		summary.SetError(releaseErr)
	}
	if err := report.SaveRun(ran.Dir, summary, gates); err != nil {
		a.printProgress("what the gates found is not kept for `lockstep report`: " + err.Error())
	}
	if err != nil {
		a.showLogTails(ran, gates, j.graph)
		return summary, printedError{err}
	}
	return summary, releaseErr
}

// runError returns why a run did not pass; nil if it did.
func (j job) runError(ctx context.Context, ran host.Report) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return newStepsError(ran.Results, j.graph)
}

// summarize returns the summary of a run that ended with the error, and what its gates found.
func (a *app) summarize(j job, ran host.Report, err error) (*report.Summary, report.GateResults) {
	summary := &report.Summary{
		Envelope: report.Envelope{
			Command: j.command, Mode: j.mode, LiveEndpoint: a.endpointOf(j.mode), Result: a.verdictOf(err),
			Code: fault.CodeOf(err),
		},
		Digest: j.graph.Digest(), Steps: ran.Results, Logs: ran.Dir,
	}
	if relative, err := filepath.Rel(j.project.root, ran.Dir); err == nil {
		summary.Logs = relative
	}
	records, err := rollout.ReadRecords(j.project.root, j.recordStage, j.environments)
	if err != nil {
		summary.SetError(err)
	}
	for _, record := range records {
		summary.Add(record)
	}
	if j.mode == report.Rehearsal {
		summary.NotRehearsed = rollout.NotRehearsed(j.environments)
	}
	gates := report.LoadGateResults(fsx.Dir(j.project.root), j.graph, ran.Results)
	summary.Findings, summary.Waived = gates.Lines(report.MaxShownFindings), len(gates.Waived())
	return summary, gates
}

// startingAccounts are accounts that are being started.
type startingAccounts struct {
	cancel context.CancelFunc
	// ready is closed when releaseAccounts and err are set.
	ready           chan struct{}
	releaseAccounts func() error
	err             error
}

// startAccounts starts accounts in the background. Their progress is shown as events of the run.
func (a *app) startAccounts(ctx context.Context, acquire acquireFunc, o report.Observer) *startingAccounts {
	started := a.Now()
	progress := func(line string) {
		now := a.Now()
		o.Observe(pipeline.Event{
			Time: now, Kind: pipeline.Notice, Millis: now.Sub(started).Milliseconds(), Detail: line,
		})
	}
	ctx, cancel := context.WithCancel(ctx)
	s := &startingAccounts{cancel: cancel, ready: make(chan struct{})}
	go func() {
		defer close(s.ready)
		s.releaseAccounts, s.err = acquire(ctx, progress)
	}()
	return s
}

// wait waits until the accounts can be used, and returns an error if they cannot.
func (s *startingAccounts) wait(ctx context.Context) error {
	select {
	case <-s.ready:
		return s.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// release releases the accounts. If they are still being started, it interrupts that first.
func (s *startingAccounts) release() error {
	s.cancel()
	<-s.ready
	if s.releaseAccounts == nil {
		return nil
	}
	return s.releaseAccounts()
}

// showLogTails shows the end of what each failed step printed, unless the findings explain why it failed.
func (a *app) showLogTails(ran host.Report, gates report.GateResults, g *pipeline.Graph) {
	if a.json {
		return
	}
	for _, r := range ran.Results {
		if r.Status != pipeline.Failed || r.Log == "" || !gates.IsUnexplained(r.Step, g) {
			continue
		}
		tail, err := host.Tail(r.Log)
		if err != nil {
			continue // the step's reason says that its log could not be written
		}
		fmt.Fprintf(a.Stderr, "\n%s failed; the end of %s:\n", r.Step, r.Log)
		for _, line := range tail {
			fmt.Fprintln(a.Stderr, "  "+display.Output(line))
		}
	}
}

// newObserver returns an observer that shows a run in the way that the flags ask for.
func (a *app) newObserver(g *pipeline.Graph) report.Observer {
	if a.json {
		return report.NewJSONObserver(a.Stdout)
	}
	return report.NewObserver(a.Stderr, g, report.ObserverOptions{
		Mode: report.ProgressMode(a.progress), IsTerminal: isTerminal(a.Stderr, a.Environ), Verbose: a.verbose, Now: a.Now,
	})
}

// isTerminal reports whether w is a terminal on which a cursor can be moved: TERM is neither empty nor dumb.
func isTerminal(w io.Writer, environ []string) bool {
	kind := tools.Getenv(environ, "TERM")
	file, ok := display.Terminal(w).(*os.File)
	return ok && kind != "" && kind != "dumb" && term.IsTerminal(int(file.Fd()))
}
