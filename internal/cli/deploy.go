package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lockstep/internal/pipeline"
	"lockstep/internal/rollout"
)

func (a *app) deployCommand() *cobra.Command {
	return a.newRolloutCommand(rolloutCommand{
		stage: pipeline.Deploy, stages: []pipeline.Stage{pipeline.Deploy, pipeline.Verify}, requiresGates: true,
		short: "Plan and apply the change sets of an environment, and verify the result",
		long: `Validate the configuration, synthesise the stacks, plan and apply their change sets, and read back
what was deployed.

With --plan the plan of that file is applied as it is, or nothing: not when the assembly, the configuration, the
account or a stack has changed since, nor when the plan is too old, was edited, or lacks an approval that the
environment asks for. A stack that the plan could not show, because what it needed did not exist, may only add
resources; with completePlans in the environment's configuration it is planned and reviewed again. Changes that
lose data or widen access have to be allowed by name.

Without --live all of it happens on emulated accounts on this machine, IAM enforced, which are started and
bootstrapped as needed. With --live it happens on AWS: your credentials must belong to the tooling account, and
every gate must have passed for exactly these inputs.`,
		addFlags: func(f *rolloutFlags, flags *pflag.FlagSet) {
			f.addDeployFlags(flags)
			f.addExpectAssemblyFlag(flags)
		},
		operation: func(f *rolloutFlags) rollout.Operation {
			return rollout.Deploy{Plan: f.reviewedPlan, Allow: f.permits}
		},
	})
}
