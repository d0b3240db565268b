package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lockstep/internal/refusal"

	"golang.org/x/term"

	"lockstep/config"
	"lockstep/internal/host"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
)

// A StepsError is a run in which not every step passed. The summary has shown it already.
type StepsError struct {
	results []pipeline.Result
	graph   *pipeline.Graph
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

// ExitCode is the status of the first failed step that is this very program, which speaks the same exit codes; 1 if there is none.
func (e *StepsError) ExitCode() int {
	for _, r := range e.results {
		step, ok := e.graph.Step(r.Step)
		if ok && r.Status == pipeline.Failed && r.ExitCode != 0 && step.Command[0] == pipeline.Self {
			return r.ExitCode
		}
	}
	return 1
}

// printedError is an error that the summary has told already.
type printedError struct{ error }

func (e printedError) Unwrap() error { return e.error }

// IsPrinted says whether the user has been told of the error.
func IsPrinted(err error) bool {
	var shown printedError
	return errors.As(err, &shown)
}

// job is a graph to run for a command.
type job struct {
	command      string
	mode         report.Mode
	project      *project
	environments []config.Environment
	graph        *pipeline.Graph
	// recordStage is the stage whose records belong into the summary; empty for none.
	recordStage pipeline.Stage
	// acquireAccounts, when set, brings up what the steps that reach AWS need, beside the first steps.
	acquireAccounts func(ctx context.Context, say func(string)) (release func() error, err error)
}

// runJob runs the graph, shows it, and says how it went.
func (a *app) runJob(ctx context.Context, j job) error {
	started := time.Now()
	self, err := os.Executable()
	if err != nil {
		return err
	}
	if err := j.removeOldRecords(); err != nil {
		return err
	}
	if !a.json {
		a.printProgress(report.FirstLine(j.mode, environmentNames(j.environments)))
	}
	observer := a.newObserver(j.graph)
	runner := &host.Runner{
		Root: j.project.root, Executable: self, Environ: a.Environ, Jobs: a.jobs, NoCache: a.noCache, Live: j.mode == report.Live,
		ToleratesNotRun: a.mayBeAbsent(j.environments), ComponentVersion: componentVersion,
		Observe: observer.Observe,
	}
	released := func() error { return nil }
	if j.acquireAccounts != nil {
		runner.BeforeAWS, released = startAccounts(ctx, j.acquireAccounts, observer)
	}
	result, runErr := runner.Run(ctx, j.graph)
	observer.Close()
	releaseErr := released()
	if runErr != nil {
		return errors.Join(runErr, releaseErr)
	}
	summary := j.summary(result, started)
	outcome := j.runError(ctx, result)
	summary.Result = verdictOf(outcome)
	if releaseErr != nil {
		summary.Error = releaseErr.Error()
	}
	gates := report.LoadGateResults(os.DirFS(j.project.root), j.graph, result.Results)
	summary.Findings = gates.Lines(report.MaxShownFindings)
	if err := saveRun(result.Dir, summary, gates); err != nil {
		a.printProgress("what the gates found is not kept for `lockstep report`: " + err.Error())
	}
	if err := a.writeSummary(summary); err != nil {
		return err
	}
	if outcome != nil {
		a.showLogTails(result, gates, j.graph)
		return printedError{outcome}
	}
	return releaseErr
}

// runError is nil if every step passed.
func (j job) runError(ctx context.Context, result host.Report) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case !result.Passed():
		return &StepsError{results: result.Results, graph: j.graph}
	}
	return nil
}

// startAccounts starts what brings the accounts up, and returns what waits for it and what releases it.
func startAccounts(ctx context.Context, accounts func(context.Context, func(string)) (func() error, error), o report.Observer) (wait func(context.Context) error, release func() error) {
	var (
		releaseAccounts func() error
		err             error
		ready           = make(chan struct{})
		started         = time.Now()
	)
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer close(ready)
		releaseAccounts, err = accounts(ctx, func(line string) {
			o.Observe(pipeline.Event{Time: time.Now(), Kind: pipeline.Notice, Millis: time.Since(started).Milliseconds(), Detail: line})
		})
	}()
	wait = func(ctx context.Context) error {
		select {
		case <-ready:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	release = func() error {
		cancel() // where no step came so far as to wait for them
		<-ready
		if releaseAccounts == nil {
			return nil
		}
		return releaseAccounts()
	}
	return wait, release
}

// removeOldRecords removes what an earlier run recorded, so that the summary never tells of it.
func (j job) removeOldRecords() error {
	for _, path := range j.recordPaths() {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func (j job) recordPaths() []string {
	var paths []string
	if j.recordStage == "" {
		return nil
	}
	for _, env := range j.environments {
		paths = append(paths, filepath.Join(j.project.root, filepath.FromSlash(pipeline.RecordFile(j.recordStage, env.Name))))
	}
	return paths
}

// summary gathers what the steps came to and what they left behind.
func (j job) summary(result host.Report, started time.Time) *report.Summary {
	s := &report.Summary{
		Time: time.Now(), Command: j.command, Mode: j.mode,
		Millis: time.Since(started).Milliseconds(), Digest: j.graph.Digest(), Steps: result.Results, Logs: result.Dir,
	}
	if relative, err := filepath.Rel(j.project.root, result.Dir); err == nil {
		s.Logs = relative
	}
	for _, path := range j.recordPaths() {
		var e report.AccountRecord
		data, err := os.ReadFile(path)
		if err != nil {
			continue // the step did not come so far
		}
		if err := json.Unmarshal(data, &e); err != nil {
			s.Error = fmt.Sprintf("%s is damaged: %v", path, err)
			continue
		}
		s.Add(e)
	}
	if j.mode == report.Rehearsal {
		s.NotRehearsed = notRehearsed(j.environments)
	}
	return s
}

// notRehearsed is what no emulated account can show.
func notRehearsed(environments []config.Environment) []string {
	var left []string
	for _, env := range environments {
		if env.Approval {
			left = append(left, "the approval before "+env.Name+", which a person gives in the pipeline")
		}
	}
	return append(left, "service quotas, prices and the time that AWS takes")
}

// verdictOf is what an error makes of a command.
func verdictOf(err error) report.Verdict {
	var refusal *refusal.Error
	var steps *StepsError
	switch {
	case err == nil:
		return report.Passed
	case errors.Is(err, context.Canceled):
		return report.Interrupted
	case errors.As(err, &refusal), errors.As(err, &steps) && steps.ExitCode() == exitRefused:
		return report.Refused
	}
	return report.Failed
}

// exitRefused is the status of this program when a guard refuses to go on.
const exitRefused = 3

// writeSummary writes the summary where results go.
func (a *app) writeSummary(s *report.Summary) error {
	if a.json {
		return s.WriteJSON(a.Stdout)
	}
	s.WriteText(a.Stdout)
	return nil
}

// showLogTails shows the end of what each failed step printed, unless its findings have said it all.
func (a *app) showLogTails(result host.Report, gates report.GateResults, g *pipeline.Graph) {
	if a.json {
		return
	}
	for _, r := range result.Results {
		if r.Status != pipeline.Failed || r.Log == "" || !gates.IsUnexplained(r.Step, g) {
			continue
		}
		tail, err := host.Tail(r.Log)
		if err != nil {
			continue // the log could not be written either, which the step's reason says
		}
		fmt.Fprintf(a.Stderr, "\n%s failed; the end of %s:\n", r.Step, r.Log)
		for _, line := range tail {
			fmt.Fprintln(a.Stderr, "  "+line)
		}
	}
}

// newObserver shows the run as the flags ask for.
func (a *app) newObserver(g *pipeline.Graph) report.Observer {
	if a.json {
		return report.NewJSONObserver(a.Stdout)
	}
	return report.NewObserver(report.ProgressMode(a.progress), a.Stderr, isTerminal(a.Stderr), a.verbose, g)
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// printProgress tells the user something on the way.
func (a *app) printProgress(line string) {
	if report.ProgressMode(a.progress) != report.None && line != "" {
		fmt.Fprintln(a.Stderr, line)
	}
}

func environmentNames(environments []config.Environment) []string {
	var out []string
	for _, env := range environments {
		out = append(out, env.Name)
	}
	return out
}
