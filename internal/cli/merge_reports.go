package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
	"lockstep/internal/host"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
)

// The files that gather leaves besides those that every run keeps.
const (
	pageFile  = "report.html"
	gatesFile = "gates.xml"
)

// gatherCommand makes one report of what gates left that ran elsewhere, each in a container of its own. On a person's machine a run does so by itself.
func (a *app) gatherCommand() *cobra.Command {
	from, into := "", ""
	cmd := &cobra.Command{
		Use: "gather --results FILE --into FOLDER", Hidden: true, Short: "Merge the reports of gates that ran elsewhere", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			if into == "" {
				return usagef("write --into with the folder for the reports")
			}
			p, run, err := a.loadResults(from)
			if err != nil {
				return err
			}
			return a.mergeReports(p, run, into)
		},
	}
	cmd.Flags().StringVar(&from, "results", "", "what the steps came to, as JSON")
	cmd.Flags().StringVar(&into, "into", "", "the folder for the reports")
	return cmd
}

// tellCommand sums up steps that ran elsewhere, as a run on a person's machine does by itself.
func (a *app) tellCommand() *cobra.Command {
	from := ""
	cmd := &cobra.Command{
		Use: "tell --results FILE", Hidden: true, Short: "Sum up steps that ran elsewhere", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			p, run, err := a.loadResults(from)
			if err != nil {
				return err
			}
			return a.summarizeRun(p, run)
		},
	}
	cmd.Flags().StringVar(&from, "results", "", "what the steps came to, as JSON")
	return cmd
}

// loadResults are what steps of the project came to that ran elsewhere.
func (a *app) loadResults(file string) (*project, pipeline.RunResults, error) {
	var run pipeline.RunResults
	if file == "" {
		return nil, run, usagef("write --results with what the steps came to")
	}
	p, err := a.loadProject()
	if err != nil {
		return nil, run, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, run, err
	}
	if err := json.Unmarshal(text, &run); err != nil {
		return nil, run, fmt.Errorf("%s holds no results: %w", file, err)
	}
	return p, run, nil
}

// summarizeRun writes the summary of a run. Only one that has records of a stage reached for accounts.
func (a *app) summarizeRun(p *project, run pipeline.RunResults) error {
	g, err := p.graph()
	if err != nil {
		return err
	}
	j := job{command: run.Command, mode: report.Local, project: p, graph: g, recordStage: run.Stage}
	switch {
	case run.Live:
		j.mode = report.Live
	case run.Stage != "":
		j.mode = report.Rehearsal
	}
	for _, name := range run.Environments {
		envs, err := p.config.Select(name)
		if err != nil {
			return err
		}
		j.environments = append(j.environments, envs...)
	}
	summary := j.summary(host.Report{Results: run.Results}, time.Now())
	summary.Millis, summary.Digest, summary.Logs = run.Millis, run.Digest, ""
	summary.Result = verdictOf(stepsError(run.Results, g))
	return a.writeSummary(summary)
}

// stepsError is nil if no step stands in the way.
func stepsError(results []pipeline.Result, g *pipeline.Graph) error {
	if !slices.ContainsFunc(results, pipeline.Result.Blocks) {
		return nil
	}
	return &StepsError{results: results, graph: g}
}

func (a *app) mergeReports(p *project, run pipeline.RunResults, into string) error {
	g, err := p.graph()
	if err != nil {
		return err
	}
	results := run.Results
	summary := &report.Summary{
		Time: time.Now(), Command: run.Command, Mode: report.Local, Result: verdictOf(stepsError(results, g)), Digest: run.Digest, Steps: results, Millis: run.Millis,
	}
	gates := report.LoadGateResults(os.DirFS(p.root), g, results)
	summary.Findings = gates.Lines(report.MaxShownFindings)
	if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	if err := saveRun(into, summary, gates); err != nil {
		return err
	}
	var page, outcomes bytes.Buffer
	if err := errors.Join(report.WriteHTML(&page, summary, gates), findings.WriteJUnit(&outcomes, []findings.Suite{newStepSuite(results)})); err != nil {
		return err
	}
	return errors.Join(
		fsx.WriteFile(filepath.Join(into, pageFile), page.Bytes(), fsx.PublicFile),
		fsx.WriteFile(filepath.Join(into, gatesFile), outcomes.Bytes(), fsx.PublicFile),
	)
}

// newStepSuite shows steps as tests, to programs that know of nothing else.
func newStepSuite(results []pipeline.Result) findings.Suite {
	suite := findings.Suite{Name: "gates"}
	for _, r := range results {
		c := findings.Case{Name: r.Step, Class: string(r.Stage), Seconds: float64(r.Millis) / 1000}
		switch {
		case r.Passed():
		case r.Status == pipeline.Failed:
			c.Failure = &findings.Outcome{Message: r.Reason}
		case r.Tolerated, r.Status == pipeline.Skipped:
			c.Skipped = &findings.Outcome{Message: r.Reason}
		default:
			c.Error = &findings.Outcome{Message: string(r.Status) + ": " + r.Reason}
		}
		suite.Cases = append(suite.Cases, c)
	}
	return suite
}
