package cli

import (
	"context"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lockstep/internal/deploy"
	"lockstep/internal/pipeline"
	"lockstep/internal/rollout"
)

func (a *app) planCommand() *cobra.Command {
	return a.newRolloutCommand(rolloutCommand{
		stage: pipeline.Plan, stages: []pipeline.Stage{pipeline.Plan},
		short: "Show what a deployment would change, resource by resource",
		long: `Make the change sets of every stack that differs, show what they would do, and delete them again.
Nothing is executed.

With --out the change sets stay, and the plan is written to FILE, and as Markdown beside it, for
` + "`approve` and `deploy --plan`" + `. --drop throws such a plan away. A stack that cannot be planned before
another one exists is shown as deferred.`,
		addFlags: func(f *rolloutFlags, flags *pflag.FlagSet) {
			f.addOutFlags(flags, "keep the change sets and write the plan to this file, to be applied by deploy --plan")
			f.addAllowFlag(flags)
			f.addExpectAssemblyFlag(flags)
			addPathFlag(flags, &f.drop, "drop", "throw the plan of this file away, with its change sets")
		},
		operation: func(f *rolloutFlags) rollout.Operation {
			return rollout.Plan{File: f.out, TTL: f.goodFor, Allow: f.permits}
		},
	})
}

// dropPlan deletes the change sets of a plan.
func (a *app) dropPlan(ctx context.Context, p *project, f *rolloutFlags) (result, error) {
	plan := *f.reviewedPlan
	err := a.session(p).ForEachPlanAccount(ctx, plan, func(d *deploy.Deployment) error { return d.DeletePlan(ctx, plan) })
	if err != nil {
		return nil, err
	}
	return messagef("the plan %.12s is dropped, and its change sets with it", plan.Digest), nil
}
