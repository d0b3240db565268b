package main

import (
	"cmp"
	"context"
	"slices"

	"lockstep/ci/internal/dagger"
	"lockstep/config"
	"lockstep/internal/pipeline"
)

// Plan shows what a deployment would change, resource by resource. It executes nothing and leaves nothing.
//
// +cache="never"
func (m *Lockstep) Plan(
	ctx context.Context,
	// The environment, or "all" in promotion order; on Dagger 1.0: dagger -c 'plan NAME'
	env string,
	// What "aws configure export-credentials" prints in the tooling account, as cmd://"aws configure export-credentials";
	// without it, emulated accounts stand in for AWS
	// +optional
	awsCredentials *dagger.Secret,
	// The folder that synth returned; without it, the stacks are synthesised first
	// +optional
	assembly *dagger.Directory,
	// The commit to be deployed, for the plan
	// +optional
	commit string,
	// Refuse any other cloud assembly than the one with this digest, which the function digests returns
	// +optional
	expectAssembly string,
) (string, error) {
	q := request{env: env, credentials: awsCredentials, assembly: assembly, commit: commit}
	q.arguments = flag("--expect-assembly", expectAssembly)
	return m.runStagesToText(ctx, q, pipeline.Plan)
}

// PlanFile plans a deployment and saves the plan, for approve and deploy --plan.
//
// It returns a folder with the plan as plan.json and plan.md, the plan's digest, and a summary of one line. For all
// environments it has a folder of that for each, with its name.
//
// +cache="never"
func (m *Lockstep) PlanFile(
	ctx context.Context,
	// The environment, or "all"; on Dagger 1.0: dagger -c 'plan-file NAME'
	env string,
	// What "aws configure export-credentials" prints in the tooling account, as cmd://"aws configure export-credentials";
	// without it, emulated accounts stand in for AWS
	// +optional
	awsCredentials *dagger.Secret,
	// The commit to be deployed, for the plan; by default the one that is checked out
	// +optional
	commit string,
	// The e-mail address of who has written the commit, who may not approve where somebody else has to
	// +optional
	author string,
	// The folder that synth returned; without it, the stacks are synthesised first
	// +optional
	assembly *dagger.Directory,
	// Refuse any other cloud assembly than the one with this digest, which the function digests returns
	// +optional
	expectAssembly string,
) (*dagger.Directory, error) {
	q := request{env: env, credentials: awsCredentials, assembly: assembly, commit: commit, author: author}
	q.arguments = append(slices.Clone(pipeline.SavePlanArgs), flag("--expect-assembly", expectAssembly)...)
	r, err := m.runStages(ctx, q, pipeline.Plan)
	if err != nil {
		return nil, err
	}
	if env != config.AllEnvironments {
		return withSummary(ctx, r.last().container.Directory(pipeline.PlanOutputDir))
	}
	plans := dag.Directory()
	for _, o := range r.outcomes {
		if o.Stage != pipeline.Plan {
			continue
		}
		plan, err := withSummary(ctx, o.container.Directory(pipeline.PlanOutputDir))
		if err != nil {
			return nil, err
		}
		plans = plans.WithDirectory(o.step.Environment, plan)
	}
	return plans, nil
}

// RollbackFile plans to go back to an earlier release and saves the plan, for approve and rollback --plan.
//
// It returns a folder with what plan-file returns.
//
// +cache="never"
func (m *Lockstep) RollbackFile(
	ctx context.Context,
	// The environment; on Dagger 1.0: dagger -c 'rollback-file NAME'
	env string,
	// What "aws configure export-credentials" prints in the tooling account, as cmd://"aws configure export-credentials";
	// without it, emulated accounts stand in for AWS
	// +optional
	awsCredentials *dagger.Secret,
	// The number of the release to go back to; by default the newest one before this one that was not withdrawn
	// +optional
	to int,
) (*dagger.Directory, error) {
	files, err := m.planRollback(ctx, request{env: env, credentials: awsCredentials}, to)
	if err != nil {
		return nil, err
	}
	return withSummary(ctx, files)
}

// Approve records that the caller approves a plan that plan-file made.
//
// +cache="never"
func (m *Lockstep) Approve(
	ctx context.Context,
	// The file plan.json from the folder that plan-file returned
	plan *dagger.File,
	// The digest of the plan that the caller has read. Any other plan is refused
	expectPlan string,
	// The execution of CodePipeline in which a person has approved the plan, as PIPELINE/EXECUTION, or the run of a
	// service, as github:OWNER/NAME/RUN or gitlab:GROUP/NAME/PIPELINE: that person is the approver, not the caller
	// +optional
	approvedIn string,
	// A note for the release's record, such as who asked for the change
	// +optional
	note string,
	// Kinds of changes that have to be allowed by name: data-loss, permissions
	// +optional
	allow []string,
	// What "aws configure export-credentials" prints in the tooling account, as cmd://"aws configure export-credentials";
	// without it, emulated accounts stand in for AWS
	// +optional
	awsCredentials *dagger.Secret,
	// The token of the job, with which GitHub or GitLab is asked who has approved: env://GITHUB_TOKEN, env://CI_JOB_TOKEN
	// +optional
	jobToken *dagger.Secret,
) (string, error) {
	if err := checkPermits(allow); err != nil {
		return "", err
	}
	arguments := slices.Concat([]string{"--plan", pipeline.PlanInputFile, "--expect-plan", expectPlan},
		flag("--approved-in", approvedIn), flag("--note", note), allowFlags(allow))
	q := request{credentials: awsCredentials, plan: plan, jobToken: jobToken, approvedIn: approvedIn}
	return m.runOwnStep(ctx, q, pipeline.ApprovalStep(arguments...))
}

// Deploy plans and applies the changes of an environment, and verifies the result.
//
// Without credentials it rehearses the deployment on emulated accounts that enforce IAM. With credentials it deploys to
// the real accounts, after every gate has passed.
//
// +cache="never"
func (m *Lockstep) Deploy(
	ctx context.Context,
	// The environment, or "all" in promotion order; on Dagger 1.0: dagger -c 'deploy NAME'
	env string,
	// What "aws configure export-credentials" prints in the tooling account, as cmd://"aws configure export-credentials";
	// without it, emulated accounts stand in for AWS
	// +optional
	awsCredentials *dagger.Secret,
	// The folder that synth returned, whose gates have passed; without it, the stacks are synthesised first, and a live
	// deployment runs the gates
	// +optional
	assembly *dagger.Directory,
	// The commit to be deployed, for the release's record
	// +optional
	commit string,
	// The file plan.json from the folder that plan-file returned: that plan is applied as it is, or nothing
	// +optional
	plan *dagger.File,
	// Kinds of changes that have to be allowed by name: data-loss, permissions
	// +optional
	allow []string,
	// Refuse any other cloud assembly than the one with this digest, which the function digests returns
	// +optional
	expectAssembly string,
	// Refuse any other plan than the one with this digest
	// +optional
	expectPlan string,
) (string, error) {
	q := request{env: env, credentials: awsCredentials, assembly: assembly, commit: commit, plan: plan, needsGates: true}
	if err := q.addDeployArguments(allow, expectAssembly, expectPlan); err != nil {
		return "", err
	}
	return m.runStagesToText(ctx, q, pipeline.Deploy, pipeline.Verify)
}

// Verify compares what is deployed with the newest release. It writes nothing.
//
// +cache="never"
func (m *Lockstep) Verify(
	ctx context.Context,
	// The environment, or "all" in promotion order; on Dagger 1.0: dagger -c 'verify NAME'
	env string,
	// What "aws configure export-credentials" prints in the tooling account, as cmd://"aws configure export-credentials";
	// without it, emulated accounts stand in for AWS
	// +optional
	awsCredentials *dagger.Secret,
	// What to compare with
	// +optional
	// +default="release"
	against Reference,
	// The folder that synth returned, to compare with that instead
	// +optional
	assembly *dagger.Directory,
) (string, error) {
	return m.verify(ctx, request{env: env, credentials: awsCredentials, assembly: assembly}, against)
}

// Reference is what a verification compares with.
type Reference string

// The references.
const (
	// The newest release, whatever the repository's files say
	ReferenceRelease Reference = "release"
	// What the repository's files synthesise
	ReferenceSource Reference = "source"
)

// verify compares what is deployed with an assembly, if the request has one, or else with the reference.
func (m *Lockstep) verify(ctx context.Context, q request, against Reference) (string, error) {
	if q.assembly == nil && against != ReferenceSource {
		return m.runOperation(ctx, q, "verify", "--env", q.env, "--against", string(ReferenceRelease))
	}
	return m.runStagesToText(ctx, q, pipeline.Verify)
}

// Drift shows what was changed outside Lockstep, property by property.
//
// +cache="never"
func (m *Lockstep) Drift(
	ctx context.Context,
	// The environment, or "all"; on Dagger 1.0: dagger -c 'drift NAME'
	env string,
	// What "aws configure export-credentials" prints in the tooling account, as cmd://"aws configure export-credentials";
	// without it, emulated accounts stand in for AWS
	// +optional
	awsCredentials *dagger.Secret,
) (string, error) {
	return m.runOperation(ctx, request{env: env, credentials: awsCredentials}, "drift", "--env", env)
}

// Metrics computes the four key metrics of delivery from the release records.
//
// +cache="never"
func (m *Lockstep) Metrics(
	ctx context.Context,
	// The environment, or "all"; on Dagger 1.0: dagger -c 'metrics NAME'
	env string,
	// What "aws configure export-credentials" prints in the tooling account, as cmd://"aws configure export-credentials";
	// without it, emulated accounts stand in for AWS
	// +optional
	awsCredentials *dagger.Secret,
) (string, error) {
	return m.runOwnStep(ctx, request{env: env, credentials: awsCredentials}, pipeline.MetricsStep("--env", env))
}

// PublishMetrics computes the four key metrics, and writes them to CloudWatch in the tooling account.
//
// +cache="never"
func (m *Lockstep) PublishMetrics(
	ctx context.Context,
	// The environment, or "all"; on Dagger 1.0: dagger -c 'publish-metrics NAME'
	env string,
	// What "aws configure export-credentials" prints in the tooling account, as cmd://"aws configure export-credentials";
	// without it, emulated accounts stand in for AWS
	// +optional
	awsCredentials *dagger.Secret,
) (string, error) {
	q := request{env: env, credentials: awsCredentials}
	return m.runOwnStep(ctx, q, pipeline.MetricsStep("--publish", "--env", env))
}

// Rollback deploys an earlier release again, with the same plan and apply.
//
// +cache="never"
func (m *Lockstep) Rollback(
	ctx context.Context,
	// The environment; on Dagger 1.0: dagger -c 'rollback NAME'
	env string,
	// What "aws configure export-credentials" prints in the tooling account, as cmd://"aws configure export-credentials";
	// without it, emulated accounts stand in for AWS
	// +optional
	awsCredentials *dagger.Secret,
	// Kinds of changes that have to be allowed by name: data-loss, permissions
	// +optional
	allow []string,
	// The number of the release to go back to; by default the newest one before this one that was not withdrawn
	// +optional
	to int,
	// The file plan.json from the folder that rollback-file returned: that plan is applied as it is, or nothing
	// +optional
	plan *dagger.File,
	// A note for the release's record, such as who asked for it
	// +optional
	note string,
) (string, error) {
	arguments, err := rollbackArguments(env, to, plan != nil, allow, note)
	if err != nil {
		return "", err
	}
	return m.runOperation(ctx, request{env: env, credentials: awsCredentials, plan: plan}, arguments...)
}

// Status shows what is deployed where, by whom, who holds a lock, and whether a run was cut off.
//
// +cache="never"
func (m *Lockstep) Status(
	ctx context.Context,
	// The environment, by default that of --environment, and otherwise "all"; on Dagger 1.0:
	// dagger --env NAME call status
	// +optional
	env string,
	// What "aws configure export-credentials" prints in the tooling account, as cmd://"aws configure export-credentials";
	// without it, emulated accounts stand in for AWS
	// +optional
	awsCredentials *dagger.Secret,
	// How many earlier releases are shown too
	// +optional
	releases int,
) (string, error) {
	env = cmp.Or(m.environmentOrDefault(env), config.AllEnvironments)
	arguments := append([]string{"status", "--env", env}, numberFlag("--releases", releases)...)
	return m.runOperation(ctx, request{env: env, credentials: awsCredentials}, arguments...)
}

// Board shows all environments on one screen: what is wrong, why, and what to do next.
//
// +cache="never"
func (m *Lockstep) Board(
	ctx context.Context,
	// The environment, by default that of --environment, and otherwise "all"; on Dagger 1.0:
	// dagger --env NAME call board
	// +optional
	env string,
	// What "aws configure export-credentials" prints in the tooling account, as cmd://"aws configure export-credentials";
	// without it, emulated accounts stand in for AWS
	// +optional
	awsCredentials *dagger.Secret,
) (string, error) {
	env = cmp.Or(m.environmentOrDefault(env), config.AllEnvironments)
	return m.runOperation(ctx, request{env: env, credentials: awsCredentials}, "board", "--env", env)
}

// Diagnose shows why the newest operation on a stack failed: the resource that failed first, and what to do.
//
// +cache="never"
func (m *Lockstep) Diagnose(
	ctx context.Context,
	// The environment, or "all"; on Dagger 1.0: dagger -c 'diagnose NAME'
	env string,
	// What "aws configure export-credentials" prints in the tooling account, as cmd://"aws configure export-credentials";
	// without it, emulated accounts stand in for AWS
	// +optional
	awsCredentials *dagger.Secret,
	// The stacks to look at; by default those of the newest release and the newest run
	// +optional
	stacks []string,
) (string, error) {
	arguments := append([]string{"diagnose", "--env", env}, stackFlags(stacks)...)
	return m.runOperation(ctx, request{env: env, credentials: awsCredentials}, arguments...)
}

// Unlock takes an environment's lock away from a run that is gone for good.
//
// +cache="never"
func (m *Lockstep) Unlock(
	ctx context.Context,
	// The environment; on Dagger 1.0: dagger -c 'unlock NAME HOLDER'
	env string,
	// The id of the run that holds the lock, which status shows
	holder string,
	// What "aws configure export-credentials" prints in the tooling account, as cmd://"aws configure export-credentials";
	// without it, emulated accounts stand in for AWS
	// +optional
	awsCredentials *dagger.Secret,
) (string, error) {
	q := request{env: env, credentials: awsCredentials}
	return m.runOperation(ctx, q, "unlock", "--env", env, "--holder", holder)
}

// Garbage lists what old releases have left in an account and no stack uses, or removes it.
//
// +cache="never"
func (m *Lockstep) Garbage(
	ctx context.Context,
	// The environment; on Dagger 1.0: dagger -c 'garbage NAME'
	env string,
	// What "aws configure export-credentials" prints in the tooling account, as cmd://"aws configure export-credentials";
	// without it, emulated accounts stand in for AWS
	// +optional
	awsCredentials *dagger.Secret,
	// How many releases are kept whole; 10 by default
	// +optional
	keep int,
	// Remove it
	// +optional
	remove bool,
) (string, error) {
	arguments := append([]string{"garbage", "--env", env}, garbageFlags(keep, remove)...)
	return m.runOperation(ctx, request{env: env, credentials: awsCredentials}, arguments...)
}

// flag returns a flag with its value, and nothing for an empty value.
func flag(name, value string) []string {
	if value == "" {
		return nil
	}
	return []string{name, value}
}

// allowFlags returns the flags that allow kinds of changes.
func allowFlags(kinds []string) []string {
	var flags []string
	for _, kind := range kinds {
		flags = append(flags, "--allow", kind)
	}
	return flags
}

// stackFlags returns the flags that name stacks.
func stackFlags(stacks []string) []string {
	var flags []string
	for _, stack := range stacks {
		flags = append(flags, "--stack", stack)
	}
	return flags
}
