package cli

import (
	"context"

	"github.com/spf13/cobra"

	"lockstep/internal/deploy"
	"lockstep/internal/fault"
	"lockstep/internal/utc"
)

func (a *app) approveCommand() *cobra.Command {
	f := newRolloutFlags()
	note := ""
	cmd := &cobra.Command{
		Use: "approve --plan FILE", Short: "Record that you agree to a plan, so that deploy --plan applies it", Args: noArgs,
		Long: `Record in the target account that the caller, as AWS knows it, agrees to the plan, and when. An
environment whose configuration says approval: true takes no plan without it. --allow names what the plan does
that has to be allowed: loss of data, wider access.`,
		RunE: a.inProject(func(ctx context.Context, p *project) (result, error) {
			if f.planFile == "" {
				return nil, usagef(fault.FlagMissing, "which plan? Write --plan with the file that `lockstep plan --out` wrote")
			}
			if err := f.read(); err != nil {
				return nil, err
			}
			plan, done := *f.reviewedPlan, messagef("")
			err := a.session(p).ForEachPlanAccount(ctx, plan, func(d *deploy.Deployment) error {
				approval, err := d.Approve(ctx, plan, note, f.permits)
				done = messagef("the plan %.12s for %s is approved by %s at %s",
					plan.Digest, plan.Environment, approval.ApproverARN, utc.Format(approval.At))
				return err
			})
			if err != nil {
				return nil, err
			}
			return done, nil
		}),
	}
	a.addLiveFlag(cmd)
	flags := cmd.Flags()
	addPathFlag(flags, &f.planFile, "plan", "the plan's file")
	flags.StringVar(&note, "note", "", "why, for whoever reads the release record")
	f.addAllowFlag(flags)
	return cmd
}
