package main

import (
	"context"

	"lockstep/ci/internal/dagger"
	"lockstep/internal/pipeline"
)

// Plan shows what a deployment would change, resource by resource. Nothing is executed, and nothing stays.
//
// +cache="never"
func (m *Lockstep) Plan(
	ctx context.Context,
	// The environment, or all of them in the order of promotion
	env string,
	// Credentials of the tooling account, as "aws configure export-credentials" prints them: cmd://"aws configure export-credentials". Without any,
	// the plan is made on emulated accounts
	// +optional
	awsCredentials *dagger.Secret,
	// The folder that synth returned; without it the stacks are synthesised first
	// +optional
	assembly *dagger.Directory,
	// The commit that would be deployed
	// +optional
	commit string,
) (string, error) {
	r, err := m.runStages(ctx, request{env: env, credentials: awsCredentials, assembly: assembly, commit: commit}, pipeline.Plan)
	return r.text(), err
}

// PlanFile makes a plan of one environment and keeps it, to be approved and then applied by deploy --plan, exactly as it is.
//
// It returns a folder with the plan as plan.json and plan.md, its digest, and a summary of one line.
//
// +cache="never"
func (m *Lockstep) PlanFile(
	ctx context.Context,
	// The environment
	env string,
	// Credentials of the tooling account, as "aws configure export-credentials" prints them. Without any, the plan is made on emulated accounts
	// +optional
	awsCredentials *dagger.Secret,
	// The folder that synth returned; without it the stacks are synthesised first
	// +optional
	assembly *dagger.Directory,
	// The commit that would be deployed
	// +optional
	commit string,
) (*dagger.Directory, error) {
	q := request{env: env, credentials: awsCredentials, assembly: assembly, commit: commit, arguments: pipeline.SavePlanArgs}
	r, err := m.runStages(ctx, q, pipeline.Plan)
	if err != nil {
		return nil, err
	}
	return withSummary(ctx, r.last().container.Directory(pipeline.PlanOutputDir))
}

// Approve records that the caller agrees to a plan that plan-file made, as an environment that a person approves asks for.
//
// +cache="never"
func (m *Lockstep) Approve(
	ctx context.Context,
	// The file plan.json of what plan-file returned
	plan *dagger.File,
	// Why, or by whom it was asked, for the release's record
	// +optional
	note string,
	// What the plan does that has to be allowed by name: data-loss, permissions
	// +optional
	allow []string,
	// Credentials of the tooling account, as "aws configure export-credentials" prints them. Without any, the plan is one of emulated accounts
	// +optional
	awsCredentials *dagger.Secret,
) (string, error) {
	arguments := []string{"approve", "--plan", pipeline.PlanInputFile}
	if note != "" {
		arguments = append(arguments, "--note", note)
	}
	return m.runOperation(ctx, request{credentials: awsCredentials, plan: plan}, append(arguments, allowFlags(allow)...)...)
}

// Deploy plans and applies the changes of an environment, and reads back what came of them. Without credentials it is a rehearsal.
//
// A rehearsal works on emulated accounts, with IAM enforced. With credentials it is the real accounts that are worked on, after every gate has passed.
//
// +cache="never"
func (m *Lockstep) Deploy(
	ctx context.Context,
	// The environment, or all of them in the order of promotion
	env string,
	// Credentials of the tooling account, as "aws configure export-credentials" prints them: cmd://"aws configure export-credentials". Without any,
	// the deployment is rehearsed
	// +optional
	awsCredentials *dagger.Secret,
	// The folder that synth returned, whose gates have passed; without it the stacks are synthesised first, and what is live passes the gates
	// +optional
	assembly *dagger.Directory,
	// The commit that is deployed, for the release's record
	// +optional
	commit string,
	// The file plan.json of what plan-file returned: exactly that is applied, or nothing
	// +optional
	plan *dagger.File,
	// Changes that are not made unless allowed by name: data-loss, permissions
	// +optional
	allow []string,
) (string, error) {
	q := request{env: env, credentials: awsCredentials, assembly: assembly, commit: commit, plan: plan, needsGates: true}
	if plan != nil {
		q.arguments = append(q.arguments, "--plan", pipeline.PlanInputFile)
	}
	q.arguments = append(q.arguments, allowFlags(allow)...)
	r, err := m.runStages(ctx, q, pipeline.Deploy, pipeline.Verify)
	return r.text(), err
}

// Verify reads back whether what is deployed is what the assembly holds. Nothing is written.
//
// +cache="never"
func (m *Lockstep) Verify(
	ctx context.Context,
	// The environment, or all of them in the order of promotion
	env string,
	// Credentials of the tooling account, as "aws configure export-credentials" prints them. Without any, the emulated accounts are looked at
	// +optional
	awsCredentials *dagger.Secret,
	// The folder that synth returned; without it the stacks are synthesised first
	// +optional
	assembly *dagger.Directory,
) (string, error) {
	r, err := m.runStages(ctx, request{env: env, credentials: awsCredentials, assembly: assembly}, pipeline.Verify)
	return r.text(), err
}

// Drift shows what was changed by hand in what is deployed, property by property.
//
// +cache="never"
func (m *Lockstep) Drift(
	ctx context.Context,
	// The environment, or all of them
	env string,
	// Credentials of the tooling account, as "aws configure export-credentials" prints them. Without any, the emulated accounts are looked at
	// +optional
	awsCredentials *dagger.Secret,
) (string, error) {
	return m.runOperation(ctx, request{env: env, credentials: awsCredentials}, "drift", "--env", env)
}

// Rollback goes back to the release before, through the same plan and apply.
//
// +cache="never"
func (m *Lockstep) Rollback(
	ctx context.Context,
	// The environment
	env string,
	// Credentials of the tooling account, as "aws configure export-credentials" prints them. Without any, the emulated accounts go back
	// +optional
	awsCredentials *dagger.Secret,
	// Changes that are not made unless allowed by name: data-loss, permissions
	// +optional
	allow []string,
) (string, error) {
	return m.runOperation(ctx, request{env: env, credentials: awsCredentials}, append([]string{"rollback", "--env", env}, allowFlags(allow)...)...)
}

// allowFlags are the arguments that allow changes by name.
func allowFlags(names []string) []string {
	var out []string
	for _, name := range names {
		out = append(out, "--allow", name)
	}
	return out
}
