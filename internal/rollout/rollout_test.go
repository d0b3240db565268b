package rollout

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/refusal"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/simulated"
	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/pipeline"
	"lockstep/internal/rehearsal"
	"lockstep/internal/report"
)

const (
	testTooling = "123456789012"
	testRegion  = "eu-west-1"
)

// testConfig is a platform with an environment of three accounts in two waves, and one that comes after it.
func testConfig() *config.Config {
	account := func(id string) config.Account { return config.Account{ID: id, Region: testRegion} }
	return &config.Config{
		Pipeline: config.Pipeline{
			Project: "shop", Tooling: account(testTooling), Bootstrap: config.Bootstrap{Qualifier: "hnb659fds"},
		},
		Environments: []config.Environment{
			{Name: "dev", Account: account("111111111111"), AdditionalWaves: []config.Wave{
				{Accounts: []config.Account{account("222222222222"), account("333333333333")}},
			}},
			{Name: "prod", Account: account("444444444444"), After: "dev"},
		},
	}
}

// simulatedAccess gives access to accounts of simulated AWS.
type simulatedAccess struct{ address string }

func (a simulatedAccess) callerConfig(region string) (aws.Config, error) {
	return simulated.Config(a.address, testTooling, region), nil
}

func (simulatedAccess) adaptAssembly(files fs.FS, _ stackParameters) (fs.FS, *rehearsal.Coverage, error) {
	none := func() (map[string]bool, error) { return nil, nil }
	_, coverage, err := rehearsal.Adapter{KnownTypes: none}.Adapt(files, nil)
	return files, &coverage, err
}

func (simulatedAccess) signing(context.Context, *Session) (deploy.Signing, error) {
	return deploy.Signing{}, nil
}

func (simulatedAccess) provideParameters(
	context.Context, *assembly.Assembly,
) ([]rehearsal.OutsideParameter, error) {
	return nil, nil
}

func (simulatedAccess) mayHoldReleases(context.Context, config.EnvironmentAccount) bool { return true }

// newOpener returns an opener for accounts of simulated AWS, which hold nothing yet.
func newOpener(t *testing.T, live bool) *accountOpener {
	t.Helper()
	server := httptest.NewServer(simulated.New())
	t.Cleanup(server.Close)
	return &accountOpener{
		session: &Session{
			Root: t.TempDir(), Config: testConfig(), Environ: []string{"LOCKSTEP_COMMIT=abc"}, RunID: "run", Live: live,
			Progress: func(string) {},
			Now:      func() time.Time { return time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC) },
		},
		access: simulatedAccess{server.URL}, command: "deploy", limiter: awsclient.NewLimiter(),
	}
}

// writeAssembly writes a cloud assembly with one stack, which has a resource of the type.
func writeAssembly(t *testing.T, dir, account, resourceType string) {
	t.Helper()
	role := func(kind string) string {
		return "arn:aws:iam::" + account + ":role/cdk-hnb659fds-" + kind + "-role-" + account + "-" + testRegion
	}
	manifest, err := json.Marshal(map[string]any{"version": "36.0.0", "artifacts": map[string]any{"web": map[string]any{
		"type": "aws:cloudformation:stack", "environment": "aws://" + account + "/" + testRegion,
		"properties": map[string]any{
			"templateFile": "web.json", "assumeRoleArn": role("deploy"), "cloudFormationExecutionRoleArn": role("cfn-exec"),
		},
	}}})
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), manifest, 0o600))
	id := strings.ReplaceAll(resourceType, "::", "") // the type of a resource cannot change
	template := `{"Resources":{"` + id + `":{"Type":"` + resourceType + `"}}}`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "web.json"), []byte(template), 0o600))
}

// writeDevAssemblies writes an assembly for each account of dev, with a resource of the type that is named for it.
func writeDevAssemblies(t *testing.T, types map[string]string) Source {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), []byte(`{"version":"36.0.0"}`), 0o600))
	for _, account := range []string{"111111111111", "222222222222", "333333333333"} {
		resourceType := types[account]
		if resourceType == "" {
			resourceType = "AWS::SNS::Topic"
		}
		writeAssembly(t, filepath.Join(dir, account+"-"+testRegion), account, resourceType)
	}
	return Synthesised{Dir: dir}
}

// outcomesOf returns the outcome of each account.
func outcomesOf(accounts []*account) map[string]change.Outcome {
	out := map[string]change.Outcome{}
	for _, a := range accounts {
		out[a.ID] = a.record.Outcome
	}
	return out
}

func TestRunEnvironment_DeploysEveryAccount(t *testing.T) {
	o := newOpener(t, false)
	source := writeDevAssemblies(t, nil)
	accounts, err := o.runEnvironment(t.Context(), o.session.Config.Environments[0], Request{
		Command: "deploy", Source: source, Operation: Deploy{}, MaxFailures: -1,
	})
	require.NoError(t, err)
	require.Len(t, accounts, 3)
	for _, a := range accounts {
		assert.Equal(t, change.Created, a.record.Outcome)
		assert.Equal(t, report.Rehearsal, a.record.Mode)
		assert.Equal(t, 1, a.record.Release)
		assert.Equal(t, 1, a.record.Coverage.Resources)
	}
}

// The Dagger module computes the digest of an assembly's files, and this program that of what it deploys.
func TestRunEnvironment_ExpectsOneAssembly(t *testing.T) {
	printed := faulttest.Printed(t)
	source := writeDevAssemblies(t, nil)
	files := os.DirFS(source.(Synthesised).Dir)
	ofFiles, err := digest.OfFiles(files)
	require.NoError(t, err)
	ofMeaning, err := assembly.EnvironmentDigest(files)
	require.NoError(t, err)
	require.NotEqual(t, ofFiles, string(ofMeaning))
	for name, test := range map[string]struct {
		expected digest.Environment
		refused  bool
	}{
		"none":                    {"", false},
		"that of its files":       {digest.Environment(ofFiles), false},
		"that of what it deploys": {ofMeaning, false},
		"another one":             {digest.Environment(strings.Repeat("0", 64)), true},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOpener(t, false)
			_, err := o.runEnvironment(t.Context(), o.session.Config.Environments[0], Request{
				Command: "deploy", Source: source, Operation: Deploy{}, MaxFailures: -1, ExpectedDigest: test.expected,
			})
			if !test.refused {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, fault.NotExpected, fault.CodeOf(err))
			printed.Error(err)
			assert.ErrorContains(t, err, "and 000000000000 is expected: nothing was done with it")
		})
	}
}

func TestRunEnvironment_FailureStopsLaterWaves(t *testing.T) {
	for name, test := range map[string]struct {
		failing string
		want    map[string]change.Outcome
		message string
	}{
		"in the first wave": {
			"111111111111",
			map[string]change.Outcome{
				"111111111111": change.Failed, "222222222222": change.Untouched, "333333333333": change.Untouched,
			},
			"account 111111111111 in eu-west-1: ",
		},
		"in the second wave": {
			"222222222222",
			map[string]change.Outcome{
				"111111111111": change.Created, "222222222222": change.Failed, "333333333333": change.Created,
			},
			"account 222222222222 in eu-west-1: ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOpener(t, false)
			source := writeDevAssemblies(t, map[string]string{test.failing: simulated.FailingType})
			accounts, err := o.runEnvironment(t.Context(), o.session.Config.Environments[0], Request{
				Command: "deploy", Source: source, Operation: Deploy{}, MaxFailures: -1,
			})
			require.ErrorContains(t, err, test.message)
			assert.NotContains(t, err.Error(), "not started", "the failure is reported, not what it stopped")
			assert.Equal(t, test.want, outcomesOf(accounts))
		})
	}
}

func TestPlan_FileIsWrittenAfterEveryAccountKnowsIt(t *testing.T) {
	o := newOpener(t, false)
	file := filepath.Join(t.TempDir(), "plan.json")
	source := writeDevAssemblies(t, nil)
	dev := o.session.Config.Environments[0]
	accounts, err := o.runEnvironment(t.Context(), dev, Request{
		Command: "plan", Source: source, Operation: Plan{File: file, TTL: time.Hour}, MaxFailures: -1,
	})
	require.NoError(t, err)
	plan, err := planfile.Read(file)
	require.NoError(t, err)
	assert.Len(t, plan.Targets, 3)
	assert.Equal(t, plan.Digest, accounts[0].record.PlanDigest)
	assert.FileExists(t, filepath.Join(filepath.Dir(file), "plan.md"))

	accounts, err = o.runEnvironment(t.Context(), dev, Request{
		Command: "deploy", Source: source, Operation: Deploy{Plan: &plan}, MaxFailures: -1,
	})
	require.NoError(t, err)
	assert.Equal(t, change.Created, accounts[2].record.Outcome)
}

func TestPlan_FailureLeavesNoFile(t *testing.T) {
	o := newOpener(t, false)
	file := filepath.Join(t.TempDir(), "plan.json")
	_, err := o.runEnvironment(t.Context(), o.session.Config.Environments[0], Request{
		Command: "plan", Source: Synthesised{Dir: t.TempDir()}, Operation: Plan{File: file, TTL: time.Hour}, MaxFailures: -1,
	})
	require.Error(t, err)
	assert.NoFileExists(t, file)
}

func TestDeploy_LiveNeedsPromotionFromTheEnvironmentBefore(t *testing.T) {
	o := newOpener(t, true)
	dir := t.TempDir()
	writeAssembly(t, filepath.Join(dir, "prod"), "444444444444", "AWS::SNS::Topic")
	prod := o.session.Config.Environments[1]
	request := Request{Command: "deploy", Source: Synthesised{Dir: dir}, Operation: Deploy{}, MaxFailures: -1}
	_, err := o.runEnvironment(t.Context(), prod, request)
	var refusal *refusal.Error
	require.ErrorAs(t, err, &refusal)
	assert.ErrorContains(t, err, "a release reaches prod by way of dev, where nothing was deployed yet")

	o.session.Live = false
	_, err = o.runEnvironment(t.Context(), prod, request)
	require.NoError(t, err, "a rehearsal of prod needs no release in dev")
}

func TestSynthesised_DigestsOfLaterEnvironments(t *testing.T) {
	o := newOpener(t, true)
	dir := t.TempDir()
	writeAssembly(t, filepath.Join(dir, "dev"), "111111111111", "AWS::SNS::Topic")
	writeAssembly(t, filepath.Join(dir, "prod"), "444444444444", "AWS::SNS::Topic")
	prod, err := assembly.EnvironmentDigest(os.DirFS(filepath.Join(dir, "prod")))
	require.NoError(t, err)
	siblings := map[string]digest.Environment{"prod": prod}
	for _, test := range []struct {
		name, dir, environment string
		want                   map[string]digest.Environment
	}{
		{"the first environment", dir, "dev", siblings},
		{"the folder of the first environment", filepath.Join(dir, "dev"), "dev", siblings},
		{"the last environment", dir, "prod", map[string]digest.Environment{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			env, ok := o.session.Config.Environment(test.environment)
			require.True(t, ok)
			a, err := Synthesised{Dir: test.dir}.load(t.Context(), o, config.EnvironmentAccount{Environment: env})
			require.NoError(t, err)
			assert.Equal(t, filepath.Join(dir, test.environment), a.folder)
			assert.Equal(t, test.want, a.siblingDigests)
		})
	}
}

func TestCheckPlan_RefusesAnotherEnvironment(t *testing.T) {
	printed := faulttest.Printed(t)
	plan := planfile.File{Environment: "dev"}
	require.NoError(t, CheckPlan(plan, config.Environment{Name: "dev"}))
	var refusal *refusal.Error
	require.ErrorAs(t, CheckPlan(plan, config.Environment{Name: "prod"}), &refusal)
	printed.Error(refusal)
	assert.Equal(t, "the plan is of dev, not of prod", refusal.Reason)
}

func TestForEachPlanAccount_RefusesAnotherModeOrEnvironment(t *testing.T) {
	s := newOpener(t, false).session
	fail := func(*deploy.Deployment) error { return errors.New("called") }
	for want, plan := range map[string]planfile.File{
		"the plan is of a live deployment, and this is a rehearsal": {Mode: deploy.Live, Environment: "dev"},
		"the plan is of gone, which is not configured":              {Mode: deploy.Rehearsal, Environment: "gone"},
	} {
		var refusal *refusal.Error
		require.ErrorAs(t, s.ForEachPlanAccount(t.Context(), plan, fail), &refusal)
		assert.Contains(t, refusal.Reason, want)
	}
}

func TestRecords_RoundTrip(t *testing.T) {
	printed := faulttest.Printed(t)
	root := t.TempDir()
	environments := testConfig().Environments
	first := report.AccountRecord{Record: deploy.Record{Target: awsclient.Target{Environment: "dev", Account: "1"}}}
	second := report.AccountRecord{Record: deploy.Record{Target: awsclient.Target{Environment: "dev", Account: "2"}}}
	file := filepath.Join(root, filepath.FromSlash(pipeline.RecordFile(pipeline.Deploy, "dev")))
	require.NoError(t, WriteRecord("", file, []report.AccountRecord{first, second}))

	records, err := ReadRecords(root, pipeline.Deploy, environments)
	require.NoError(t, err)
	require.Len(t, records, 1, "prod has no record")
	assert.Equal(t, "1", records[0].Account)
	assert.Equal(t, "2", records[0].OtherAccounts[0].Account)

	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	_, err = ReadRecords(root, pipeline.Deploy, environments)
	require.ErrorContains(t, printed.Error(err), "is damaged")

	require.NoError(t, RemoveRecords(root, pipeline.Deploy, environments))
	records, err = ReadRecords(root, pipeline.Deploy, environments)
	require.NoError(t, err)
	assert.Empty(t, records)
}

func TestNotRehearsed_NamesApprovals(t *testing.T) {
	missing := NotRehearsed([]config.Environment{{Name: "dev"}, {Name: "prod", Approval: config.AnyApproval}})
	assert.Equal(t, []string{
		"the approval before prod, which a person gives in the pipeline",
		"service quotas, prices, the time that AWS takes, and what an account has already",
	}, missing)
}

func TestStatuses_NeverStartedEmulatorIsNotStarted(t *testing.T) {
	s := newOpener(t, false).session
	statuses, err := s.Statuses(context.Background(), s.Config.Environments, 0)
	require.NoError(t, err)
	require.Len(t, statuses, 4, "one for each account, not for each environment")
	for _, status := range statuses {
		assert.Equal(t, deploy.NothingDeployed, status.Problem)
	}
	assert.NoDirExists(t, s.statePath("rehearsal"))
}

// Of accounts in another container, this machine's files say nothing.
func TestStatuses_EmulatorElsewhereIsAsked(t *testing.T) {
	s := newOpener(t, false).session
	s.Environ = []string{rehearsal.EndpointVariable + "=https://emulator:4566"}
	_, err := s.Statuses(t.Context(), s.Config.Environments, 0)
	assert.ErrorContains(t, err, rehearsal.AuthorityVariable)
}
