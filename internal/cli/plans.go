package cli

import (
	"context"
	"fmt"
	"time"

	"lockstep/internal/refusal"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/deploy"
)

// deletePlan throws a plan away.
func (a *app) deletePlan(ctx context.Context, p *project, q *request) error {
	err := a.forEachPlanAccount(ctx, p, q, func(d *deploy.Deployment) error { return d.DeletePlan(ctx, *q.reviewedPlan) })
	if err != nil {
		return err
	}
	return a.printResult(fmt.Sprintf("the plan %.12s is dropped, and its change sets with it", q.reviewedPlan.Digest))
}

// forEachPlanAccount does something in each account that a plan is of.
func (a *app) forEachPlanAccount(ctx context.Context, p *project, q *request, do func(*deploy.Deployment) error) error {
	if mode := string(a.mode()); q.reviewedPlan.Mode != mode {
		return &refusal.Error{Reason: fmt.Sprintf("the plan is of a %s, and this is a %s: write --live exactly if the plan was made with it", modePhrase(q.reviewedPlan.Mode), modePhrase(mode))}
	}
	env, ok := p.config.Environment(q.reviewedPlan.Environment)
	if !ok {
		return &refusal.Error{Reason: fmt.Sprintf("the plan is of %s, which is not configured", q.reviewedPlan.Environment)}
	}
	return a.forEachAccount(ctx, p, []config.Environment{env}, "plan", func(_ config.EnvironmentAccount, d *deploy.Deployment) error { return do(d) })
}

func modePhrase(mode string) string {
	if mode == deploy.Live {
		return "live deployment"
	}
	return "rehearsal"
}

func (a *app) approveCommand() *cobra.Command {
	q := newRequest()
	note := ""
	cmd := &cobra.Command{
		Use: "approve --plan FILE", Short: "Record that you agree to a plan, so that deploy --plan applies it", Args: noArgs,
		Long: `Record in the target account that the caller, as AWS knows it, agrees to the plan, and when. An environment whose configuration says approval: true takes
no plan without it. --allow names what the plan does that has to be allowed: loss of data, wider access.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.loadProject()
			if err != nil {
				return err
			}
			if q.planFile == "" {
				return usagef("which plan? Write --plan with the file that `lockstep plan --out` wrote")
			}
			if err := q.read(a); err != nil {
				return err
			}
			var line string
			err = a.forEachPlanAccount(cmd.Context(), p, q, func(d *deploy.Deployment) error {
				approval, err := d.Approve(cmd.Context(), *q.reviewedPlan, note, q.permits)
				line = fmt.Sprintf("the plan %.12s for %s is approved by %s at %s", q.reviewedPlan.Digest, q.reviewedPlan.Environment, approval.ApproverARN, approval.At.Format(time.DateTime))
				return err
			})
			if err != nil {
				return err
			}
			return a.printResult(line)
		},
	}
	a.addLiveFlag(cmd)
	flags := cmd.Flags()
	flags.StringVar(&q.planFile, "plan", "", "the plan's file")
	flags.StringVar(&note, "note", "", "why, for whoever reads the release record")
	q.addAllowFlag(flags)
	return cmd
}
