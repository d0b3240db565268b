package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/pipeline"
)

// rollbackApply is the deployment of a release that was deployed before, so it has passed the gates and the environment before.
var rollbackApply = rolloutCommand{stage: "rollback", addFlags: (*request).addRollbackFlags, runInAccount: deployAccount}

// rollbackPlan only shows what that would do.
var rollbackPlan = rolloutCommand{stage: pipeline.Plan, runInAccount: planAccount, finish: writePlanFile}

func (q *request) addRollbackFlags(flags *pflag.FlagSet) {
	flags.IntVar(&q.toRelease, "to", 0, "the number of the release to go back to; the one before this one unless told")
	flags.StringVar(&q.out, "out", "", "only plan it: keep the change sets and write the plan to this file, to be applied by rollback --plan")
	flags.DurationVar(&q.goodFor, "good-for", deploy.PlanTTL, "how long the plan may be applied")
	q.addDeployFlags(flags)
}

func (a *app) rollbackCommand() *cobra.Command {
	q := newRequest()
	cmd := &cobra.Command{
		Use: "rollback", Short: "Go back to the release before, through the same plan and apply", Args: noArgs,
		Long: `Fetch the cloud assembly of the release before the one that is deployed, from the account itself, see that it is the one that was recorded, and deploy it:
planned, shown, held to what has to be allowed, applied under the lock, verified and recorded as a release of its own. ` + "`status` shows the releases." + `

An environment that asks for approvals takes only an approved plan here too: --out writes one, ` + "`approve`" + ` approves it, --plan applies it.`,
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
			if len(envs) > 1 {
				return usagef("one environment goes back at a time: name it with --env")
			}
			if q.out != "" && q.planFile != "" {
				return usagef("--out makes a plan and --plan applies one: write one of them")
			}
			r := rollbackApply
			if q.out != "" {
				r = rollbackPlan
			}
			return a.rollOut(cmd.Context(), r, p, envs, q, a.releasedAssemblies(p, q))
		},
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	q.addRollbackFlags(cmd.Flags())
	return cmd
}

// releasedAssemblies is the source for assemblies of earlier releases, which are kept in the accounts.
func (a *app) releasedAssemblies(p *project, q *request) assemblyLoader {
	return func(ctx context.Context, way *accountAccess, part config.EnvironmentAccount) (localAssembly, error) {
		d, err := a.openAccount(ctx, way, p, part, "rollback", nil)
		if err != nil {
			return localAssembly{}, err
		}
		r, err := d.EarlierRelease(ctx, q.toRelease)
		if err != nil {
			return localAssembly{}, err
		}
		m := localAssembly{folder: p.statePath("rollback", string(r.SynthDigest)), environmentDigest: r.EnvironmentDigest, siblingDigests: r.SiblingDigests, restores: r.Number}
		a.progressFor(part)(fmt.Sprintf("going back to release %d of %s: assembly %.12s, commit %.12s", r.Number, r.At.Format("2006-01-02 15:04"), r.SynthDigest, r.Commit))
		return m, d.FetchAssembly(ctx, r, m.folder)
	}
}
