package rollout

import (
	"context"
	"slices"

	"golang.org/x/sync/errgroup"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/fault"
	"lockstep/internal/repo"
	"lockstep/internal/report"
)

// maxOverviews is how many accounts are read at once.
const maxOverviews = 8

// Overviews returns what each account of the environments has recorded, in their order. An account that cannot be read
// is reported as a problem of its own. It does not start emulated accounts that were never started before.
func (s *Session) Overviews(ctx context.Context, environments []config.Environment) ([]deploy.Overview, error) {
	var accounts []config.EnvironmentAccount
	for _, env := range environments {
		accounts = append(accounts, env.Accounts()...)
	}
	overviews := make([]deploy.Overview, len(accounts))
	for i, account := range accounts {
		overviews[i].Status = deploy.Status{Target: s.target(account.Environment), Problem: deploy.NothingDeployed}
		overviews[i].History = &deploy.ReleaseHistory{Target: overviews[i].Target}
	}
	if s.wasNeverRehearsed() {
		return overviews, nil
	}
	access, release, err := s.openAccess(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = release() }() // the accounts have been read, whether the emulator stops or not
	opener := &accountOpener{session: s, access: access, command: "board"}
	var group errgroup.Group
	group.SetLimit(maxOverviews)
	for i, account := range accounts {
		group.Go(func() error {
			opener.overview(ctx, account, &overviews[i])
			return nil
		})
	}
	return overviews, group.Wait()
}

// overview reads an account. It leaves the overview of one that cannot hold a release as it is.
func (o *accountOpener) overview(ctx context.Context, account config.EnvironmentAccount, out *deploy.Overview) {
	d, err := o.open(ctx, account)
	var read deploy.Overview
	if err == nil {
		read = d.Overview(ctx)
	} else {
		read.Status = deploy.Status{
			Target: out.Target, Problem: err.Error(), Code: fault.CodeOf(err), Unreadable: true,
		}
	}
	if !read.Unreadable || o.access.mayHoldReleases(ctx, account) {
		*out = read
	}
}

// maxCommits is how many commits a board names.
const maxCommits = 10

// pending returns what the environment before another one has and this one has not; nil for nothing, and for what
// cannot be known. The overviews are those of the first account of each.
func (s *Session) pending(ctx context.Context, before, here deploy.Overview) *report.BoardPending {
	if len(before.Releases) == 0 || here.Unreadable {
		return nil
	}
	from := before.Releases[0]
	p := &report.BoardPending{
		From: before.Environment, Release: from.Number, Assembly: from.SiblingDigests[here.Environment],
	}
	if p.Assembly == "" {
		return nil // it was synthesised without this environment, and can never be promoted
	}
	if len(here.Releases) == 0 {
		return p
	}
	p.Has = here.Releases[0].EnvironmentDigest
	if p.Has == p.Assembly {
		return nil
	}
	commits, err := repo.New(s.Root, s.Environ).CommitsBetween(
		ctx, here.Releases[0].Commit, from.Commit, maxCommits+1)
	if err != nil {
		return p // the digests say that something waits, in any case
	}
	p.More = len(commits) > maxCommits
	for _, c := range commits[:min(len(commits), maxCommits)] {
		p.Commits = append(p.Commits, report.BoardCommit{ID: c.Commit, Subject: c.Subject})
	}
	return p
}

// BoardInputs returns what is known of each account of the environments for a board.
func (s *Session) BoardInputs(
	ctx context.Context, environments []config.Environment,
) ([]report.BoardInput, error) {
	overviews, err := s.Overviews(ctx, s.withPredecessors(environments))
	if err != nil {
		return nil, err
	}
	first := map[string]deploy.Overview{}
	for _, o := range slices.Backward(overviews) {
		first[o.Environment] = o
	}
	var inputs []report.BoardInput
	for _, o := range overviews {
		i := slices.IndexFunc(environments, func(env config.Environment) bool { return env.Name == o.Environment })
		if i < 0 {
			continue
		}
		in := report.BoardInput{Overview: o, NeedsApproval: environments[i].Approval.IsRequired()}
		if before, ok := first[environments[i].After]; ok {
			in.Pending = s.pending(ctx, before, o)
		}
		inputs = append(inputs, in)
	}
	return inputs, nil
}

// withPredecessors returns the environments, and those before them that are not among them.
func (s *Session) withPredecessors(environments []config.Environment) []config.Environment {
	all := slices.Clone(environments)
	for _, env := range environments {
		isIn := func(other config.Environment) bool { return other.Name == env.After }
		if before, ok := s.Config.Environment(env.After); ok && !slices.ContainsFunc(all, isIn) {
			all = append(all, before)
		}
	}
	return all
}
