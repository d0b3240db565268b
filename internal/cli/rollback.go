package cli

import (
	"context"

	"github.com/spf13/cobra"

	"lockstep/internal/rollout"
)

func (a *app) rollbackCommand() *cobra.Command {
	f := newRolloutFlags()
	cmd := &cobra.Command{
		Use: "rollback", Short: "Go back to the release before, through the same plan and apply", Args: noArgs,
		Long: `Fetch the cloud assembly of the release before the one that is deployed, from the account itself,
check that it is the one that was recorded, and deploy it: planned, shown, held to what has to be allowed,
applied under the lock, verified and recorded as a release of its own. ` + "`status` shows the releases." + `

An environment that asks for approvals takes only an approved plan here too: --out writes one,
` + "`approve`" + ` approves it, --plan applies it.`,
		RunE: a.inProject(func(ctx context.Context, p *project) (result, error) {
			if err := f.read(); err != nil {
				return nil, err
			}
			environments, err := f.environments(p, a.env)
			if err != nil {
				return nil, err
			}
			if len(environments) > 1 {
				return nil, usagef("one environment goes back at a time: name it with --env")
			}
			q := rollout.Request{
				Command: "rollback", Environments: environments, MaxFailures: f.maxFailures,
				Source:    rollout.Released{Number: f.toRelease},
				Operation: rollout.Deploy{Plan: f.reviewedPlan, Allow: f.permits},
			}
			if f.out != "" {
				q.Operation = rollout.Plan{File: f.out, TTL: f.goodFor}
			}
			return a.rollOut(ctx, p, f, q)
		}),
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	flags := cmd.Flags()
	flags.IntVar(&f.toRelease, "to", 0, "the number of the release to go back to; by default the one before this one")
	f.addOutFlags(flags, "only plan it: keep the change sets and write the plan to this file, "+
		"to be applied by rollback --plan")
	f.addDeployFlags(flags)
	return cmd
}
