package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"lockstep/ci/internal/dagger"
	"lockstep/internal/pipeline"
)

// Report runs gates and returns what they found, whether they pass or not.
//
// It returns a folder with report.html, findings.sarif, tests.xml and gates.xml as JUnit, summary.json, and what each of the gates printed.
//
// +cache="session"
func (m *Lockstep) Report(
	ctx context.Context,
	// The stage whose gates run: quality, test or security; all of them unless told
	// +optional
	stage string,
) (*dagger.Directory, error) {
	p, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	stages := pipeline.GateStages
	if stage != "" {
		if !slices.Contains(pipeline.GateStages, pipeline.Stage(stage)) {
			return nil, fmt.Errorf("--stage %s is no stage of gates: write one of %v", stage, pipeline.GateStages)
		}
		stages = []pipeline.Stage{pipeline.Stage(stage)}
	}
	return p.mergeReports(p.runGraph(ctx, p.selectSteps(stages, p.config.Targets()...)))
}

// mergeReports is one report of all gates of a run.
func (p *project) mergeReports(r *graphRun) (*dagger.Directory, error) {
	left, printed := dag.Directory(), dag.Directory()
	for _, o := range r.outcomes {
		if o.hasOutputs() {
			left = copySelected(left, o.outputDir, pipeline.Selections{{Include: []string{pipeline.ReportsDir + "/**"}}})
		}
		if o.output != "" {
			printed = printed.WithNewFile(logName(o.Step), o.output)
		}
	}
	if err := p.provideResults(pipeline.MergeReportsStep, left, r.result("check")); err != nil {
		return nil, err
	}
	ctr := p.container(pipeline.MergeReportsStep).WithExec(pipeline.MergeReportsStep.Argv(false))
	return ctr.Directory(pipeline.WorkFolder+"/"+pipeline.MergedReportsDir).WithDirectory("logs", printed), nil
}

// summarize has this very program tell of a run. Where it cannot, the run tells of itself in fewer words.
func (p *project) summarize(ctx context.Context, r *graphRun, told pipeline.RunResults) {
	left := dag.Directory()
	for _, o := range r.outcomes {
		if o.step.Effect == pipeline.AWS && o.hasOutputs() {
			left = copySelected(left, o.outputDir, pipeline.Selections{{Include: []string{pipeline.RecordsDir + "/**"}}})
		}
	}
	if p.provideResults(pipeline.SummaryStep, left, told) != nil {
		return
	}
	if text, err := p.container(pipeline.SummaryStep).WithExec(pipeline.SummaryStep.Argv(false)).Stdout(ctx); err == nil {
		r.summary = strings.TrimSpace(text)
	}
}

// stageResult is what the steps came to of a run that reached for the accounts of environments.
func (p *project) stageResult(r *graphRun, stage pipeline.Stage, environments []environment) pipeline.RunResults {
	told := r.result(string(stage))
	told.Stage, told.Live = stage, p.live != nil
	for _, env := range environments {
		told.Environments = append(told.Environments, env.Name)
	}
	return told
}

// result is what the steps came to.
func (r *graphRun) result(command string) pipeline.RunResults {
	told := pipeline.RunResults{Command: command, Digest: r.graph.Digest(), Millis: r.millis}
	for _, o := range r.outcomes {
		told.Results = append(told.Results, o.Result)
	}
	return told
}

// provideResults gives a step what others left, and what they came to.
func (p *project) provideResults(s pipeline.Step, left *dagger.Directory, told pipeline.RunResults) error {
	text, err := json.Marshal(told)
	if err != nil {
		return err
	}
	p.outputDirs[s.Name] = left.WithNewFile(pipeline.ResultsFile, string(text))
	return nil
}

// hasOutputs says whether the step's command ran to its end, so that there is what it left.
func (o *outcome) hasOutputs() bool {
	return o.Status == pipeline.Ran || o.Status == pipeline.Failed && o.ExitCode != 0
}
