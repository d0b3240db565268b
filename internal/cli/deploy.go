package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lockstep/internal/deploy/planfile"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/pipeline"
)

// rolloutCommand is a command that reaches for the accounts of an environment.
type rolloutCommand struct {
	stage       pipeline.Stage
	short, long string
	// stages are those that it runs when it is not handed an assembly.
	stages []pipeline.Stage
	// requiresGates says that nothing of it may happen on AWS before every gate has passed.
	requiresGates bool
	// addFlags adds the flags of its own.
	addFlags func(*request, *pflag.FlagSet)
	// runInAccount does it in one account; finish, where there is one, what is left to do when all accounts are done.
	runInAccount func(ctx context.Context, v *accountRollout) (deploy.Record, error)
	finish       func(ctx context.Context, visits []*accountRollout, err error) error
}

var rolloutCommands = []rolloutCommand{
	{
		stage: pipeline.Plan, stages: []pipeline.Stage{pipeline.Plan}, addFlags: (*request).addPlanFlags, runInAccount: planAccount, finish: writePlanFile,
		short: "Show what a deployment would change, resource by resource",
		long: `Make the change sets of every stack that differs, show what they would do, and delete them again. Nothing is executed.

With --out the change sets stay, and the plan is written to FILE, and as Markdown beside it, for ` + "`approve` and `deploy --plan`" + `. --drop throws such a
plan away. A stack that cannot be planned before another one exists is shown as deferred.`,
	},
	{
		stage: pipeline.Deploy, stages: []pipeline.Stage{pipeline.Deploy, pipeline.Verify}, requiresGates: true, addFlags: (*request).addDeployFlags, runInAccount: deployAccount,
		short: "Plan and apply the change sets of an environment, and verify what came of them",
		long: `Validate the configuration, synthesise the stacks, plan and apply their change sets, and read back what was deployed.

With --plan exactly the plan of that file is applied, or nothing: not when the assembly, the configuration, the account or a stack has changed since, nor when the
plan is too old, was edited, or lacks an approval that the environment asks for. Changes that lose data or widen access have to be allowed by name.

Without --live all of it happens on emulated accounts on this machine, IAM enforced, which are started and bootstrapped as needed. With
--live it happens on AWS: your credentials must belong to the tooling account, and every gate must have passed for exactly these inputs.`,
	},
	{
		stage: pipeline.Verify, stages: []pipeline.Stage{pipeline.Verify}, addFlags: (*request).addNoFlags, runInAccount: verifyAccount,
		short: "Read back whether what is deployed is what the assembly holds",
		long: `Check that every stack of the environment is there, in a good state, as the assembly wants it, and that each of its resources is
complete. Nothing is written.`,
	},
}

func planAccount(ctx context.Context, v *accountRollout) (deploy.Record, error) {
	var err error
	if v.out == "" {
		v.plan, err = v.deployment.Plan(ctx)
	} else {
		v.plan, v.targetPlan, err = v.deployment.SavePlan(ctx, v.goodFor)
	}
	if err != nil {
		return v.plan.Record(), err
	}
	v.progress(v.plan.Record().Text())
	if v.out == "" {
		err = v.plan.Discard(ctx)
	}
	return v.plan.Record(), err
}

// writePlanFile writes the plan of all accounts into its file, after every account knows of it. A plan that nobody has is none: if anything goes wrong, no
// change set stays.
func writePlanFile(ctx context.Context, visits []*accountRollout, err error) error {
	if len(visits) == 0 || visits[0].out == "" {
		return err
	}
	first := visits[0]
	var file planfile.File
	if err == nil {
		var parts []planfile.Target
		for _, v := range visits {
			parts = append(parts, v.targetPlan)
		}
		file, err = first.deployment.NewPlanFile(parts, first.goodFor)
	}
	for _, v := range visits {
		if err == nil {
			err = v.deployment.RegisterPlan(ctx, file)
		}
	}
	if err == nil {
		err = planfile.Write(first.out, file)
	}
	if err != nil {
		for _, v := range visits {
			if v.plan != nil {
				err = errors.Join(err, v.plan.Discard(ctx))
			}
		}
		return err
	}
	for _, v := range visits {
		v.result.PlanDigest = file.Digest
	}
	first.progress(fmt.Sprintf("the plan %.12s is in %s, good until %s", file.Digest, first.out, file.Expires.Format(time.DateTime)))
	return nil
}

func deployAccount(ctx context.Context, v *accountRollout) (deploy.Record, error) {
	return v.deployment.Deploy(ctx, deploy.DeployRequest{Allow: v.allPermits(), Plan: v.reviewedPlan, Restores: v.restores})
}

func verifyAccount(ctx context.Context, v *accountRollout) (deploy.Record, error) {
	return v.deployment.Verify(ctx)
}

// newRolloutCommand makes the command line's command of a reaching.
func (a *app) newRolloutCommand(r rolloutCommand) *cobra.Command {
	q := newRequest()
	cmd := &cobra.Command{
		Use: string(r.stage), Short: r.short, Long: r.long, Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.loadProject()
			if err != nil {
				return err
			}
			if err := q.read(a); err != nil {
				return err
			}
			envs, err := a.selectedEnvironments(p)
			if err != nil {
				return err
			}
			if err := q.check(envs); err != nil {
				return err
			}
			switch {
			case q.planToDelete != "":
				return a.deletePlan(cmd.Context(), p, q)
			case q.assembly != "":
				return a.rollOut(cmd.Context(), r, p, envs, q, a.synthesisedAssemblies(p, q))
			}
			return a.runRolloutSteps(cmd.Context(), r, p, envs, q)
		},
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	flags := cmd.Flags()
	flags.StringVar(&q.assembly, "assembly", "", "use the cloud assembly in this folder, or in its subfolder for the environment, instead of synthesising one")
	flags.StringVar(&q.recordFile, "record", "", "write what came of it to this file as JSON, for whoever runs this as a step, instead of a summary to stdout")
	r.addFlags(q, flags)
	if r.requiresGates {
		flags.BoolVar(&q.checks, "checks", false, "run every gate before a rehearsal too, as --live always does")
	}
	return cmd
}

// runRolloutSteps runs the steps of the reaching's stages and all that they need.
func (a *app) runRolloutSteps(ctx context.Context, r rolloutCommand, p *project, envs []config.Environment, q *request) error {
	g, err := p.graph()
	if err != nil {
		return err
	}
	stages := r.stages
	if r.requiresGates && (a.live || q.checks) {
		stages = slices.Concat(stages, pipeline.GateStages)
	}
	j := job{
		command: string(r.stage), mode: a.mode(), project: p, environments: envs, recordStage: r.stage,
		graph: selectSteps(g, stages, envs).WithExtraArgs(r.stage, q.extraArgs()...),
	}
	if a.live {
		if err := a.guard(ctx, p, envs); err != nil {
			return err
		}
	} else {
		j.acquireAccounts = func(ctx context.Context, say func(string)) (func() error, error) {
			_, _, release, err := a.acquireEmulator(ctx, p, envs, say)
			return release, err
		}
	}
	return a.runJob(ctx, j)
}
