package deploy

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/simulated"
	"lockstep/internal/deploy/staging"
	"lockstep/internal/fault"
	"lockstep/internal/roles"
)

// Credentials that live for a minute are enough for a deployment of an hour, if their endpoint is asked again.
func TestAWS_A9_DeploymentOutlivesTheCredentialsOfItsJob(t *testing.T) {
	deployWith := func(t *testing.T, c *cloud, provider aws.CredentialsProvider) (Record, error) {
		t.Helper()
		asm := oneStack(t, topics(1))
		cfg := c.Config(testTooling, testRegion)
		cfg.Credentials = provider
		o := c.options(asm)
		o.LivenessDir = t.TempDir()
		d, err := Open(t.Context(), cfg, testTarget, asm, o)
		require.NoError(t, err)
		return d.Deploy(context.WithoutCancel(t.Context()), DeployRequest{})
	}
	newHourCloud := func(t *testing.T) (*cloud, *simulated.CredentialsEndpoint) {
		t.Helper()
		c := newCloud(t)
		c.hasTimers = true
		c.OperationTime = time.Hour
		return c, &simulated.CredentialsEndpoint{
			Cloud: c.Cloud, Account: testTooling, Lifetime: time.Minute, Path: "/v2/credentials/1",
		}
	}
	t.Run("asked again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c, endpoint := newHourCloud(t)
			provider, err := awsclient.EndpointCredentials("http://credentials"+endpoint.Path, endpoint)
			require.NoError(t, err)
			record, err := deployWith(t, c, provider)
			require.NoError(t, err)
			assert.Equal(t, change.Created, record.Outcome)
		})
	})
	t.Run("passed once", func(t *testing.T) { // what the buildspec did before
		synctest.Test(t, func(t *testing.T) {
			c, endpoint := newHourCloud(t)
			provider, err := awsclient.EndpointCredentials("http://credentials"+endpoint.Path, endpoint)
			require.NoError(t, err)
			once, err := provider.Retrieve(t.Context())
			require.NoError(t, err)
			_, err = deployWith(t, c, credentials.StaticCredentialsProvider{Value: once})
			require.ErrorContains(t, err, "ExpiredToken")
		})
	})
	t.Run("over the network", func(t *testing.T) {
		_, endpoint := newHourCloud(t)
		server := httptest.NewServer(endpoint)
		defer server.Close()
		provider, err := awsclient.EndpointCredentials(server.URL+endpoint.Path, nil)
		require.NoError(t, err)
		first, err := provider.Retrieve(t.Context())
		require.NoError(t, err)
		second, err := provider.Retrieve(t.Context())
		require.NoError(t, err)
		assert.NotEqual(t, first.AccessKeyID, second.AccessKeyID, "less than a minute is left, so it is asked again")
	})
	t.Run("no address", func(t *testing.T) {
		_, err := awsclient.EndpointCredentials("/v2/credentials/1", nil)
		assert.Equal(t, fault.FlagValue, fault.CodeOf(err))
		assert.NotContains(t, err.Error(), "/v2", "the path is a secret")
	})
}

// From each of the first calls of CloudFormation on, half a minute passes without an answer.
func TestAWS_C1_DeploymentOutlivesHalfAMinuteOfSilence(t *testing.T) {
	for _, from := range []int64{2, 3, 5, 8, 13} {
		synctest.Test(t, func(t *testing.T) {
			c := newCloud(t)
			c.hasTimers = true
			c.FaultOf = func(service string, number int64) simulated.Fault {
				if service == "cloudformation" && number >= from && number < from+5 {
					return simulated.Silent
				}
				return simulated.NoFault
			}
			cfg := c.Config(testTooling, testRegion)
			cfg.HTTPClient = silence{cfg.HTTPClient}
			asm := oneStack(t, topics(2))
			o := c.options(asm)
			o.LivenessDir = t.TempDir()
			began := time.Now()
			d, err := Open(t.Context(), cfg, testTarget, asm, o)
			require.NoError(t, err)
			_, err = d.Deploy(context.WithoutCancel(t.Context()), DeployRequest{})
			require.NoError(t, err, "from call %d on", from)
			assert.Equal(t, 1, c.stack("web").Executions)
			assert.Greater(t, time.Since(began), 29*time.Second, "from call %d on", from)
		})
	}
}

// A silence waits as long as a client does before it gives an answer up.
type silence struct{ aws.HTTPClient }

func (s silence) Do(r *http.Request) (*http.Response, error) {
	answer, err := s.HTTPClient.Do(r)
	if errors.Is(err, context.DeadlineExceeded) {
		time.Sleep(6 * time.Second) // in the time of synctest
	}
	return answer, err
}

// `cdk gc` deletes from the CDK's bucket what it does not know. Nothing that Lockstep needs is there.
func TestAWS_C10_GarbageCollectionOfTheCDKTakesNoRecord(t *testing.T) {
	c := newCloud(t)
	for n := range 2 {
		asm := oneStack(t, topics(n+1))
		_, err := c.deploy(asm, DeployRequest{}, keepAssembly(t, asm))
		require.NoError(t, err)
	}
	before := c.Objects(testAccount, testRegion)
	c.CollectGarbage(testAccount, testRegion)
	assert.Equal(t, before, c.Objects(testAccount, testRegion))
	release, err := c.openAccount().EarlierRelease(t.Context(), 0)
	require.NoError(t, err)
	assert.Equal(t, 1, release.Number)
	assert.NoError(t, c.openAccount().FetchAssembly(t.Context(), release, t.TempDir()+"/assembly"))
}

// Policies of organisations refuse objects whose requests do not say how they are encrypted.
func TestAWS_C4_ObjectsAreEncryptedAsTheBucketIs(t *testing.T) {
	for _, encryption := range []string{
		"AES256", "aws:kms", "aws:kms arn:aws:kms:eu-west-1:444455556666:key/1", "aws:kms:dsse",
	} {
		t.Run(encryption, func(t *testing.T) {
			c := newCloud(t)
			require.True(t, c.RefusesUnencrypted, "a realistic cloud does")
			c.Encryption = encryption
			const body = "the code"
			asm := oneStack(t, topics(1))
			files := asm.Files.(fstest.MapFS)
			files["code"] = &fstest.MapFile{Data: []byte(body)}
			asm.Stacks[0].Assets = []assembly.Asset{{
				Name: "code", Path: "code", Bucket: stagingBucketName(testTarget), Region: testRegion,
				Key:  strings.Repeat("0", 64) + ".txt",
				Role: assembly.Role{ARN: bootstrapRole(testTarget, roles.FilePublishing).ARN},
			}}
			_, err := c.deploy(asm, DeployRequest{})
			require.NoError(t, err)
			assert.Equal(t, body, c.Objects(testAccount, testRegion)[asm.Stacks[0].Assets[0].Key])
		})
	}
}

// A large file of an assembly is kept once for all releases that have it. It is restored with each, and is garbage when
// no kept release has it.
func TestAWS_C12_RollbackAndGarbageKnowLargeFiles(t *testing.T) {
	c := newCloud(t)
	large := map[int]string{1: "a", 2: "a", 3: "b", 4: "c"}
	for n := 1; n <= len(large); n++ {
		asm := oneStack(t, topics(n))
		asm.Files.(fstest.MapFS)["code"] = &fstest.MapFile{Data: bytes.Repeat([]byte(large[n]), 2<<20)}
		_, err := c.deploy(asm, DeployRequest{}, keepAssembly(t, asm))
		require.NoError(t, err)
	}
	d := c.openAccount()
	l, err := d.Ledger(t.Context())
	require.NoError(t, err)
	var blobs []string
	for n := 1; n <= len(large); n++ {
		r, err := l.Release(t.Context(), n)
		require.NoError(t, err)
		require.Len(t, r.Files, 1)
		blobs = append(blobs, l.BlobKey(staging.FileBlobName(r.Files[0])))
		folder := filepath.Join(t.TempDir(), "assembly")
		require.NoError(t, d.FetchAssembly(t.Context(), r, folder))
		code, err := os.ReadFile(filepath.Join(folder, "code"))
		require.NoError(t, err)
		assert.Equal(t, strings.Repeat(large[n], 2<<20), string(code), "release %d", n)
	}
	assert.Equal(t, blobs[0], blobs[1])
	deleted, err := d.DeleteGarbage(t.Context(), MinReleasesKept)
	require.NoError(t, err)
	var keys []string
	for _, g := range deleted {
		keys = append(keys, g.Key)
	}
	assert.Contains(t, keys, blobs[0])
	kept := c.Objects(testAccount, testRegion)
	assert.NotContains(t, kept, blobs[0])
	for _, needed := range blobs[2:] {
		assert.Contains(t, kept, needed)
	}
}
