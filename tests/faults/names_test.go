package faults

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/bootstrap"
	"lockstep/tests/harness"
)

const ownBootstrap = `
bootstrap:
  qualifier: own
  bucket: own-assets-${AWS::AccountId}
  deployRole: own-deploys
  publishingRole: own-publishes
  lookupRole: own-reads-${AWS::Region}
  executionRole: own-executes
`

// An account whose bootstrap has names of its own is bootstrapped, deployed to, read, and gone back in, with IAM
// enforced. No other name is there.
func TestAWS_C6_BootstrapWithNamesOfItsOwn(t *testing.T) {
	const account = "777788889999"
	w := newTestbed(t)
	harness.MustWriteFile(t, filepath.Join(w.dir, "config", "environments", "own.yaml"), "account: \""+account+
		"\"\nregion: "+region+"\nnotifications:\n  owners: [platform@example.com]"+ownBootstrap)
	c, err := config.Load(os.DirFS(filepath.Join(w.dir, "config")))
	require.NoError(t, err)
	require.NoError(t, w.emulator.Bootstrap(t.Context(), w.session, bootstrap.Accounts(c.Pipeline, c.Environments)))

	names := strings.NewReplacer(
		"cdk-hnb659fds-deploy-role-"+account+"-"+region, "own-deploys",
		"cdk-hnb659fds-file-publishing-role-"+account+"-"+region, "own-publishes",
		"cdk-hnb659fds-cfn-exec-role-"+account+"-"+region, "own-executes",
		"cdk-hnb659fds-assets-"+account+"-"+region, "own-assets-"+account)
	for _, value := range []string{"one", "two", "three"} {
		dir := w.assembly("own", account, 1, value)
		for _, file := range []string{"manifest.json", "stack0.assets.json"} {
			path := filepath.Join(dir, file)
			harness.MustWriteFile(t, path, names.Replace(readText(t, path)))
		}
		out, status := w.run("deploy", "--env", "own", "--assembly", dir)
		require.Zero(t, status, out)
	}
	for _, args := range []string{
		"verify --assembly " + filepath.Join(w.dir, "assemblies", "own"), "drift", "status", "diagnose", "garbage --remove",
		"rollback",
	} {
		out, status := w.run(append(strings.Fields(args), "--env", "own")...)
		assert.Zero(t, status, "%s: %s", args, out)
	}
	buckets, err := w.s3Client(account).ListBuckets(t.Context(), &s3.ListBucketsInput{})
	require.NoError(t, err)
	var found []string
	for _, b := range buckets.Buckets {
		found = append(found, aws.ToString(b.Name))
	}
	assert.ElementsMatch(t, []string{"own-assets-" + account, "lockstep-own-" + account + "-" + region}, found)
}
