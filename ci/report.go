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
	stages := pipeline.Gates
	if stage != "" {
		if !slices.Contains(pipeline.Gates, pipeline.Stage(stage)) {
			return nil, fmt.Errorf("--stage %s is no stage of gates: write one of %v", stage, pipeline.Gates)
		}
		stages = []pipeline.Stage{pipeline.Stage(stage)}
	}
	return p.gathered(p.run(ctx, p.choose(stages, p.config.Accounts()...)))
}

// gathered is one report of all gates of a run.
func (p *project) gathered(r *run) (*dagger.Directory, error) {
	left, printed := dag.Directory(), dag.Directory()
	for _, o := range r.outcomes {
		if o.hasLeft() {
			left = taken(left, o.left, pipeline.Selections{{Include: []string{pipeline.ReportsDir + "/**"}}})
		}
		if o.output != "" {
			printed = printed.WithNewFile(logName(o.Step), o.output)
		}
	}
	if err := p.hand(pipeline.Gathering, left, r.told("check")); err != nil {
		return nil, err
	}
	ctr := p.container(pipeline.Gathering).WithExec(pipeline.Gathering.Argv(false))
	return ctr.Directory(pipeline.WorkFolder+"/"+pipeline.GatheredDir).WithDirectory("logs", printed), nil
}

// sumUp has this very program tell of a run. Where it cannot, the run tells of itself in fewer words.
func (p *project) sumUp(ctx context.Context, r *run, told pipeline.Run) {
	left := dag.Directory()
	for _, o := range r.outcomes {
		if o.step.Effect == pipeline.AWS && o.hasLeft() {
			left = taken(left, o.left, pipeline.Selections{{Include: []string{pipeline.RecordsDir + "/**"}}})
		}
	}
	if p.hand(pipeline.Telling, left, told) != nil {
		return
	}
	if text, err := p.container(pipeline.Telling).WithExec(pipeline.Telling.Argv(false)).Stdout(ctx); err == nil {
		r.summary = strings.TrimSpace(text)
	}
}

// toldOf is what the steps came to of a run that reached for the accounts of environments.
func (p *project) toldOf(r *run, stage pipeline.Stage, environments []environment) pipeline.Run {
	told := r.told(string(stage))
	told.Stage, told.Live = stage, p.live != nil
	for _, env := range environments {
		told.Environments = append(told.Environments, env.Name)
	}
	return told
}

// told is what the steps came to.
func (r *run) told(command string) pipeline.Run {
	told := pipeline.Run{Command: command, Digest: r.graph.Digest(), Millis: r.millis}
	for _, o := range r.outcomes {
		told.Results = append(told.Results, o.Result)
	}
	return told
}

// hand gives a step what others left, and what they came to.
func (p *project) hand(s pipeline.Step, left *dagger.Directory, told pipeline.Run) error {
	text, err := json.Marshal(told)
	if err != nil {
		return err
	}
	p.made[s.Name] = left.WithNewFile(pipeline.ResultsFile, string(text))
	return nil
}

// hasLeft says whether the step's command ran to its end, so that there is what it left.
func (o *outcome) hasLeft() bool {
	return o.Status == pipeline.Ran || o.Status == pipeline.Failed && o.ExitCode != 0
}
