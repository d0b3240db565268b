package command

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"lockstep/internal/findings"
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
			if from == "" || into == "" {
				return usagef("write --results with what the steps came to, and --into with the folder for the reports")
			}
			p, err := a.open()
			if err != nil {
				return err
			}
			text, err := os.ReadFile(from)
			if err != nil {
				return err
			}
			var results []pipeline.Result
			if err := json.Unmarshal(text, &results); err != nil {
				return fmt.Errorf("%s holds no results: %w", from, err)
			}
			return a.gather(p, results, into)
		},
	}
	cmd.Flags().StringVar(&from, "results", "", "what the steps came to, as JSON")
	cmd.Flags().StringVar(&into, "into", "", "the folder for the reports")
	return cmd
}

func (a *app) gather(p *project, results []pipeline.Result, into string) error {
	g, err := p.graph()
	if err != nil {
		return err
	}
	summary := &report.Summary{Time: time.Now(), Command: "check", Mode: report.Local, Result: report.Passed, Digest: g.Digest(), Steps: results}
	for _, r := range results {
		summary.Millis = max(summary.Millis, r.Millis)
		if r.Blocks() {
			summary.Result = report.Failed
		}
	}
	gates := report.Gather(os.DirFS(p.root), g, results)
	summary.Findings = gates.Lines(report.ShownFindings)
	if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	if err := keep(into, summary, gates); err != nil {
		return err
	}
	var page, outcomes bytes.Buffer
	if err := errors.Join(report.WriteHTML(&page, summary, gates), findings.WriteJUnit(&outcomes, []findings.Suite{asSuite(results)})); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(into, pageFile), page.Bytes(), 0o644),
		os.WriteFile(filepath.Join(into, gatesFile), outcomes.Bytes(), 0o644),
	)
}

// asSuite shows steps as tests, to programs that know of nothing else.
func asSuite(results []pipeline.Result) findings.Suite {
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
