package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"lockstep/ci/internal/dagger"
	"lockstep/config"
	"lockstep/internal/pipeline"
)

// request is what the caller of a function that reaches accounts asks for.
type request struct {
	env         string
	credentials *dagger.Secret
	assembly    *dagger.Directory
	commit      string
	author      string
	plan        *dagger.File
	// arguments are added to the commands of the steps of the first stage.
	arguments []string
	// needsGates reports whether a live run must pass every gate first.
	needsGates bool
}

// runStagesToText runs the stages as runStages does. It returns the summary.
func (m *Lockstep) runStagesToText(ctx context.Context, q request, stages ...pipeline.Stage) (string, error) {
	r, err := m.runStages(ctx, q, stages...)
	return r.text(), err
}

// runStages runs stages that reach accounts, and the steps that they need.
func (m *Lockstep) runStages(ctx context.Context, q request, stages ...pipeline.Stage) (*graphRun, error) {
	p, environments, err := m.prepare(ctx, q)
	if err != nil {
		return nil, err
	}
	selected := stages
	if q.assembly != nil {
		if err := p.useAssembly(ctx, q.assembly, environments); err != nil {
			return nil, err
		}
	} else if q.needsGates && p.live != nil {
		selected = slices.Concat(stages, pipeline.GateStages)
	}
	g := p.pendingGraph(p.selectSteps(selected, environments...)).WithExtraArgs(stages[0], q.arguments...)
	var r *graphRun
	var summary sync.WaitGroup
	err = p.withAccounts(ctx, func() error {
		r = p.runGraph(ctx, g)
		// The summary is written while the accounts are being stopped.
		summary.Go(func() { p.summarize(ctx, r, p.stageResult(r, stages[0], environments)) })
		return nil
	})
	summary.Wait()
	return r, errors.Join(r.err(), err)
}

// runOperation runs a command of the lockstep binary that reaches accounts and is not a step of the table. It returns
// what the command printed.
func (m *Lockstep) runOperation(ctx context.Context, q request, arguments ...string) (string, error) {
	return m.runOwnStep(ctx, q, pipeline.OperationStep(arguments...))
}

// runOwnStep runs one step that reaches accounts and is not in the table. It returns what its command printed.
func (m *Lockstep) runOwnStep(ctx context.Context, q request, step pipeline.Step) (string, error) {
	p, _, err := m.prepare(ctx, q)
	if err != nil {
		return "", err
	}
	var r *graphRun
	err = p.withAccounts(ctx, func() error {
		g, err := pipeline.NewGraph([]pipeline.Step{step})
		if err != nil {
			return err
		}
		r = p.runGraph(ctx, g)
		return r.err()
	})
	if err != nil {
		return "", err
	}
	return r.last().output, nil
}

// prepare opens the project, and reads the credentials and selects the environments of the request.
func (m *Lockstep) prepare(ctx context.Context, q request) (*project, []config.Environment, error) {
	p, err := m.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	var environments []config.Environment
	if q.env != "" || q.plan == nil { // a plan names its environment
		if environments, err = p.selectEnvironments(q.env); err != nil {
			return nil, nil, err
		}
	}
	p.commit, p.author, p.plan = q.commit, q.author, q.plan
	if q.credentials != nil {
		p.live, err = m.readCredentials(ctx, q.credentials)
		p.toleratesNotRun = pipeline.MayBeAbsent(true, environments)
	}
	return p, environments, err
}

// withAccounts calls do while the accounts can be reached. In a rehearsal it starts the emulated accounts before and
// stops them after.
func (p *project) withAccounts(ctx context.Context, do func() error) error {
	if p.live != nil {
		return do()
	}
	stop, err := p.startEmulator(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(), stop())
}

// maxSummaryLength is the most that a plan's summary may have, in bytes. CodePipeline cuts the request for an approval,
// which has more than the summary, at 1,000 characters.
const maxSummaryLength = 600

// withSummary adds the plan's digest and its summary of one line to the folder of a plan.
func withSummary(ctx context.Context, plan *dagger.Directory) (*dagger.Directory, error) {
	text, err := plan.File(pipeline.PlanFile).Contents(ctx)
	if err != nil {
		return nil, messageError("the new plan cannot be read", err)
	}
	var content planContent
	if err := json.Unmarshal([]byte(text), &content); err != nil || content.Digest == "" {
		return nil, errors.New("the new plan is not valid JSON or has no digest")
	}
	return plan.WithNewFile("digest", content.Digest).WithNewFile("summary", content.summary()), nil
}

// planContent is the part of a plan's file that its summary is made from.
type planContent struct {
	Digest  string
	Targets []struct {
		Account string
		Stacks  []struct {
			Name    string
			Changes []struct{}
			Flags   []struct{ Permit string }
		}
	}
}

// summary returns how many stacks change and, for each of them, its number of changes and what has to be allowed by
// name.
func (p planContent) summary() string {
	var changes []string
	total := 0
	for _, target := range p.Targets {
		for _, s := range target.Stacks {
			total++
			if len(s.Changes) == 0 {
				continue
			}
			change := fmt.Sprintf("%s %d", s.Name, len(s.Changes))
			for _, flag := range s.Flags {
				if !strings.Contains(change, flag.Permit) {
					change += ", " + flag.Permit
				}
			}
			changes = append(changes, change)
		}
	}
	text := fmt.Sprintf("%d of %d stacks change", len(changes), total)
	if len(changes) > 0 {
		text += ": " + strings.Join(changes, "; ")
	}
	if len(text) > maxSummaryLength {
		text = strings.ToValidUTF8(text[:maxSummaryLength-len("…")], "") + "…"
	}
	return text
}
