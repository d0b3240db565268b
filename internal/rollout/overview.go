package rollout

import (
	"context"
	"slices"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/repo"
	"lockstep/internal/report"
)

// Overviews returns what each account of the environments has recorded, in their order. An account that cannot be read
// is reported as a problem of its own. It does not start emulated accounts that were never started before.
func (s *Session) Overviews(ctx context.Context, environments []config.Environment) ([]deploy.Overview, error) {
	readings, err := readAccounts(ctx, s, environments, "board", readOverview)
	var overviews []deploy.Overview
	for _, r := range readings {
		overviews = append(overviews, overviewOf(s, r))
	}
	return overviews, err
}

func readOverview(ctx context.Context, d *deploy.Deployment) (deploy.Overview, error) {
	o := d.Overview(ctx)
	return o, o.Err()
}

// overviewOf returns the overview of an account, of which the reading has read what it could.
func overviewOf(s *Session, r reading[deploy.Overview]) deploy.Overview {
	o := r.value
	if o.Status = statusOf(s, r, r.value.Status); r.isEmpty {
		o = deploy.Overview{Status: o.Status, History: &deploy.ReleaseHistory{Target: o.Target}}
	}
	return o
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
