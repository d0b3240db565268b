package assembly

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// whole is an assembly with everything that an app writes: stacks, assets, a stage, and descriptions.
const whole = `
-- manifest.json --
{"version": "54.0.0", "minimumCliVersion": "2.1128.1", "artifacts": {
	"Jobs": {
		"type": "aws:cloudformation:stack", "environment": "aws://444455556666/eu-west-1", "displayName": "Jobs",
		"properties": {"templateFile": "Jobs.template.json", "tags": {"team": "a"}, "parameters": {"Size": "1"}},
		"dependencies": ["Jobs.assets", "Net"], "additionalMetadataFile": "Jobs.metadata.json"},
	"Net": {
		"type": "aws:cloudformation:stack", "environment": "aws://444455556666/eu-west-1",
		"properties": {"templateFile": "Net.template.json"},
		"metadata": {"/Net": [{"type": "aws:cdk:logicalId", "data": "V", "trace": ["new V (/home/ann/app/net.ts:3:1)"]}]}},
	"Jobs.assets": {"type": "cdk:asset-manifest", "properties": {"file": "Jobs.assets.json"}},
	"assembly-Prod": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Prod"}},
	"Tree": {"type": "cdk:tree", "properties": {"file": "tree.json"}}
}}
-- tree.json --
{"version": "tree-0.1", "constructInfo": {"version": "10.4.2"}}
-- performance-counters.json --
{"Synthesis/ms": 812}
-- Jobs.metadata.json --
{"/Jobs/F": [{"type": "aws:cdk:logicalId", "data": "F", "trace": ["new F (/tmp/jsii-kernel-a1b2c3/app.ts:9:1)"]}]}
-- Jobs.template.json --
{"Resources": {"F": {"Type": "AWS::SQS::Queue"}}}
-- Net.template.json --
{"Resources": {"V": {"Type": "AWS::EC2::VPC"}}}
-- Jobs.assets.json --
{"version": "54.0.0", "files": {"f00": {"displayName": "Code", "source": {"path": "asset.f00", "packaging": "zip"},
	"destinations": {"d": {"bucketName": "b", "objectKey": "f00.zip"}}}}, "dockerImages": {}}
-- asset.f00/index.js --
exports.handler = () => 1
-- assembly-Prod/manifest.json --
{"version": "54.0.0", "artifacts": {"Prod": {
	"type": "aws:cloudformation:stack", "environment": "aws://777788889999/eu-west-1",
	"properties": {"templateFile": "Prod.template.json"}}}}
-- assembly-Prod/Prod.template.json --
{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}
`

func TestSynthDigest_CoversMeaningAlone(t *testing.T) {
	digestOf := func(archive string) string {
		d, err := SynthDigest(newFS(archive))
		require.NoError(t, err)
		return string(d)
	}
	for _, test := range []struct {
		name, old, replacement string
		counts                 bool
	}{
		{"a stack trace in the manifest", "/home/ann/app", "/builds/42", false},
		{"a stack trace in a metadata file", "jsii-kernel-a1b2c3", "jsii-kernel-d4e5f6", false},
		{"the construct tree", "10.4.2", "10.5.0", false},
		{"timings", "812", "97", false},
		{"timings that are not written", "-- performance-counters.json --\n{\"Synthesis/ms\": 812}\n", "", false},
		{"the version of the schema", "54.0.0", "55.0.0", false},
		{"the version of the command line", "2.1128.1", "2.1148.2", false},
		{"a name for display", `"displayName": "Jobs"`, `"displayName": "Work"`, false},
		{"an asset's name for display", `"displayName": "Code"`, `"displayName": "Source"`, false},
		{"white space in the manifest", `{"version"`, `{ "version"`, false},
		{"the order of dependencies", `["Jobs.assets", "Net"]`, `["Net", "Jobs.assets"]`, false},
		{"a file that nothing refers to", "-- tree.json --", "-- notes.txt --\nx\n-- tree.json --", false},

		{"a template", "AWS::SQS::Queue", "AWS::SNS::Topic", true},
		{"a template of a stage", "AWS::SNS::Topic", "AWS::SQS::Queue", true},
		{"white space in a template", `"F": {"Type"`, `"F":  {"Type"`, true},
		{"an asset's content", "=> 1", "=> 2", true},
		{"an asset's file name", "index.js", "main.js", true},
		{"an asset's packaging", `"zip"`, `"file"`, true},
		{"an asset's bucket", `"bucketName": "b"`, `"bucketName": "c"`, true},
		{"a tag", `"team": "a"`, `"team": "b"`, true},
		{"a parameter", `"Size": "1"`, `"Size": "2"`, true},
		{"a dependency", `["Jobs.assets", "Net"]`, `["Jobs.assets"]`, true},
		{"an account", "777788889999", "777788880000", true},
		{"a stack's id", `"Prod": {`, `"Live": {`, true},
		{"an unknown type of artefact", `"cdk:tree"`, `"aws:wave"`, true},
		{"a damaged manifest", `{"version": "54.0.0", "minimum`, `{version": "54.0.0", "minimum`, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			require.Contains(t, whole, test.old)
			changed := strings.ReplaceAll(whole, test.old, test.replacement)
			if test.counts {
				assert.NotEqual(t, digestOf(whole), digestOf(changed))
			} else {
				assert.Equal(t, digestOf(whole), digestOf(changed))
			}
		})
	}
}

func TestSynthDigest_FollowsLinks(t *testing.T) {
	write := func(content string) string {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, newFS(whole)))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "shared.js"), []byte(content), 0o600))
		require.NoError(t, os.Symlink("../shared.js", filepath.Join(dir, "asset.f00", "shared.js")))
		require.NoError(t, os.Symlink(".", filepath.Join(dir, "asset.f00", "loop")))
		files, err := Open(dir)
		require.NoError(t, err)
		d, err := SynthDigest(files)
		require.NoError(t, err)
		return string(d)
	}
	assert.Equal(t, write("1"), write("1"), "in another folder")
	assert.NotEqual(t, write("1"), write("2"), "what a link in an asset leads to")
}

func TestEnvironmentDigest_CoversTheAssembliesOfAllAccounts(t *testing.T) {
	accounts := func(second string) string {
		return strings.ReplaceAll(whole, "-- ", "-- 111122223333-eu-west-1/") +
			strings.ReplaceAll(strings.ReplaceAll(whole, "-- ", "-- 444455556666-eu-west-1/"), "=> 1", second)
	}
	digestOf := func(archive string) string {
		d, err := EnvironmentDigest(newFS(archive))
		require.NoError(t, err)
		return string(d)
	}
	assert.NotEqual(t, digestOf(accounts("=> 1")), digestOf(accounts("=> 2")))
	assert.Equal(t, digestOf(accounts("=> 1")),
		digestOf(strings.ReplaceAll(accounts("=> 1"), "jsii-kernel-a1b2c3", "jsii-kernel-d4e5f6")))
}

// The digests in the records of earlier versions do not change with this program.
func TestEarlierDigests_AreTheRecordedOnes(t *testing.T) {
	synth, err := EarlierSynthDigest(newFS("-- manifest.json --\n{}\n"))
	require.NoError(t, err)
	sum := sha256.Sum256([]byte("file \"manifest.json\" 3\n{}\n"))
	assert.Equal(t, hex.EncodeToString(sum[:]), string(synth))
	environment, err := EarlierEnvironmentDigest(newFS("-- manifest.json --\n{}\n"))
	require.NoError(t, err)
	assert.Equal(t, string(synth), string(environment))
}

// Apps leave the assets of earlier syntheses behind, and one of them may have a file of that name.
func TestSynthDigest_PassesOverAnOldAssetWithAManifest(t *testing.T) {
	want, err := SynthDigest(newFS(whole))
	require.NoError(t, err)
	got, err := SynthDigest(newFS(whole + "-- asset.old/manifest.json --\n{\"name\": \"site\"}\n"))
	require.NoError(t, err)
	assert.Equal(t, want, got)
}
