package staging

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/simulated"
	"lockstep/internal/fault"
)

// A publication of the CDK that was cut off has left an archive without a file. Its own command line replaces it too.
// Source: cdk-assets, private/handlers/files.ts, EMPTY_ZIP_FILE_SIZE.
func TestPublish_ReplacesAnEmptyArchive(t *testing.T) {
	const account, region = "444455556666", "eu-west-1"
	files := fstest.MapFS{"asset/index.js": {Data: []byte("exports.handler = 1")}}
	a := assembly.Asset{Name: "code", Path: "asset", Zip: true, Key: strings.Repeat("a", 64) + ".zip"}
	sum, err := SumOf(files, a)
	require.NoError(t, err)
	for held, want := range map[string]fault.Code{
		emptyArchive:             "",
		emptyArchive + "\x00":    fault.StagedExchanged,
		strings.Repeat("x", 22):  fault.StagedExchanged,
		"PK\x03\x04 of somebody": fault.StagedExchanged,
	} {
		cloud := simulated.NewKind()
		cloud.SetObject(account, region, a.Key, held, 0)
		bucket := NewBucket(awsclient.NewS3(cloud.Config(account, region)), "assets", awsclient.Target{Account: account})
		err := bucket.Publish(t.Context(), files, a, sum)
		assert.Equal(t, want, fault.CodeOf(err), "%q: %v", held, err)
		holds, err := bucket.Holds(t.Context(), a.Key, sum)
		require.NoError(t, err)
		assert.Equal(t, want == "", holds, "%q", held)
	}
}
