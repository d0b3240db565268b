package cli

import (
	"github.com/spf13/cobra"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/host"
	"lockstep/internal/jsonx"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
)

// mergeReportsCommand returns the command that merges the reports of gates that ran each in a container of its own.
func (a *app) mergeReportsCommand() *cobra.Command {
	into := ""
	cmd := &cobra.Command{
		Use: "merge-reports --results FILE --into FOLDER", Hidden: true, Args: noArgs,
		Short: "Merge the reports of gates that ran in containers",
	}
	from := addResultsFlag(cmd)
	addPathFlag(cmd.Flags(), &into, "into", "the folder for the reports")
	cmd.RunE = func(*cobra.Command, []string) error {
		if into == "" {
			return usagef(fault.FlagMissing, "write --into with the folder for the reports")
		}
		j, run, err := a.loadResults(*from)
		if err != nil {
			return err
		}
		summary, gates := a.summarizeResults(j, run)
		return report.WriteReports(into, summary, gates)
	}
	return cmd
}

// summarizeCommand returns the command that shows the summary of steps that ran each in a container of its own.
func (a *app) summarizeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "summarize --results FILE", Hidden: true, Args: noArgs,
		Short: "Show the summary of steps that ran in containers",
	}
	from := addResultsFlag(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		j, run, err := a.loadResults(*from)
		if err != nil {
			return err
		}
		summary, _ := a.summarizeResults(j, run)
		summary.Findings, summary.Waived = nil, 0 // the reports of the gates stay in their containers
		return a.finish(summary, nil)
	}
	return cmd
}

func addResultsFlag(cmd *cobra.Command) *string {
	file := ""
	addPathFlag(cmd.Flags(), &file, "results", "the file with the results of the steps, as JSON")
	return &file
}

// maxResultsBytes is more than the results of ten thousand steps.
const maxResultsBytes = 64 << 20

// loadResults reads the results of steps that ran in containers, and returns the job that they are of.
func (a *app) loadResults(file string) (job, pipeline.RunResults, error) {
	var run pipeline.RunResults
	if file == "" {
		return job{}, run, usagef(fault.FlagMissing, "write --results with the results of the steps")
	}
	p, err := a.loadProject()
	if err != nil {
		return job{}, run, err
	}
	text, err := fsx.ReadFile(file, maxResultsBytes)
	if err != nil {
		return job{}, run, err
	}
	if err := jsonx.Unmarshal(text, &run); err != nil {
		return job{}, run, fault.Errorf(fault.RunDamaged, "%s holds no results: %w", file, err)
	}
	j, err := newResultsJob(p, run)
	return j, run, err
}

// newResultsJob returns the job that the results are of. Only a job with a stage for records has used accounts.
func newResultsJob(p *project, run pipeline.RunResults) (job, error) {
	g, err := p.graph()
	if err != nil {
		return job{}, err
	}
	j := job{command: run.Command, mode: report.Local, project: p, graph: g, recordStage: run.Stage}
	switch {
	case run.Live:
		j.mode = report.Live
	case run.Stage != "":
		j.mode = report.Rehearsal
	}
	for _, name := range run.Environments {
		environments, err := p.config.Select(name)
		if err != nil {
			return job{}, err
		}
		j.environments = append(j.environments, environments...)
	}
	return j, nil
}

// summarizeResults returns the summary of steps that ran in containers, and what their gates found.
func (a *app) summarizeResults(j job, run pipeline.RunResults) (*report.Summary, report.GateResults) {
	summary, gates := a.summarize(j, host.Report{Results: run.Results}, newStepsError(run.Results, j.graph))
	summary.Time, summary.Millis, summary.Digest, summary.Logs = a.Now(), run.Millis, run.Digest, ""
	return summary, gates
}
