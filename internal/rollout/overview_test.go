package rollout

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/fault"
)

// overviewsOf reads every account of the environments.
func overviewsOf(t *testing.T, o *accountOpener) (all []deploy.Overview) {
	t.Helper()
	for _, r := range readWith(t.Context(), o, o.session.Config.Environments, readOverview) {
		all = append(all, overviewOf(o.session, r))
	}
	return all
}

func TestOverviews_AccountThatCannotBeReadKeepsTheOthers(t *testing.T) {
	o := newOpener(t, false)
	mustDeployDev(t, o, "AWS::SNS::Topic")
	all := overviewsOf(t, o)
	require.Len(t, all, 4)
	assert.Equal(t, 1, all[0].Releases[0].Number)
	assert.Equal(t, deploy.NothingDeployed, all[3].Problem)

	unreadable := *o
	unreadable.access = refusingAccess{}
	all = overviewsOf(t, &unreadable)
	for _, overview := range all {
		assert.True(t, overview.Unreadable)
		assert.Equal(t, fault.NoCredentials, overview.Code)
	}
	assert.Equal(t, "prod", all[3].Environment)
}

// refusingAccess gives access to no account.
type refusingAccess struct{ accountAccess }

func (refusingAccess) callerConfig(string) (aws.Config, error) {
	return aws.Config{}, fault.New(fault.NoCredentials, "there are no credentials")
}

func (refusingAccess) mayHoldReleases(context.Context, config.EnvironmentAccount) bool { return true }

func TestPending_ComparesWhatWasSynthesisedTogether(t *testing.T) {
	release := func(environment string, own, sibling digest.Environment) deploy.Overview {
		o := deploy.Overview{}
		o.Environment = environment
		o.Releases = []deploy.ReleaseStatus{{Release: ledger.Release{
			Number: 7, EnvironmentDigest: own, SiblingDigests: map[string]digest.Environment{"prod": sibling}, Commit: "abc+",
		}}}
		return o
	}
	nothing := deploy.Overview{Status: deploy.Status{Problem: deploy.NothingDeployed}}
	nothing.Environment = "prod"
	unreadable := deploy.Overview{Status: deploy.Status{Unreadable: true}}
	unreadable.Environment = "prod"
	for name, test := range map[string]struct {
		before, here deploy.Overview
		waits        bool
		has          digest.Environment
	}{
		"the same":                   {release("dev", "d1", "p1"), release("prod", "p1", ""), false, ""},
		"another one":                {release("dev", "d2", "p2"), release("prod", "p1", ""), true, "p1"},
		"nothing here yet":           {release("dev", "d2", "p2"), nothing, true, ""},
		"nothing before":             {nothing, release("prod", "p1", ""), false, ""},
		"synthesised alone":          {release("dev", "d2", ""), release("prod", "p1", ""), false, ""},
		"an account cannot be read":  {release("dev", "d2", "p2"), unreadable, false, ""},
		"neither of the two is read": {unreadable, unreadable, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			pending := newOpener(t, false).session.pending(t.Context(), test.before, test.here)
			require.Equal(t, test.waits, pending != nil)
			if pending == nil {
				return
			}
			assert.Equal(t, "dev", pending.From)
			assert.Equal(t, 7, pending.Release)
			assert.Equal(t, test.has, pending.Has)
			assert.Empty(t, pending.Commits, "the commit with a plus sign is none of the repository")
		})
	}
}

func TestWithPredecessors_AddsThoseThatAreNotSelected(t *testing.T) {
	s := newOpener(t, false).session
	names := func(environments []config.Environment) (out []string) {
		for _, env := range environments {
			out = append(out, env.Name)
		}
		return out
	}
	assert.Equal(t, []string{"prod", "dev"}, names(s.withPredecessors(s.Config.Environments[1:])))
	assert.Equal(t, []string{"dev", "prod"}, names(s.withPredecessors(s.Config.Environments)))
}

func TestStatuses_AccountThatCannotBeOpenedHasTheReason(t *testing.T) {
	o := newOpener(t, false)
	o.access = refusingAccess{}
	readings := readWith(t.Context(), o, o.session.Config.Environments,
		func(ctx context.Context, d *deploy.Deployment) (deploy.Status, error) { return d.Status(ctx, 0), nil })
	require.Len(t, readings, 4)
	for _, r := range readings {
		status := statusOf(o.session, r, r.value)
		assert.Equal(t, r.account.Name, status.Environment)
		assert.Equal(t, "there are no credentials", status.Problem)
		assert.ErrorContains(t, status.Err(), r.account.Name+": there are no credentials")
		assert.Equal(t, fault.NoCredentials, fault.CodeOf(status.Err()))
	}
}
