package deploy

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/roles"
)

// ownNames returns a target whose bootstrap has names of its own, as the configuration gives them.
func ownNames() awsclient.Target {
	target := testTarget
	target.Qualifier = "shop"
	target.Names = roles.Names{
		Bucket: "shop-assets-${AWS::AccountId}", DeployRole: "shop-${Qualifier}-deploys", PublishingRole: "shop-publishes",
		LookupRole: "shop-reads-${AWS::Region}", ExecutionRole: "shop-executes",
	}
	return target
}

// The bucket and the roles of ownNames, and those that Lockstep itself adds.
const (
	ownBucket  = "shop-assets-" + testAccount
	ownLedger  = "lockstep-shop-" + testAccount + "-" + testRegion
	rolePrefix = "arn:aws:iam::" + testAccount + ":role/"
)

// namesLog keeps which roles are assumed and which buckets are called.
type namesLog struct {
	aws.HTTPClient
	mu             sync.Mutex
	roles, buckets map[string]bool
}

func (l *namesLog) Do(r *http.Request) (*http.Response, error) {
	body := []byte(nil)
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	l.mu.Lock()
	if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") == "AssumeRole" {
		l.roles[strings.TrimPrefix(form.Get("RoleArn"), rolePrefix)] = true
	}
	if strings.Contains(r.Header.Get("Authorization"), "/s3/aws4_request") {
		bucket, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		l.buckets[bucket] = true
	}
	l.mu.Unlock()
	return l.HTTPClient.Do(r)
}

// withOwnNames returns an assembly of one stack and an asset, synthesised for a bootstrap with those names.
func withOwnNames(t *testing.T, template string) *assembly.Assembly {
	t.Helper()
	asm := oneStack(t, template)
	asm.Files.(fstest.MapFS)["code"] = &fstest.MapFile{Data: []byte("the code")}
	s := asm.Stacks[0]
	s.DeployRole.ARN = rolePrefix + "shop-shop-deploys"
	s.ExecutionRoleARN = rolePrefix + "shop-executes"
	s.Assets = []assembly.Asset{{
		Name: "code", Path: "code", Bucket: ownBucket, Region: testRegion, Key: strings.Repeat("0", 64) + ".txt",
		Role: assembly.Role{ARN: rolePrefix + "shop-publishes"},
	}}
	return asm
}

// A bootstrap with names of its own is used by everything: what deploys, what only reads, the ledger, and the garbage.
func TestAWS_C6_BootstrapWithNamesOfItsOwn(t *testing.T) {
	c := newCloud(t)
	target := ownNames()
	log := &namesLog{roles: map[string]bool{}, buckets: map[string]bool{}}
	open := func(asm *assembly.Assembly, access Access) *Deployment {
		cfg := c.Config(testTooling, testRegion)
		log.HTTPClient = cfg.HTTPClient
		cfg.HTTPClient = log
		o := c.options(asm)
		o.Access, o.LivenessDir = access, t.TempDir()
		keepAssembly(t, asm)(&o)
		d, err := Open(t.Context(), cfg, target, asm, o)
		require.NoError(t, err)
		return d
	}
	var asm *assembly.Assembly
	for n := range 3 {
		asm = withOwnNames(t, topics(n+1))
		_, err := open(asm, DeployAccess).Deploy(t.Context(), DeployRequest{})
		require.NoError(t, err)
	}
	d := open(asm, ReadAccess)
	_, err := d.Verify(t.Context())
	require.NoError(t, err)
	_, err = d.Drift(t.Context())
	require.NoError(t, err)
	_, err = d.Diagnose(t.Context(), nil)
	require.NoError(t, err)
	_, err = d.Unused(t.Context(), time.Now())
	require.NoError(t, err)
	_, err = d.CheckAccount(t.Context())
	require.NoError(t, err)
	_, _, err = open(asm, PlanAccess).SavePlan(t.Context(), time.Hour)
	require.NoError(t, err)
	d = open(asm, DeployAccess)
	_, err = d.DeleteGarbage(t.Context(), MinReleasesKept)
	require.NoError(t, err)
	_, err = d.SelfTest(t.Context())
	require.NoError(t, err)
	_, err = d.DeleteReleased(t.Context())
	require.NoError(t, err)

	assert.Equal(t, []string{ownLedger, ownBucket}, slices.Sorted(maps.Keys(log.buckets)))
	suffix := "-" + testAccount + "-" + testRegion
	assert.Equal(t, []string{
		"lockstep-shop-ledger-reader" + suffix, "lockstep-shop-ledger-writer" + suffix, "lockstep-shop-planner" + suffix,
		"shop-publishes", "shop-reads-" + testRegion, "shop-shop-deploys",
	}, slices.Sorted(maps.Keys(log.roles)))
}

// What the configuration does not name is refused, although it is in the account, and before anything is sent there.
func TestAWS_C6_NamesThatTheConfigurationLacksAreRefused(t *testing.T) {
	for name, change := range map[string]func(*roles.Names){
		"bucket":          func(n *roles.Names) { n.Bucket = "" },
		"deploy role":     func(n *roles.Names) { n.DeployRole = "" },
		"publishing role": func(n *roles.Names) { n.PublishingRole = "" },
		"execution role":  func(n *roles.Names) { n.ExecutionRole = "" },
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			target := ownNames()
			asm := withOwnNames(t, topics(1))
			change(&target.Names)
			_, err := Open(t.Context(), c.Config(testTooling, testRegion), target, asm, c.options(asm))
			requireRefused(t, err)
			assert.ErrorContains(t, err, "under bootstrap in the configuration of the environment")
		})
	}
}
