package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"lockstep/ci/internal/dagger"
	"lockstep/internal/pipeline"
)

// Report runs gates and returns what they found, whether they pass or not: report.html, findings.sarif, tests.xml and gates.xml as JUnit, summary.json,
// and what each of them printed.
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
	var results []pipeline.Result
	left, printed := dag.Directory(), dag.Directory()
	for _, o := range r.outcomes {
		results = append(results, o.Result)
		if o.Status == pipeline.Ran || o.Status == pipeline.Failed && o.ExitCode != 0 {
			left = taken(left, o.left, pipeline.Selections{{Include: []string{pipeline.ReportsDir + "/**"}}})
		}
		if o.output != "" {
			printed = printed.WithNewFile(logName(o.Step), o.output)
		}
	}
	text, err := json.Marshal(results)
	if err != nil {
		return nil, err
	}
	p.made[pipeline.Gathering.Name] = left.WithNewFile(pipeline.ResultsFile, string(text))
	ctr := p.container(pipeline.Gathering).WithExec(pipeline.Gathering.Argv(false))
	return ctr.Directory(pipeline.WorkFolder+"/"+pipeline.GatheredDir).WithDirectory("logs", printed), nil
}
