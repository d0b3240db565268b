package deploy

import (
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
)

// These restate behaviours that the CDK's own command line is tested for; docs/cdk-suite.md has all of them.

func TestDeploy_IndependentStacksAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took := func(stacks needs) time.Duration {
			c := newCloud(t)
			c.hasTimers = true
			c.OperationTime = time.Minute
			begin := time.Now()
			record, err := c.deploy(assemble(t, stacks, nil), DeployRequest{})
			require.NoError(t, err)
			assert.Equal(t, change.Created, record.Outcome)
			return time.Since(begin)
		}
		assert.Less(t, took(needs{"a": nil, "b": nil, "c": nil}), 2*time.Minute)
		inOrder := took(needs{"a": nil, "b": {"a"}, "c": {"b"}})
		assert.Greater(t, inOrder, 5*time.Minute/2, "each waits for the one before")
		assert.Less(t, took(needs{"a": nil, "b": {"a"}, "c": {"a"}}), inOrder)
	})
}

func TestDeploy_OutputsOfUnchangedStacks(t *testing.T) {
	c := newCloud(t)
	asm := oneStack(t, `{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"}},"Outputs":{"Name":{"Value":"orders"}}}`)
	for _, outcome := range []change.Outcome{change.Created, change.Unchanged} {
		record, err := c.deploy(asm, DeployRequest{})
		require.NoError(t, err)
		assert.Equal(t, outcome, record.Outcome)
		assert.Equal(t, map[string]string{"Name": "orders"}, record.Stacks[0].Outputs)
	}
}

func TestPlan_TwiceOnANewStack(t *testing.T) {
	c := newCloud(t)
	for range 2 {
		p, err := c.open(oneStack(t, topics(2))).Plan(t.Context())
		require.NoError(t, err)
		assert.Equal(t, []string{"add Topic0", "add Topic1"}, propertyTexts(p.Record().Stacks[0].Changes))
		require.NoError(t, p.Discard(t.Context()))
		assert.Empty(t, c.stack("web").Status)
	}
}

// A requestLog keeps the requests of calls to an AWS.
type requestLog struct {
	*cloud

	mu       sync.Mutex
	requests []*http.Request
}

// open is a deployment whose requests are kept.
func (l *requestLog) open(asm *assembly.Assembly) *Deployment {
	l.t.Helper()
	cfg := l.Config(testTooling, testRegion)
	cfg.HTTPClient = l
	o := l.options(asm)
	o.LivenessDir = l.t.TempDir()
	d, err := Open(l.t.Context(), cfg, testTarget, asm, o)
	require.NoError(l.t, err)
	return d
}

// Do implements aws.HTTPClient.
func (l *requestLog) Do(r *http.Request) (*http.Response, error) {
	l.mu.Lock()
	l.requests = append(l.requests, r)
	l.mu.Unlock()
	return l.Cloud.Do(r)
}

// The simulated cloud refuses an upload that has no checksum, whoever sends it.
func TestAssets_UploadsHaveChecksums(t *testing.T) {
	l := &requestLog{cloud: newCloud(t)}
	asm := oneStack(t, topics(1))
	withAsset(asm, "a", ".zip")
	_, err := l.open(asm).Deploy(t.Context(), DeployRequest{})
	require.NoError(t, err)
	uploads := 0
	for _, r := range l.requests {
		if r.Method != http.MethodPut {
			continue
		}
		uploads++
		assert.NotEmpty(t, r.Header.Get("X-Amz-Checksum-Sha256"), r.URL.Path)
	}
	assert.Greater(t, uploads, 3, "the file, the lock, the journal and the release")
}
