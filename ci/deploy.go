package main

import (
	"context"
	"errors"

	"lockstep/ci/internal/dagger"
	"lockstep/config"
	"lockstep/internal/pipeline"
)

type environment = config.Environment

// Plan shows what a deployment would change, resource by resource. Nothing is executed.
//
// +cache="never"
func (m *Lockstep) Plan(
	ctx context.Context,
	// The environment, or all of them in the order of promotion
	env string,
	// Credentials of the tooling account, in the format of `aws configure export-credentials`: cmd://"aws configure export-credentials". Without any,
	// the plan is made on emulated accounts
	// +optional
	awsCredentials *dagger.Secret,
	// The folder that synth returned; without it the stacks are synthesised first
	// +optional
	assembly *dagger.Directory,
	// The commit that is deployed, for the plan to say
	// +optional
	commit string,
) (*Outcome, error) {
	return m.reach(ctx, request{env: env, credentials: awsCredentials, assembly: assembly, commit: commit}, pipeline.Plan)
}

// Deploy plans and applies the changes of an environment, and reads back what came of them. Without credentials it rehearses on emulated accounts,
// with IAM enforced; with them it works on the real ones, after every gate has passed.
//
// +cache="never"
func (m *Lockstep) Deploy(
	ctx context.Context,
	// The environment, or all of them in the order of promotion
	env string,
	// Credentials of the tooling account, in the format of `aws configure export-credentials`: cmd://"aws configure export-credentials". Without any,
	// the deployment is rehearsed
	// +optional
	awsCredentials *dagger.Secret,
	// The folder that synth returned, whose gates have passed; without it the stacks are synthesised first, and what is live passes the gates
	// +optional
	assembly *dagger.Directory,
	// The commit that is deployed, for the release's record
	// +optional
	commit string,
) (*Outcome, error) {
	return m.reach(ctx, request{env: env, credentials: awsCredentials, assembly: assembly, commit: commit, gated: true}, pipeline.Deploy, pipeline.Verify)
}

// Verify reads back whether what is deployed is what the assembly holds. Nothing is written.
//
// +cache="never"
func (m *Lockstep) Verify(
	ctx context.Context,
	// The environment, or all of them in the order of promotion
	env string,
	// Credentials of the tooling account, in the format of `aws configure export-credentials`. Without any, the emulated accounts are looked at
	// +optional
	awsCredentials *dagger.Secret,
	// The folder that synth returned; without it the stacks are synthesised first
	// +optional
	assembly *dagger.Directory,
) (*Outcome, error) {
	return m.reach(ctx, request{env: env, credentials: awsCredentials, assembly: assembly}, pipeline.Verify)
}

// An Outcome is what came of steps that reach for accounts.
type Outcome struct {
	// What happened, step by step
	Summary string
	// The records of what was planned, done and found, as JSON
	Files *dagger.Directory
}

// request is what the caller of a function that reaches for accounts asks for.
type request struct {
	env         string
	credentials *dagger.Secret
	assembly    *dagger.Directory
	commit      string
	// gated says that nothing of it may happen on AWS before every gate has passed for what is deployed.
	gated bool
}

// reach runs stages that reach for accounts, and all that they need.
func (m *Lockstep) reach(ctx context.Context, q request, stages ...pipeline.Stage) (_ *Outcome, err error) {
	p, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	environments, err := p.environments(q.env)
	if err != nil {
		return nil, err
	}
	p.commit = q.commit
	if q.credentials != nil {
		if p.live, err = readCredentials(ctx, q.credentials); err != nil {
			return nil, err
		}
	}
	if q.assembly != nil {
		if err := p.given(ctx, q.assembly, environments); err != nil {
			return nil, err
		}
	} else if q.gated && p.live != nil {
		stages = append(stages, pipeline.Gates...)
	}
	if p.live == nil {
		stop, err := p.rehearse(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	r := p.run(ctx, p.without(p.choose(stages, environments...)))
	if err := r.err(); err != nil {
		return nil, err
	}
	files := dag.Directory()
	for _, o := range r.outcomes {
		if o.step.Effect == pipeline.AWS {
			files = files.WithDirectory("/", o.left.Directory(pipeline.RecordsDir))
		}
	}
	return &Outcome{Summary: r.text(), Files: files}, nil
}
