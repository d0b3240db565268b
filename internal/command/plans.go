package command

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/deploy"
)

// dropPlan throws a plan away.
func (a *app) dropPlan(ctx context.Context, p *project, q *request) error {
	err := a.withPlan(ctx, p, q, func(d *deploy.Deployment) error { return d.Drop(ctx, *q.reviewed) })
	if err != nil {
		return err
	}
	return a.told(fmt.Sprintf("the plan %.12s is dropped, and its change sets with it", q.reviewed.Digest))
}

// withPlan does something in each account that a plan is of.
func (a *app) withPlan(ctx context.Context, p *project, q *request, do func(*deploy.Deployment) error) error {
	if mode := string(a.mode()); q.reviewed.Mode != mode {
		return &deploy.Refusal{Reason: fmt.Sprintf("the plan is of a %s, and this is a %s: write --live exactly if the plan was made with it", named(q.reviewed.Mode), named(mode))}
	}
	env, ok := p.config.Environment(q.reviewed.Environment)
	if !ok {
		return &deploy.Refusal{Reason: fmt.Sprintf("the plan is of %s, which is not configured", q.reviewed.Environment)}
	}
	return a.visiting(ctx, p, []config.Environment{env}, "plan", func(_ config.Part, d *deploy.Deployment) error { return do(d) })
}

func named(mode string) string {
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
			p, err := a.open()
			if err != nil {
				return err
			}
			if q.plan == "" {
				return usagef("which plan? Write --plan with the file that `lockstep plan --out` wrote")
			}
			if err := q.read(a); err != nil {
				return err
			}
			var line string
			err = a.withPlan(cmd.Context(), p, q, func(d *deploy.Deployment) error {
				approval, err := d.Approve(cmd.Context(), *q.reviewed, note, q.permits)
				line = fmt.Sprintf("the plan %.12s for %s is approved by %s at %s", q.reviewed.Digest, q.reviewed.Environment, approval.By, approval.At.Format(time.DateTime))
				return err
			})
			if err != nil {
				return err
			}
			return a.told(line)
		},
	}
	a.addLive(cmd)
	flags := cmd.Flags()
	flags.StringVar(&q.plan, "plan", "", "the plan's file")
	flags.StringVar(&note, "note", "", "why, for whoever reads the release record")
	q.allowFlag(flags)
	return cmd
}
