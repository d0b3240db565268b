package cli

import (
	"context"

	"github.com/spf13/cobra"

	"lockstep/internal/fault"
	"lockstep/internal/rollout"
)

func (a *app) rollbackCommand() *cobra.Command {
	f := newRolloutFlags()
	cmd := &cobra.Command{
		Use: "rollback", Short: "Go back to the release before, through the same plan and apply", Args: noArgs,
		Long: `Fetch the cloud assembly of the release before the one that is deployed, from the account itself,
check that it is the one that was recorded, and deploy it: planned, shown, held to what has to be allowed,
applied under the lock, verified and recorded as a release of its own. ` + "`status` shows the releases." + `

The release that was deployed is withdrawn: no later rollback goes back to it, unless --to names it. In an
environment with several accounts, all of them go back to what was deployed together. The first account's
records say what that is, and --to is a number of that account's.

An environment that asks for approvals takes only an approved plan here too: --out writes one,
` + "`approve`" + ` approves it, --plan applies it.`,
		RunE: a.inProject(func(ctx context.Context, p *project) (result, error) {
			environments, err := f.readEnvironments(p, a.env)
			if err != nil {
				return nil, err
			}
			if len(environments) > 1 {
				return nil, usagef(fault.FlagMissing, "one environment goes back at a time: name it with --env")
			}
			q := rollout.Request{
				Command: "rollback", Environments: environments, MaxFailures: f.maxFailures,
				Source:    rollout.NewReleased(int(f.toRelease), f.reviewedPlan),
				Operation: rollout.Deploy{Plan: f.reviewedPlan, Allow: f.permits, Note: f.note},
			}
			if f.out != "" {
				q.Operation = rollout.Plan{File: f.out, TTL: f.goodFor, Allow: f.permits}
			}
			return a.rollOut(ctx, p, f, q)
		}),
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	flags := cmd.Flags()
	flags.Var(&f.toRelease, "to", "the number of the release to go back to; by default the newest one before this one "+
		"that was not withdrawn")
	flags.StringVar(&f.note, "note", "", "why, for whoever reads the release record")
	f.addOutFlags(flags, "only plan it: keep the change sets and write the plan to this file, "+
		"to be applied by rollback --plan")
	f.addDeployFlags(flags)
	return cmd
}
