package command

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/pipeline"
)

// goingBack is the deployment of a release that was deployed before, so it has passed the gates and the environment before.
var goingBack = reaching{stage: "rollback", flags: (*request).rollbackFlags, do: planAndApply}

// planningBack only shows what that would do.
var planningBack = reaching{stage: pipeline.Plan, do: plan, finish: writePlan}

func (q *request) rollbackFlags(flags *pflag.FlagSet) {
	flags.IntVar(&q.to, "to", 0, "the number of the release to go back to; the one before this one unless told")
	flags.StringVar(&q.out, "out", "", "only plan it: keep the change sets and write the plan to this file, to be applied by rollback --plan")
	flags.DurationVar(&q.goodFor, "good-for", deploy.PlanGoodFor, "how long the plan may be applied")
	q.deployFlags(flags)
}

func (a *app) rollbackCommand() *cobra.Command {
	q := newRequest()
	cmd := &cobra.Command{
		Use: "rollback", Short: "Go back to the release before, through the same plan and apply", Args: noArgs,
		Long: `Fetch the cloud assembly of the release before the one that is deployed, from the account itself, see that it is the one that was recorded, and deploy it:
planned, shown, held to what has to be allowed, applied under the lock, verified and recorded as a release of its own. ` + "`status` shows the releases." + `

An environment that asks for approvals takes only an approved plan here too: --out writes one, ` + "`approve`" + ` approves it, --plan applies it.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.open()
			if err != nil {
				return err
			}
			if err := q.read(a); err != nil {
				return err
			}
			envs, err := a.environments(p)
			if err != nil {
				return err
			}
			if err := q.check(envs); err != nil {
				return err
			}
			if len(envs) > 1 {
				return usagef("one environment goes back at a time: name it with --env")
			}
			if q.out != "" && q.plan != "" {
				return usagef("--out makes a plan and --plan applies one: write one of them")
			}
			r := goingBack
			if q.out != "" {
				r = planningBack
			}
			return a.reachWith(cmd.Context(), r, p, envs, q, a.released(p, q))
		},
	}
	a.addEnv(cmd)
	a.addLive(cmd)
	q.rollbackFlags(cmd.Flags())
	return cmd
}

// released is the source for assemblies of earlier releases, which are kept in the accounts.
func (a *app) released(p *project, q *request) source {
	return func(ctx context.Context, way *reach, part config.Part) (made, error) {
		d, err := a.visit(ctx, way, p, part, "rollback", nil)
		if err != nil {
			return made{}, err
		}
		r, err := d.Earlier(ctx, q.to)
		if err != nil {
			return made{}, err
		}
		m := made{folder: p.state("rollback", r.Assembly), bundle: r.Bundle, beside: r.Beside, restores: r.Number}
		a.sayFor(part)(fmt.Sprintf("going back to release %d of %s: assembly %.12s, commit %.12s", r.Number, r.At.Format("2006-01-02 15:04"), r.Assembly, r.Commit))
		return m, d.Fetch(ctx, r, m.folder)
	}
}
