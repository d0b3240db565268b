package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/planfile"

	"lockstep/internal/deploy"
	"lockstep/internal/report"
	"lockstep/internal/utc"
)

// An Operation is what a rollout does in every account: a Plan, a Deploy or a Verify.
type Operation interface {
	// access is what the operation needs to do in an account.
	access() deploy.Access
	// permits are what the caller allows by name.
	permits() []change.Permit
	run(ctx context.Context, a *account) (deploy.Record, error)
	// finish runs once after all accounts of an environment, with the error of the accounts, and returns the final one.
	finish(ctx context.Context, accounts []*account, err error) error
}

// A Plan shows what would change, and saves the plan if it has a file for it.
type Plan struct {
	// File is the path of the plan file; empty to save nothing.
	File string
	// TTL is how long the saved plan may be applied.
	TTL time.Duration
	// Allow are the permits that have to be known when the plan is made: change.ImportExisting.
	Allow []change.Permit
}

func (p Plan) permits() []change.Permit { return p.Allow }

func (Plan) access() deploy.Access { return deploy.PlanAccess }

func (p Plan) run(ctx context.Context, a *account) (deploy.Record, error) {
	var err error
	if p.File == "" {
		a.plan, err = a.deployment.Plan(ctx)
	} else {
		a.plan, a.targetPlan, err = a.deployment.SavePlan(ctx, p.TTL)
	}
	if err != nil {
		return a.plan.Record(), err
	}
	a.opener.session.showPlan(a.plan.Record(), a.progress)
	if p.File == "" {
		err = a.plan.Discard(ctx)
	}
	return a.plan.Record(), err
}

// finish registers the plan of all accounts in each of them and writes the plan file. If anything fails, it deletes the
// change sets of every account.
func (p Plan) finish(ctx context.Context, accounts []*account, err error) error {
	if p.File == "" {
		return err
	}
	var file planfile.File
	if err == nil {
		file, err = p.save(ctx, accounts)
	}
	if err != nil {
		for _, a := range accounts {
			if a.plan != nil {
				err = errors.Join(err, a.plan.Discard(ctx))
			}
		}
		return err
	}
	for _, a := range accounts {
		a.record.PlanDigest = file.Digest
	}
	accounts[0].progress(fmt.Sprintf("the plan %.12s is in %s, good until %s",
		file.Digest, p.File, utc.Format(file.Expires)))
	if file.Unseen != nil {
		accounts[0].progress(fmt.Sprintf("the plan does not show %s. %s", file.Unseen, file.Unseen.Rule()))
	}
	return nil
}

// save registers the plan in every account before it writes the file: a plan that an account does not know is refused
// there.
func (p Plan) save(ctx context.Context, accounts []*account) (planfile.File, error) {
	var targets []planfile.Target
	accounts = slices.DeleteFunc(slices.Clone(accounts), func(a *account) bool { return a.plan == nil })
	for _, a := range accounts {
		targets = append(targets, a.targetPlan)
	}
	file, err := accounts[0].deployment.NewPlanFile(targets, p.TTL)
	if err != nil {
		return file, err
	}
	for _, a := range accounts {
		if err := a.deployment.RegisterPlan(ctx, file); err != nil {
			return file, err
		}
	}
	return file, planfile.Write(accounts[0].opener.session.Root, p.File, file, report.PlanMarkdown(file))
}

// A Deploy plans and applies what changes, or applies a reviewed plan.
type Deploy struct {
	// Plan is the reviewed plan; nil to plan now.
	Plan *planfile.File
	// Allow are the permits that the caller gives. Those of the configuration are added.
	Allow []change.Permit
	// Note says why an earlier release is restored; empty for none.
	Note string
}

func (o Deploy) permits() []change.Permit { return o.Allow }

func (Deploy) access() deploy.Access { return deploy.DeployAccess }

// run deploys to the account. On AWS, a new release is refused unless the environment before has deployed it. An
// earlier release passed there when it was new.
func (o Deploy) run(ctx context.Context, a *account) (deploy.Record, error) {
	if a.opener.session.Live && a.assembly.restores == 0 {
		if err := a.checkPromotion(ctx); err != nil {
			return a.record.Record, err
		}
	}
	return a.deployment.Deploy(ctx, deploy.DeployRequest{
		Allow: a.allPermits(o), Plan: o.Plan, Restores: a.assembly.restores, Note: o.Note,
	})
}

// allPermits returns the permits of the caller and those of the environment's configuration.
func (a *account) allPermits(o Operation) []change.Permit {
	all := slices.Clone(o.permits())
	for _, name := range a.Allow {
		all = append(all, change.Permit(name))
	}
	return all
}

func (Deploy) finish(_ context.Context, _ []*account, err error) error { return err }

// A Verify checks that what is deployed is what the assembly holds. It writes nothing.
type Verify struct{}

func (Verify) permits() []change.Permit { return nil }

func (Verify) access() deploy.Access { return deploy.ReadAccess }

func (Verify) run(ctx context.Context, a *account) (deploy.Record, error) {
	return a.deployment.Verify(ctx)
}

func (Verify) finish(_ context.Context, _ []*account, err error) error { return err }
