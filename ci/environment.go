package main

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"lockstep/ci/internal/dagger"
	"lockstep/config"
	"lockstep/internal/deploy/change"
	"lockstep/internal/pipeline"
)

// Environment is one environment of the configuration, and what all calls for it share.
type Environment struct {
	// The environment's name
	Name string
	// +private
	Pipeline *Lockstep
	// +private
	Credentials *dagger.Secret
	// +private
	Assembly *dagger.Directory
	// +private
	Commit string
	// +private
	Author string
}

// Environment selects one environment, for the functions that return objects: plans, releases and their parts.
//
// No argument of these functions has the name of an option of Dagger, on any version.
//
// +cache="session"
func (m *Lockstep) Environment(
	ctx context.Context,
	// The environment's name, as in config/environments; by default that of --environment
	// +optional
	name string,
	// What "aws configure export-credentials" prints in the tooling account, as cmd://"aws configure export-credentials";
	// without it, emulated accounts stand in for AWS
	// +optional
	awsCredentials *dagger.Secret,
	// The folder that synth returned; without it, the stacks are synthesised first
	// +optional
	assembly *dagger.Directory,
	// The commit to be deployed, for the records; by default the one that is checked out
	// +optional
	commit string,
	// The e-mail address of who has written the commit, who may not approve where somebody else has to
	// +optional
	author string,
) (*Environment, error) {
	p, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	name = m.environmentOrDefault(name)
	if name == "" || name == config.AllEnvironments {
		return nil, fmt.Errorf("environment selects one: write --name with one of %v", p.config.Names())
	}
	if _, err := p.config.Select(name); err != nil {
		return nil, err
	}
	return &Environment{
		Name: name, Pipeline: m, Credentials: awsCredentials, Assembly: assembly, Commit: commit, Author: author,
	}, nil
}

// request returns a request for the environment.
func (e *Environment) request(arguments ...string) request {
	return request{
		env: e.Name, credentials: e.Credentials, assembly: e.Assembly, commit: e.Commit, author: e.Author,
		arguments: arguments,
	}
}

// operate runs a command of the lockstep binary for the environment and returns what it printed.
func (e *Environment) operate(ctx context.Context, command string, arguments ...string) (string, error) {
	q := e.request()
	return e.Pipeline.runOperation(ctx, q, slices.Concat([]string{command, "--env", e.Name}, arguments)...)
}

// Plan makes a plan of a deployment, which can be reviewed, approved and applied. It executes nothing.
//
// +cache="never"
func (e *Environment) Plan(
	ctx context.Context,
	// Refuse any other cloud assembly than the one with this digest, which the function digests returns
	// +optional
	expectAssembly string,
) (*Plan, error) {
	q := e.request(append(slices.Clone(pipeline.SavePlanArgs), flag("--expect-assembly", expectAssembly)...)...)
	r, err := e.Pipeline.runStages(ctx, q, pipeline.Plan)
	if err != nil {
		return nil, err
	}
	return e.newPlan(ctx, r.last().container.Directory(pipeline.PlanOutputDir), false)
}

// RollbackPlan makes a plan of going back to an earlier release, which can be reviewed, approved and applied.
//
// +cache="never"
func (e *Environment) RollbackPlan(
	ctx context.Context,
	// The number of the release to go back to; by default the newest one before this one that was not withdrawn
	// +optional
	to int,
) (*Plan, error) {
	files, err := e.Pipeline.planRollback(ctx, e.request(), to)
	if err != nil {
		return nil, err
	}
	return e.newPlan(ctx, files, true)
}

// Deploy plans and applies the changes of the environment, and verifies the result.
//
// +cache="never"
func (e *Environment) Deploy(
	ctx context.Context,
	// The file of a plan: that plan is applied as it is, or nothing
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
) (*Release, error) {
	q := e.request()
	q.plan, q.needsGates = plan, true
	if err := q.addDeployArguments(allow, expectAssembly, expectPlan); err != nil {
		return nil, err
	}
	r, err := e.Pipeline.runStages(ctx, q, pipeline.Deploy, pipeline.Verify)
	if err != nil {
		return nil, err
	}
	return e.releaseOf(ctx, r)
}

// Rollback deploys an earlier release again, through the same plan and apply.
//
// +cache="never"
func (e *Environment) Rollback(
	ctx context.Context,
	// The number of the release to go back to; by default the newest one before this one that was not withdrawn
	// +optional
	to int,
	// The file of a plan that rollback-plan made: that plan is applied as it is, or nothing
	// +optional
	plan *dagger.File,
	// Kinds of changes that have to be allowed by name: data-loss, permissions
	// +optional
	allow []string,
	// A note for the release's record, such as who asked for it
	// +optional
	note string,
) (*Release, error) {
	arguments, err := rollbackArguments(e.Name, to, plan != nil, allow, note)
	if err != nil {
		return nil, err
	}
	q := e.request()
	q.plan = plan
	text, err := e.Pipeline.runOperation(ctx, q, append(arguments, "--json")...)
	if err != nil {
		return nil, err
	}
	return newRelease(e.Name, lastLine(text))
}

// Verify compares what is deployed with the newest release. It writes nothing.
//
// +cache="never"
func (e *Environment) Verify(
	ctx context.Context,
	// What to compare with
	// +optional
	// +default="release"
	against Reference,
) (string, error) {
	return e.Pipeline.verify(ctx, e.request(), against)
}

// Drift shows what was changed outside Lockstep, property by property.
//
// +cache="never"
func (e *Environment) Drift(ctx context.Context) (string, error) { return e.operate(ctx, "drift") }

// Status shows the newest releases, who holds the lock, and whether a run was cut off.
//
// +cache="never"
func (e *Environment) Status(
	ctx context.Context,
	// How many earlier releases are shown too
	// +optional
	releases int,
) (string, error) {
	return e.operate(ctx, "status", numberFlag("--releases", releases)...)
}

// Diagnose shows why the newest operation on a stack failed: the resource that failed first, and what to do.
//
// +cache="never"
func (e *Environment) Diagnose(
	ctx context.Context,
	// The stacks to look at; by default those of the newest release and the newest run
	// +optional
	stacks []string,
) (string, error) {
	return e.operate(ctx, "diagnose", stackFlags(stacks)...)
}

// Unlock takes the lock away from a run that is gone for good.
//
// +cache="never"
func (e *Environment) Unlock(
	ctx context.Context,
	// The id of the run that holds the lock, which status shows
	holder string,
) (string, error) {
	return e.operate(ctx, "unlock", "--holder", holder)
}

// Garbage lists what old releases have left in the account and no stack uses, or removes it.
//
// +cache="never"
func (e *Environment) Garbage(
	ctx context.Context,
	// How many releases are kept whole; 10 by default
	// +optional
	keep int,
	// Remove it
	// +optional
	remove bool,
) (string, error) {
	return e.operate(ctx, "garbage", garbageFlags(keep, remove)...)
}

// Metrics computes the four key metrics of delivery from the release records.
//
// +cache="never"
func (e *Environment) Metrics(ctx context.Context) (string, error) {
	return e.Pipeline.runOwnStep(ctx, e.request(), pipeline.MetricsStep("--env", e.Name))
}

// checkPermits refuses names of kinds of changes that do not exist, before anything is built.
func checkPermits(names []string) error {
	for _, name := range names {
		if !slices.Contains(change.Permits, change.Permit(name)) {
			return fmt.Errorf("--allow %s: write one of %v", name, change.Permits)
		}
	}
	return nil
}

// addDeployArguments adds what a deployment may do and has to be given.
func (q *request) addDeployArguments(allow []string, expectAssembly, expectPlan string) error {
	if err := checkPermits(allow); err != nil {
		return err
	}
	if q.plan != nil {
		q.arguments = append(q.arguments, "--plan", pipeline.PlanInputFile)
	}
	q.arguments = slices.Concat(q.arguments, allowFlags(allow), flag("--expect-assembly", expectAssembly),
		flag("--expect-plan", expectPlan))
	return nil
}

// rollbackArguments returns the command that goes back to an earlier release; 0 for the one before.
func rollbackArguments(env string, to int, hasPlan bool, allow []string, note string) ([]string, error) {
	if err := checkPermits(allow); err != nil {
		return nil, err
	}
	arguments := []string{"rollback", "--env", env}
	if hasPlan {
		arguments = append(arguments, "--plan", pipeline.PlanInputFile)
	}
	return slices.Concat(arguments, numberFlag("--to", to), allowFlags(allow), flag("--note", note)), nil
}

// planRollback plans to go back to an earlier release, and returns the folder of the plan.
func (m *Lockstep) planRollback(ctx context.Context, q request, to int) (*dagger.Directory, error) {
	arguments, err := rollbackArguments(q.env, to, false, nil, "")
	if err != nil {
		return nil, err
	}
	r, err := m.runStep(ctx, q, pipeline.OperationStep(append(arguments, pipeline.SavePlanArgs...)...))
	if err != nil {
		return nil, err
	}
	return r.last().container.Directory(pipeline.PlanOutputDir), nil
}

// numberFlag returns a flag with its value, and nothing for 0.
func numberFlag(name string, value int) []string {
	if value == 0 {
		return nil
	}
	return []string{name, strconv.Itoa(value)}
}

// garbageFlags returns the flags of the command garbage.
func garbageFlags(keep int, remove bool) []string {
	flags := numberFlag("--keep", keep)
	if remove {
		flags = append(flags, "--remove")
	}
	return flags
}
