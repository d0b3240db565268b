package rollout

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
	"lockstep/internal/repo"
	"lockstep/internal/utc"
)

// A Deployed source returns the cloud assembly of the newest release, which it downloads from the account.
type Deployed struct{}

func (Deployed) load(
	ctx context.Context, o *accountOpener, account config.EnvironmentAccount,
) (localAssembly, error) {
	d, err := o.open(ctx, account)
	if err != nil {
		return localAssembly{}, err
	}
	r, err := d.LatestRelease(ctx)
	if err != nil {
		return localAssembly{}, err
	}
	if r == nil {
		return localAssembly{}, fault.Errorf(fault.NothingDeployed,
			"%s: `lockstep deploy --env %s` does that", deploy.NothingDeployed, account.Name)
	}
	_ = repo.MakeState(o.session.Root) // what is written next says what is wrong with the folder
	a := releasedAssembly(o.session, *r)
	a.restores = 0
	return a, d.FetchAssembly(ctx, *r, a.folder)
}

// releasedAssembly returns a release's assembly, in a folder to which it is still to be downloaded.
func releasedAssembly(s *Session, r ledger.Release) localAssembly {
	return localAssembly{
		folder:            s.statePath("rollback", string(r.SynthDigest)),
		environmentDigest: r.EnvironmentDigest,
		siblingDigests:    r.SiblingDigests,
		synthDigest:       r.SynthDigest,
		restores:          r.Number,
	}
}

// A Released source returns the cloud assembly of an earlier release, which it downloads from the account. All accounts
// of an environment go back to what was deployed together. The first account's records say what that is.
type Released struct {
	// number is the number of the release in the first account; 0 for the one that a rollback goes back to by default.
	number int
	// plan is the plan that is applied, whose release it is; nil for none.
	plan *planfile.File

	once    sync.Once
	targets map[string]ledger.Release // by accountKey; an account without one has no release at all
	err     error
}

// NewReleased returns the source of the release with a number in the environment's first account. The number 0 stands
// for the release of the plan or, without a plan, for the one that a rollback goes back to by default.
func NewReleased(number int, plan *planfile.File) *Released {
	return &Released{number: number, plan: plan}
}

// errNothingToRestore says that an account has no release.
var errNothingToRestore = fault.New(fault.NothingDeployed, deploy.NothingDeployed+", so there is nothing to go back to")

func accountKey(a config.EnvironmentAccount) string { return a.ID + "/" + a.Region }

func (f *Released) load(
	ctx context.Context, o *accountOpener, account config.EnvironmentAccount,
) (localAssembly, error) {
	// The releases are chosen before any account is changed: what the first one has deployed changes with that.
	f.once.Do(func() { f.targets, f.err = f.choose(ctx, o, account.Name) })
	if f.err != nil {
		return localAssembly{}, f.err
	}
	r, ok := f.targets[accountKey(account)]
	if !ok {
		return localAssembly{}, errNothingToRestore
	}
	d, err := o.open(ctx, account)
	if err != nil {
		return localAssembly{}, err
	}
	o.session.progressFor(account)("going back to " + describeRelease(r))
	a := releasedAssembly(o.session, r)
	return a, d.FetchAssembly(ctx, r, a.folder)
}

// describeRelease returns what tells a release from others: its number, time, assembly, and commit if it has one.
func describeRelease(r ledger.Release) string {
	text := fmt.Sprintf("release %d of %s: assembly %.12s", r.Number, utc.Format(r.At), r.SynthDigest)
	if r.Commit != "" {
		text += fmt.Sprintf(", commit %.12s", r.Commit)
	}
	return text
}

// choose returns the release that each account of an environment goes back to. The error is a *refusal.Error if one of
// them cannot.
func (f *Released) choose(
	ctx context.Context, o *accountOpener, environment string,
) (map[string]ledger.Release, error) {
	environments, err := o.session.Config.Select(environment)
	if err != nil {
		return nil, err
	}
	accounts := environments[0].Accounts()
	first, err := o.open(ctx, accounts[0])
	if err != nil {
		return nil, err
	}
	target, err := f.chooseFirst(ctx, first, environment)
	if err != nil {
		return nil, err
	}
	releases := make([]accountReleases, len(accounts))
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(DefaultMaxConcurrent)
	for i, account := range accounts {
		group.Go(func() error {
			d, err := o.open(groupCtx, account)
			if err == nil {
				releases[i].target, releases[i].latest, err = d.ReleaseOf(groupCtx, target.EnvironmentDigest)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	releases[0].target = &target
	if f.number == 0 && f.plan == nil {
		if err := checkFinished(accounts, releases); err != nil {
			return nil, err
		}
	}
	return targetsOf(accounts, releases, target)
}

// chooseFirst returns the release that the environment's first account goes back to.
func (f *Released) chooseFirst(
	ctx context.Context, d *deploy.Deployment, environment string,
) (ledger.Release, error) {
	if f.number != 0 || f.plan == nil {
		return d.EarlierRelease(ctx, f.number)
	}
	r, _, err := d.ReleaseOf(ctx, f.plan.EnvironmentDigest)
	if err != nil {
		return ledger.Release{}, err
	}
	if r == nil {
		return ledger.Release{}, refusal.Newf(fault.NoRelease, nil,
			"%s has no release of the plan's cloud assembly %.12s: apply the plan "+
				"with the command that fits it, deploy or rollback", environment, f.plan.EnvironmentDigest)
	}
	return *r, nil
}

// accountReleases are the release that an account goes back to and its newest release; nil for none.
type accountReleases struct{ target, latest *ledger.Release }

// checkFinished refuses to go further back while some accounts have not gone back to what the first one has: a rollback
// did not come to its end there.
func checkFinished(accounts []config.EnvironmentAccount, releases []accountReleases) error {
	first := releases[0].latest
	if first == nil || first.Restores == 0 {
		return nil
	}
	for i, r := range releases {
		if r.latest != nil && r.latest.EnvironmentDigest != first.EnvironmentDigest {
			return refusal.Newf(fault.ReleasesDiffer, nil,
				"account %s in %s went back to release %d, and account %s in %s did not: "+
					"`lockstep rollback --env %s --to %d` takes all accounts there, and a lower number takes them further back",
				accounts[0].ID, accounts[0].Region, first.Restores, accounts[i].ID, accounts[i].Region,
				accounts[0].Name, first.Restores)
		}
	}
	return nil
}

// targetsOf returns the release that each account goes back to, by accountKey. It refuses an account that was deployed
// to, but never with the release that is the first account's target.
func targetsOf(
	accounts []config.EnvironmentAccount, releases []accountReleases, target ledger.Release,
) (map[string]ledger.Release, error) {
	targets := map[string]ledger.Release{}
	for i, r := range releases {
		switch {
		case r.target != nil:
			targets[accountKey(accounts[i])] = *r.target
		case r.latest != nil:
			return nil, refusal.Newf(fault.ReleasesDiffer, nil,
				"account %s in %s was never deployed to together with %s, which account %s has, so it cannot go back to it; "+
					"nothing was changed. Name a release that all accounts have with --to, or deploy the source of this one again",
				accounts[i].ID, accounts[i].Region, describeRelease(target), accounts[0].ID)
		}
	}
	return targets, nil
}
