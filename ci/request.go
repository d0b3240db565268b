package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"lockstep/ci/internal/dagger"
	"lockstep/config"
	"lockstep/internal/pipeline"
)

type environment = config.Environment

// request is what the caller of a function that reaches for accounts asks for.
type request struct {
	env         string
	credentials *dagger.Secret
	assembly    *dagger.Directory
	commit      string
	plan        *dagger.File
	// arguments are given to the steps of the first stage, besides those of the table.
	arguments []string
	// needsGates says that nothing of it may happen on AWS before every gate has passed for what is deployed.
	needsGates bool
}

// runStages runs stages that reach for accounts, and all that they need.
func (m *Lockstep) runStages(ctx context.Context, q request, stages ...pipeline.Stage) (*graphRun, error) {
	p, environments, err := m.prepare(ctx, q)
	if err != nil {
		return nil, err
	}
	chosen := stages
	if q.assembly != nil {
		if err := p.useAssembly(ctx, q.assembly, environments); err != nil {
			return nil, err
		}
	} else if q.needsGates && p.live != nil {
		chosen = append(chosen, pipeline.GateStages...)
	}
	g := p.pendingGraph(p.selectSteps(chosen, environments...)).WithExtraArgs(stages[0], q.arguments...)
	var r *graphRun
	var summing sync.WaitGroup
	err = p.withAccounts(ctx, func() error {
		r = p.runGraph(ctx, g)
		summing.Go(func() { p.summarize(ctx, r, p.stageResult(r, stages[0], environments)) }) // while the accounts are being stopped
		return nil
	})
	summing.Wait()
	return r, errors.Join(r.err(), err)
}

// runOperation runs a command that reaches for accounts and is no step of the table.
func (m *Lockstep) runOperation(ctx context.Context, q request, arguments ...string) (string, error) {
	p, _, err := m.prepare(ctx, q)
	if err != nil {
		return "", err
	}
	var r *graphRun
	err = p.withAccounts(ctx, func() error {
		g, err := pipeline.NewGraph([]pipeline.Step{pipeline.OperationStep(arguments...)})
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

// prepare reads the configuration and what the caller handed over.
func (m *Lockstep) prepare(ctx context.Context, q request) (*project, []environment, error) {
	p, err := m.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	var environments []environment
	if q.env != "" || q.plan == nil { // a plan says by itself where it belongs
		if environments, err = p.selectEnvironments(q.env); err != nil {
			return nil, nil, err
		}
	}
	p.commit, p.plan = q.commit, q.plan
	if q.credentials != nil {
		p.live, err = readCredentials(ctx, q.credentials)
		p.toleratesNotRun = pipeline.MayBeAbsent(true, environments)
	}
	return p, environments, err
}

// withAccounts does something to the accounts: the real ones where there are credentials, and else emulated ones, which it starts and stops.
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

// summaryLength leaves room for what stands around a summary in the request for an approval, which CodePipeline cuts off at 1,000 characters.
const summaryLength = 600

// withSummary adds to a plan what a person is shown of it in a line, and its digest.
func withSummary(ctx context.Context, plan *dagger.Directory) (*dagger.Directory, error) {
	text, err := plan.File(pipeline.PlanFile).Contents(ctx)
	if err != nil {
		return nil, messageError("the plan that was made cannot be read", err)
	}
	var read planContent
	if err := json.Unmarshal([]byte(text), &read); err != nil || read.Digest == "" {
		return nil, errors.New("the plan that was made is damaged")
	}
	return plan.WithNewFile("digest", read.Digest).WithNewFile("summary", read.summary()), nil
}

// planContent is what of a plan's file makes its summary.
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

func (p planContent) summary() string {
	var parts []string
	changed, total := 0, 0
	for _, target := range p.Targets {
		for _, s := range target.Stacks {
			total++
			if len(s.Changes) == 0 {
				continue
			}
			changed++
			part := fmt.Sprintf("%s %d", s.Name, len(s.Changes))
			for _, flag := range s.Flags {
				if !strings.Contains(part, flag.Permit) {
					part += ", " + flag.Permit
				}
			}
			parts = append(parts, part)
		}
	}
	text := fmt.Sprintf("%d of %d stacks change", changed, total)
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, "; ")
	}
	if len(text) > summaryLength {
		text = text[:summaryLength-1] + "…"
	}
	return text
}
