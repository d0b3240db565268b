package rollout

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/deploy/simulated"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/refusal"
)

// runDev runs an operation in the accounts of dev as a run of its own.
func runDev(t *testing.T, o *accountOpener, source Source, operation Operation) ([]*account, error) {
	t.Helper()
	o.session.RunID += "x"
	return o.runEnvironment(t.Context(), o.session.Config.Environments[0], Request{
		Command: "deploy", Source: source, Operation: operation, MaxFailures: -1,
	})
}

// mustDeployDev deploys an assembly to every account of dev, with a resource of the type in each.
func mustDeployDev(t *testing.T, o *accountOpener, resourceType string) Source {
	t.Helper()
	source := writeDevAssemblies(t, map[string]string{
		"111111111111": resourceType, "222222222222": resourceType, "333333333333": resourceType,
	})
	_, err := runDev(t, o, source, Deploy{})
	require.NoError(t, err)
	return source
}

// restored returns the number of the release that each account of dev has restored last, 0 if it has restored none.
func restored(t *testing.T, o *accountOpener) []int {
	t.Helper()
	var numbers []int
	for _, account := range o.session.Config.Environments[0].Accounts() {
		d, err := o.open(t.Context(), account)
		require.NoError(t, err)
		r, err := d.LatestRelease(t.Context())
		require.NoError(t, err)
		numbers = append(numbers, r.Restores)
	}
	return numbers
}

func TestReleased_AllAccountsGoBackToWhatWasDeployedTogether(t *testing.T) {
	printed := faulttest.Printed(t)
	const cluster, topic, handle = "AWS::ECS::Cluster", "AWS::SNS::Topic", "AWS::CloudFormation::WaitConditionHandle"
	failLast := map[string]string{
		"111111111111": handle, "222222222222": handle, "333333333333": simulated.FailingType,
	}
	t.Run("the same history everywhere", func(t *testing.T) {
		o := newOpener(t, false)
		mustDeployDev(t, o, cluster)
		mustDeployDev(t, o, topic)
		mustDeployDev(t, o, handle)
		_, err := runDev(t, o, NewReleased(0, nil), Deploy{})
		require.NoError(t, err)
		assert.Equal(t, []int{2, 2, 2}, restored(t, o))
		_, err = runDev(t, o, NewReleased(0, nil), Deploy{})
		require.NoError(t, err)
		assert.Equal(t, []int{1, 1, 1}, restored(t, o))
	})
	t.Run("an account that a failed deployment did not reach stays where it is", func(t *testing.T) {
		o := newOpener(t, false)
		mustDeployDev(t, o, cluster)
		mustDeployDev(t, o, topic)
		_, err := runDev(t, o, writeDevAssemblies(t, failLast), Deploy{})
		printed.Error(err)
		require.Error(t, printed.Error(err))
		accounts, err := runDev(t, o, NewReleased(0, nil), Deploy{})
		require.NoError(t, err)
		assert.Equal(t, []int{2, 2, 0}, restored(t, o))
		assert.Equal(t, change.Unchanged, accounts[2].record.Outcome)
	})
	t.Run("an account of other release numbers", func(t *testing.T) {
		o := newOpener(t, false)
		mustDeployDev(t, o, cluster)
		_, err := runDev(t, o, writeDevAssemblies(t, failLast), Deploy{})
		printed.Error(err)
		require.Error(t, printed.Error(err))
		mustDeployDev(t, o, topic) // release 3, and release 2 in the last account
		mustDeployDev(t, o, handle)
		_, err = runDev(t, o, NewReleased(3, nil), Deploy{})
		require.NoError(t, err)
		assert.Equal(t, []int{3, 3, 2}, restored(t, o))
	})
	t.Run("an account that was never deployed to", func(t *testing.T) {
		o := newOpener(t, false)
		last := o.session.Config.Environments[0].AdditionalWaves[0].Accounts[1]
		wave := &o.session.Config.Environments[0].AdditionalWaves[0]
		wave.Accounts = wave.Accounts[:1]
		mustDeployDev(t, o, cluster)
		mustDeployDev(t, o, topic)
		wave.Accounts = append(wave.Accounts, last)
		file := filepath.Join(t.TempDir(), "plan.json")
		_, err := runDev(t, o, NewReleased(0, nil), Plan{File: file, TTL: time.Hour})
		require.NoError(t, err)
		plan, err := planfile.Read(file)
		require.NoError(t, err)
		assert.Len(t, plan.Targets, 2)
		accounts, err := runDev(t, o, NewReleased(0, &plan), Deploy{Plan: &plan})
		require.NoError(t, err)
		assert.Equal(t, change.Untouched, accounts[2].record.Outcome)
	})
	t.Run("an account that joined later", func(t *testing.T) {
		o := newOpener(t, false)
		wave := &o.session.Config.Environments[0].AdditionalWaves[0]
		all := wave.Accounts
		wave.Accounts = all[:1]
		mustDeployDev(t, o, cluster)
		wave.Accounts = all
		mustDeployDev(t, o, topic)
		_, err := runDev(t, o, NewReleased(0, nil), Deploy{})
		var refusal *refusal.Error
		printed.Error(err)
		require.ErrorAs(t, printed.Error(err), &refusal)
		printed.Error(err)
		assert.ErrorContains(t, err, "account 333333333333 in eu-west-1 was never deployed to together with release 1")
		assert.Equal(t, []int{0, 0, 0}, restored(t, o), "nothing was changed")
	})
	t.Run("a rollback that came to its end in some accounts only", func(t *testing.T) {
		o := newOpener(t, false)
		mustDeployDev(t, o, cluster)
		mustDeployDev(t, o, topic)
		mustDeployDev(t, o, handle)
		wave := &o.session.Config.Environments[0].AdditionalWaves[0]
		all := wave.Accounts
		wave.Accounts = all[:1]
		_, err := runDev(t, o, NewReleased(0, nil), Deploy{})
		require.NoError(t, err)
		wave.Accounts = all
		_, err = runDev(t, o, NewReleased(0, nil), Deploy{})
		printed.Error(err)
		require.ErrorContains(t, printed.Error(err), "`lockstep rollback --env dev --to 2` takes all accounts there")
		_, err = runDev(t, o, NewReleased(2, nil), Deploy{})
		require.NoError(t, err)
		assert.Equal(t, []int{2, 2, 2}, restored(t, o))
	})
}

func TestDeployOptions_RulesOfTheEnvironment(t *testing.T) {
	s := newOpener(t, true).session
	s.Endpoint = "https://localhost:4566"
	account := s.Config.Environments[1].Accounts()[0]
	account.CompletePlans = true
	o, err := s.deployOptions(t.Context(), account, "deploy")
	require.NoError(t, err)
	assert.True(t, o.RequiresCompletePlan)
	assert.Equal(t, s.Endpoint, o.Run.Endpoint)
}

// A plan of a rollback says by itself what it goes back to.
func TestReleased_PlanIsAppliedWithoutItsNumber(t *testing.T) {
	o := newOpener(t, false)
	types := []string{"AWS::ECS::Cluster", "AWS::SNS::Topic", "AWS::CloudFormation::WaitConditionHandle"}
	for _, resourceType := range types {
		mustDeployDev(t, o, resourceType)
	}
	file := filepath.Join(t.TempDir(), "back.json")
	_, err := runDev(t, o, NewReleased(1, nil), Plan{File: file, TTL: time.Hour})
	require.NoError(t, err)
	plan, err := planfile.Read(file)
	require.NoError(t, err)
	_, err = runDev(t, o, NewReleased(2, &plan), Deploy{Plan: &plan})
	require.ErrorContains(t, err, "another cloud assembly")
	_, err = runDev(t, o, NewReleased(0, &plan), Deploy{Plan: &plan})
	require.NoError(t, err)
	assert.Equal(t, []int{1, 1, 1}, restored(t, o))

	plan.EnvironmentDigest = "other"
	_, err = runDev(t, o, NewReleased(0, &plan), Deploy{Plan: &plan})
	require.ErrorContains(t, err, "dev has no release of the plan's cloud assembly other")
}

func TestVerify_ComparesWithTheNewestRelease(t *testing.T) {
	printed := faulttest.Printed(t)
	o := newOpener(t, false)
	_, err := runDev(t, o, Deployed{}, Verify{})
	printed.Error(err)
	require.ErrorContains(t, printed.Error(err), "nothing was deployed yet: `lockstep deploy --env dev` does that")
	mustDeployDev(t, o, "AWS::ECS::Cluster")
	source := mustDeployDev(t, o, "AWS::SNS::Topic")
	_, err = runDev(t, o, NewReleased(0, nil), Deploy{})
	require.NoError(t, err)
	accounts, err := runDev(t, o, Deployed{}, Verify{})
	require.NoError(t, err)
	for _, a := range accounts {
		assert.Equal(t, change.Unchanged, a.record.Outcome)
	}
	_, err = runDev(t, o, source, Verify{})
	printed.Error(err)
	require.ErrorContains(t, printed.Error(err), "what is deployed is not what the assembly holds")
	_, err = runDev(t, o, source, Deploy{})
	require.NoError(t, err)
	_, err = runDev(t, o, Deployed{}, Verify{})
	require.NoError(t, err)
}

func TestDescribeRelease_NamesCommitIfItHasOne(t *testing.T) {
	r := ledger.Release{
		Number: 2, SynthDigest: "0123456789abcdef", At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	}
	assert.Equal(t, "release 2 of 2026-01-02 03:04:05 UTC: assembly 0123456789ab", describeRelease(r))
	r.Commit = strings.Repeat("fedcba", 4)
	assert.Equal(t, "release 2 of 2026-01-02 03:04:05 UTC: assembly 0123456789ab, commit fedcbafedcba", describeRelease(r))
}
