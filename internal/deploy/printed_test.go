package deploy

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/staging"
	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

// What an account holds, or lacks, before a deployment that is refused for it.
func TestDeploy_RefusedForWhatTheAccountHolds(t *testing.T) {
	printed := faulttest.Printed(t)
	live := func(o *Options) { o.Run.Mode = Live }
	approval := func(o *Options) { o.RequiresApproval = true }
	newest := releaseKey + "1.json"
	for name, test := range map[string]struct {
		prepare func(*cloud)
		change  []func(*Options)
		want    fault.Code
	}{
		"no bootstrap":     {prepare: func(c *cloud) { c.BootstrapVersion = "" }, want: fault.NotBootstrapped},
		"no approved plan": {change: []func(*Options){live, approval}, want: fault.PlanRequired},
		"a record of a newer kind": {
			prepare: replaceInObject(newest, `"version": \d+`, `"version": 99`), want: fault.RecordNewer,
		},
		"a record that was edited": {prepare: replaceInObject(newest, "abc", "evil"), want: fault.RecordTampered},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			c.deployRelease(topics(1))
			if test.prepare != nil {
				test.prepare(c)
			}
			asm := withVersion(oneStack(t, topics(2)), 21)
			o := c.options(asm)
			o.LivenessDir = t.TempDir()
			for _, change := range test.change {
				change(&o)
			}
			d, err := Open(t.Context(), c.Config(testTooling, testRegion), testTarget, asm, o)
			if err == nil {
				_, err = d.Deploy(t.Context(), DeployRequest{})
			}
			printed.Error(err)
			assert.Equal(t, test.want, fault.CodeOf(err), "%v", err)
			assert.Equal(t, 1, c.stack("web").Executions, "nothing was written")
		})
	}
}

// replaceInObject returns a function that edits an object of the account's bucket.
func replaceInObject(key, pattern, replacement string) func(*cloud) {
	return func(c *cloud) {
		text := c.Objects(testAccount, testRegion)[key]
		edited := regexp.MustCompile(pattern).ReplaceAllString(text, replacement)
		c.SetObject(testAccount, testRegion, key, edited, 0)
	}
}

// openWithoutAssembly returns an account, and its only release, whose assembly somebody has removed.
func openWithoutAssembly(t *testing.T) (*Deployment, *ledger.Release) {
	t.Helper()
	c := newCloud(t)
	c.deployRelease(topics(1))
	d := c.openAccount()
	latest, err := d.LatestRelease(t.Context())
	require.NoError(t, err)
	c.deleteObject("lockstep/shop/acc/blobs/" + staging.AssemblyBlobName(latest.SynthDigest))
	return d, latest
}

func TestFetchAssembly_RemovedAssemblyIsNamedWithItsCommit(t *testing.T) {
	printed := faulttest.Printed(t)
	d, latest := openWithoutAssembly(t)
	err := d.FetchAssembly(t.Context(), *latest, t.TempDir())
	printed.Error(err)
	assert.Equal(t, fault.ReleaseNotKept, fault.CodeOf(err), "%v", err)
}

func TestAssets_OneKeyForTwoContentsIsRefused(t *testing.T) {
	printed := faulttest.Printed(t)
	d := newDeploymentTo(testTarget)
	d.assembly = &assembly.Assembly{Files: fstest.MapFS{"a": {Data: []byte("one")}, "b": {Data: []byte("two")}}}
	_, err := d.sumOf(assembly.Asset{Path: "a", Key: "key"})
	require.NoError(t, err)
	_, err = d.sumOf(assembly.Asset{Path: "b", Key: "key"})
	printed.Error(err)
	assert.Equal(t, fault.AssemblyAltered, fault.CodeOf(err), "%v", err)
}

func TestReviewedPlan_DamagedRegistrationIsNamed(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	file := c.savePlan(c.open(oneStack(t, topics(1))), time.Hour)
	replaceInObject("lockstep/shop/acc/plans/"+string(file.Digest)+".json", `(?s)^.*$`, "{")(c)
	_, err := c.deploy(oneStack(t, topics(1)), DeployRequest{Plan: &file})
	printed.Error(err)
	assert.Equal(t, fault.RecordDamaged, fault.CodeOf(err), "%v", err)
}

func TestBucket_MissingOneNamesTheBootstrap(t *testing.T) {
	printed := faulttest.Printed(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNotFound)
		_, _ = w.Write([]byte(`<Error><Code>NoSuchBucket</Code><Message>The bucket does not exist</Message></Error>`))
	}))
	defer server.Close()
	cfg := newCloud(t).Config(testAccount, testRegion)
	cfg.HTTPClient, cfg.BaseEndpoint = server.Client(), aws.String(server.URL)
	_, err := staging.NewBucket(awsclient.NewS3(cfg), "assets", testTarget).List(t.Context(), "key")
	printed.Error(err)
	assert.Equal(t, fault.BucketMissing, fault.CodeOf(err), "%v", err)
}

func TestDeploy_InterruptedSaysThatCloudFormationGoesOn(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	ctx, cancel := context.WithCancel(t.Context())
	d := c.open(oneStack(t, topics(1)), func(o *Options) {
		o.Pause = func(ctx context.Context, _ time.Duration) error {
			if c.stack("web").Executions > 0 {
				cancel()
			}
			return ctx.Err()
		}
	})
	_, err := d.Deploy(ctx, DeployRequest{})
	printed.Error(err)
	assert.Equal(t, fault.WaitInterrupted, fault.CodeOf(err), "%v", err)
}

func TestChangeSet_ThatWasRemovedIsNotExecuted(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	c.deployRelease(topics(1))
	file := c.savePlan(c.open(oneStack(t, topics(2))), time.Hour)
	d := c.open(oneStack(t, topics(2)))
	client, err := d.stackClient(t.Context(), d.assembly.Stacks[0])
	require.NoError(t, err)
	set := &cfn.ChangeSet{ID: file.Targets[0].Stacks[0].ChangeSet, StackID: file.Targets[0].Stacks[0].StackID}
	require.NoError(t, client.Discard(t.Context(), set))
	err = client.Execute(t.Context(), set)
	assert.Equal(t, fault.ChangeSetGone, fault.CodeOf(printed.Error(err)), "%v", err)
}

// unbilled is a cloud whose accounts have no billing alerts.
type unbilled struct{ aws.HTTPClient }

func (u unbilled) Do(r *http.Request) (*http.Response, error) {
	if !strings.Contains(r.Header.Get("Authorization"), "/monitoring/") {
		return u.HTTPClient.Do(r)
	}
	answer := httptest.NewRecorder()
	_, err := answer.WriteString("<GetMetricStatisticsResponse><GetMetricStatisticsResult><Datapoints/>" +
		"</GetMetricStatisticsResult></GetMetricStatisticsResponse>")
	return answer.Result(), err
}

func TestCost_AccountWithoutBillingAlerts(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	cfg := c.Config(testTooling, testRegion)
	cfg.HTTPClient = unbilled{cfg.HTTPClient}
	d, err := Open(t.Context(), cfg, testTarget, oneStack(t, topics(1)), c.options(oneStack(t, topics(1))))
	require.NoError(t, err)
	_, err = d.MonthlyCost(t.Context(), time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC))
	assert.Equal(t, fault.MaintenanceNotRun, fault.CodeOf(printed.Error(err)), "%v", err)
}

func TestRecovery_WithoutTheKeptAssemblyIsRefused(t *testing.T) {
	printed := faulttest.Printed(t)
	d, _ := openWithoutAssembly(t)
	_, err := d.StoredData(t.Context())
	assert.Equal(t, fault.ReleaseNotKept, fault.CodeOf(printed.Error(err)), "%v", err)
}

func TestPlaces_StackOfAPlaceThatIsNoneAnyMore(t *testing.T) {
	printed := faulttest.Printed(t)
	d := newCloud(t).open(oneStack(t, topics(1)))
	_, err := d.releasedPlace(ledger.Stack{
		Name: "web", ID: "arn:aws:cloudformation:us-east-1:" + testAccount + ":stack/web/1",
	})
	assert.Equal(t, fault.StackOtherAccount, fault.CodeOf(printed.Error(err)), "%v", err)
}

func TestUnlock_OfAnotherRunIsRefused(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	c.holdLock(ledger.Holder{ID: "mine"}, 0)
	err := c.openAccount().Unlock(t.Context(), "other")
	assert.Equal(t, fault.LockOtherHolder, fault.CodeOf(printed.Error(err)), "%v", err)
}

func TestDeploy_ParameterWithoutAValueIsNamed(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	template := strings.Replace(topics(1), "{", `{"Parameters":{"Owner":{"Type":"String"}},`, 1)
	_, err := c.deploy(oneStack(t, template), DeployRequest{})
	assert.Equal(t, fault.ParameterMissing, fault.CodeOf(printed.Error(err)), "%v", err)
}

// altered is a cloud that answers DescribeChangeSet with another text.
type altered struct {
	aws.HTTPClient
	from, to string
}

func (a altered) Do(r *http.Request) (*http.Response, error) {
	answer, err := a.HTTPClient.Do(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(answer.Body)
	text := string(body)
	if strings.Contains(text, "<DescribeChangeSetResult>") {
		text = strings.ReplaceAll(text, a.from, a.to)
	}
	answer.Body, answer.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
	return answer, err
}

func TestChangeSet_ThatSomebodyElseChangedMeanwhile(t *testing.T) {
	printed := faulttest.Printed(t)
	for name, test := range map[string]struct {
		from, to string
		want     fault.Code
	}{
		"it is deleted": {
			"<Status>CREATE_COMPLETE</Status>", "<Status>DELETE_PENDING</Status>", fault.ChangeSetGone,
		},
		"it does something else": {"Topic1", "Other1", fault.PlanChangeSet},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			c.deployRelease(topics(1))
			file := c.savePlan(c.open(oneStack(t, topics(2))), time.Hour)
			cfg := c.Config(testTooling, testRegion)
			cfg.HTTPClient = altered{cfg.HTTPClient, test.from, test.to}
			asm := oneStack(t, topics(2))
			o := c.options(asm)
			o.LivenessDir = t.TempDir()
			d, err := Open(t.Context(), cfg, testTarget, asm, o)
			require.NoError(t, err)
			request := DeployRequest{}
			if test.want == fault.PlanChangeSet {
				request.Plan = &file
			}
			_, err = d.Deploy(t.Context(), request)
			assert.Equal(t, test.want, fault.CodeOf(printed.Error(err)), "%v", err)
		})
	}
}
