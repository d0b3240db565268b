package main

import (
	"context"
	"errors"
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
	// jobToken is the token with which the service of approvedIn is asked.
	jobToken   *dagger.Secret
	approvedIn string
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
	if stages[0] == pipeline.Deploy && p.live == nil && q.plan == nil {
		return p.rehearseDeployment(ctx, g, environments)
	}
	var r *graphRun
	var summary sync.WaitGroup
	err = p.withAccounts(ctx, "", func() error {
		r = p.runGraph(ctx, g)
		// The summary is written while the accounts are being stopped.
		summary.Go(func() { r.summary = p.summarize(ctx, r, p.stageResult(r, stages[0], environments)) })
		return nil
	})
	summary.Wait()
	p.noteNewAccounts(ctx, r)
	return r, errors.Join(err, r.err())
}

// runOperation runs a command of the lockstep binary that reaches accounts and is not a step of the table. It returns
// what the command printed.
func (m *Lockstep) runOperation(ctx context.Context, q request, arguments ...string) (string, error) {
	return m.runOwnStep(ctx, q, pipeline.OperationStep(arguments...))
}

// runOwnStep runs one step that reaches accounts and is not in the table. It returns what its command printed.
func (m *Lockstep) runOwnStep(ctx context.Context, q request, step pipeline.Step) (string, error) {
	r, err := m.runStep(ctx, q, step)
	if err != nil {
		return "", err
	}
	return inDagger(r.last().output), nil
}

// runStep runs one step that reaches accounts and is not in the table.
func (m *Lockstep) runStep(ctx context.Context, q request, step pipeline.Step) (*graphRun, error) {
	p, _, err := m.prepare(ctx, q)
	if err != nil {
		return nil, err
	}
	var r *graphRun
	err = p.withAccounts(ctx, step.Command[1], func() error {
		g, err := pipeline.NewGraph([]pipeline.Step{step})
		if err != nil {
			return err
		}
		r = p.runGraph(ctx, g)
		p.noteNewAccounts(ctx, r)
		return r.err()
	})
	return r, err
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
	if p.commit == "" {
		p.commit = p.headCommit(ctx)
	}
	if q.credentials != nil {
		if p.live, err = m.readCredentials(ctx, q.credentials); err != nil {
			return nil, nil, err
		}
		if service, _, _ := strings.Cut(q.approvedIn, ":"); q.jobToken != nil {
			p.live.byName[pipeline.JobTokenVariable(service)] = q.jobToken
		}
		p.toleratesNotRun = pipeline.MayBeAbsent(true, environments)
	}
	return p, environments, err
}

// withAccounts calls do while the accounts can be reached. In a rehearsal it starts the emulated accounts before and
// stops them after. The command is that of an operation; empty for steps of the table.
func (p *project) withAccounts(ctx context.Context, command string, do func() error) error {
	if p.live != nil {
		return do()
	}
	if p.accounts == nil {
		var err error
		if p.accounts, err = p.readAccounts(ctx, slices.Contains(readingCommands, command)); err != nil {
			return err
		}
	}
	stop, err := p.startEmulator(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(), stop())
}

// readingCommands are the commands that change nothing in the accounts, so that what a deployment has found there still
// holds.
var readingCommands = []string{"board", "diagnose", "drift", "status", "verify"}
