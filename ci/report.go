package main

import (
	"context"
	"encoding/json"
	"strings"

	"lockstep/ci/internal/dagger"
	"lockstep/config"
	"lockstep/internal/pipeline"
)

// Report runs gates and returns a folder with what they found, whether they pass or not.
//
// The folder has report.html, findings.sarif, tests.xml and gates.xml in JUnit format, summary.json, and the output of
// each gate.
//
// +cache="session"
func (m *Lockstep) Report(
	ctx context.Context,
	// The stage whose gates run; all of them by default
	// +optional
	stage GateStage,
) (*dagger.Directory, error) {
	p, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	stages := pipeline.GateStages
	if stage != "" {
		stages = []pipeline.Stage{pipeline.Stage(stage)}
	}
	return p.mergeReports(p.runGraph(ctx, p.selectSteps(stages, p.config.Targets()...)))
}

// mergeReports returns one report of all gates of a run, and what each of them printed.
func (p *project) mergeReports(r *graphRun) (*dagger.Directory, error) {
	logs := dag.Directory()
	for _, o := range r.outcomes {
		if o.output != "" {
			logs = logs.WithNewFile(logName(o.Step), o.output)
		}
	}
	s := pipeline.MergeReportsStep
	if err := p.provideResults(s, r.collectOutputs(pipeline.ReportsDir, isAny), r.result("check")); err != nil {
		return nil, err
	}
	ctr := p.container(s).WithExec(s.Argv(false))
	return ctr.Directory(pipeline.WorkFolder+"/"+pipeline.MergedReportsDir).WithDirectory("logs", logs), nil
}

// summarize lets the lockstep binary write the run's summary, as the command line does. If that fails, the summary is
// empty and text writes a shorter one.
func (p *project) summarize(ctx context.Context, r *graphRun, results pipeline.RunResults) string {
	reachesAWS := func(s pipeline.Step) bool { return s.Effect == pipeline.AWS }
	s := pipeline.SummaryStep
	if p.provideResults(s, r.collectOutputs(pipeline.RecordsDir, reachesAWS), results) != nil {
		return ""
	}
	text, err := p.container(s).WithExec(s.Argv(false)).Stdout(ctx)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(text)
}

// isAny picks every step.
func isAny(pipeline.Step) bool { return true }

// collectOutputs returns what the picked steps left below one of their folders.
func (r *graphRun) collectOutputs(folder string, pick func(pipeline.Step) bool) *dagger.Directory {
	outputs := dag.Directory()
	for _, o := range r.outcomes {
		if pick(o.step) && o.hasOutputs() {
			outputs = copySelected(outputs, o.outputDir, pipeline.Selections{{Include: []string{folder + "/**"}}})
		}
	}
	return outputs
}

// stageResult returns the results of a run that reaches the accounts of environments.
func (p *project) stageResult(
	r *graphRun, stage pipeline.Stage, environments []config.Environment,
) pipeline.RunResults {
	results := r.result(string(stage))
	results.Stage = stage
	results.Live = p.live != nil
	for _, env := range environments {
		results.Environments = append(results.Environments, env.Name)
	}
	return results
}

// result returns the results of the run's steps.
func (r *graphRun) result(command string) pipeline.RunResults {
	results := pipeline.RunResults{Command: command, Digest: r.graph.Digest(), Millis: r.millis}
	for _, o := range r.outcomes {
		results.Results = append(results.Results, o.Result)
	}
	return results
}

// provideResults makes the outputs and the results of other steps an input of the step.
func (p *project) provideResults(s pipeline.Step, outputs *dagger.Directory, results pipeline.RunResults) error {
	text, err := json.Marshal(results)
	if err != nil {
		return err
	}
	p.outputDirs[s.Name] = outputs.WithNewFile(pipeline.ResultsFile, string(text))
	return nil
}

// hasOutputs reports whether the step's command ran to its end.
func (o *outcome) hasOutputs() bool {
	return o.Status == pipeline.Ran || o.Status == pipeline.Failed && o.ExitCode != 0
}
