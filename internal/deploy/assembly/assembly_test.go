package assembly

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
)

var acc = Defaults{Account: "444455556666", Region: "eu-west-1"}

// newFS returns a folder with the files of a txtar archive.
func newFS(archive string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for _, file := range txtar.Parse([]byte(archive)).Files {
		fsys[file.Name] = &fstest.MapFile{Data: file.Data}
	}
	return fsys
}

// withStacks returns an archive of a cloud assembly with artefacts, and an empty template t.json for its stacks.
func withStacks(artefacts ...string) string {
	return fmt.Sprintf("-- manifest.json --\n{\"version\":\"36.0.0\",\"artifacts\":{\n%s\n}}\n-- t.json --\n{}\n",
		strings.Join(artefacts, ",\n"))
}

// stack returns a stack artefact with more properties, which end with a comma, and the ids that it depends on.
func stack(id, properties string, dependencies ...string) string {
	for i, dependency := range dependencies {
		dependencies[i] = fmt.Sprintf("%q", dependency)
	}
	return fmt.Sprintf(`%q: {"type": "aws:cloudformation:stack", "environment": "aws://444455556666/eu-west-1",
		"properties": {%s "templateFile": "t.json"}, "dependencies": [%s]}`, id, properties, strings.Join(dependencies, ", "))
}

func stackNames(a *Assembly) []string {
	var out []string
	for _, s := range a.Stacks {
		out = append(out, s.Name)
	}
	return out
}

// A refusedArchive is the txtar archive of a folder that is no cloud assembly, and what the error of Read says.
type refusedArchive struct{ name, archive, want string }

func assertReadRefuses(t *testing.T, archives []refusedArchive) {
	t.Helper()
	printed := faulttest.Printed(t)
	for _, test := range archives {
		t.Run(test.name, func(t *testing.T) {
			_, err := Read(newFS(test.archive), acc)
			printed.Error(err)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestRead_RefusesInvalidManifest(t *testing.T) {
	assertReadRefuses(t, []refusedArchive{
		{"nothing", "", "there is no manifest.json: this is not a cloud assembly, or the synthesis broke off"},
		{
			"damaged JSON", "-- manifest.json --\n{\n\"version\": \"36.0.0\",\n!}",
			"manifest.json:3: damaged JSON",
		},
		{"no schema", "-- manifest.json --\n{}", `"" is not a version of the cloud assembly schema`},
		{"no stack", withStacks(), "the cloud assembly has no stack"},
		{
			"an assembly inside itself",
			withStacks(`"n": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "."}}`),
			"is a nested assembly in ., which is read already",
		},
		{
			"an unknown dependency", withStacks(stack("a", "", "b")),
			"artefact a depends on b, which the manifest does not have",
		},
		{
			"stacks in a circle", withStacks(stack("a", "", "b"), stack("b", "", "a")),
			"stacks need each other in a circle: a -> b -> a",
		},
		{
			"two stacks of one name", withStacks(stack("a", `"stackName": "x",`), stack("b", `"stackName": "x",`)),
			"artefacts a and b are both stack x in 444455556666/eu-west-1",
		},
	})
}

func TestRead_RefusesInvalidStack(t *testing.T) {
	assertReadRefuses(t, []refusedArchive{
		{
			"a template that is missing", strings.ReplaceAll(withStacks(stack("a", "")), "-- t.json --", "-- u.json --"),
			"artefact a: t.json is missing; synthesise again",
		},
		{
			"a template that is damaged", withStacks(stack("a", "")) + "!",
			"t.json:2: damaged JSON: there is text after its end",
		},
		{
			"a template that breaks off", withStacks(stack("a", "")) + "-- t.json --\n{",
			"t.json:2: damaged JSON: it breaks off",
		},
		{
			"a file outside", strings.ReplaceAll(withStacks(stack("a", "")), `"t.json"`, `"../../etc/passwd"`),
			"../../etc/passwd lies outside the cloud assembly",
		},
		{
			"an invalid environment", strings.ReplaceAll(withStacks(stack("a", "")), "aws://", ""),
			`environment "444455556666/eu-west-1" is not of the form aws://ACCOUNT/REGION`,
		},
		{
			"an unknown placeholder",
			withStacks(stack("a", `"assumeRoleArn": "arn:aws:iam::1:role/${Qualifier}",`)),
			"has the placeholder ${Qualifier}, which Lockstep does not know",
		},
		{
			"an error that the app added",
			withStacks(`"a": {"type": "aws:cloudformation:stack", "environment": "aws://1/r",
				"properties": {"templateFile": "t.json"},
				"metadata": {"/a/Q": [{"type": "aws:cdk:warning", "data": "w"}, {"type": "aws:cdk:error", "data": "too wide"}]}}`),
			"artefact a: /a/Q: the CDK app says: too wide",
		},
		{
			"an error in a metadata file",
			withStacks(`"a": {"type": "aws:cloudformation:stack", "environment": "aws://1/r",
				"properties": {"templateFile": "t.json"}, "additionalMetadataFile": "a.metadata.json"}`) + `
-- a.metadata.json --
{"/a": [{"type": "aws:cdk:creationStack", "data": ["x"]}, {"type": "aws:cdk:error", "data": "too wide"}]}`,
			"artefact a: /a: the CDK app says: too wide",
		},
	})
}

func TestRead_OrdersStacksByDependencyThenName(t *testing.T) {
	a, err := Read(newFS(withStacks(stack("c", ""), stack("a", "", "z"), stack("z", ""), stack("b", ""))), acc)
	require.NoError(t, err)
	assert.Equal(t, []string{"b", "c", "z", "a"}, stackNames(a))
}

func TestRead_NestedAssemblyWaitsForItsDependencies(t *testing.T) {
	nested := `"assembly-prod": {"type": "cdk:cloud-assembly", "dependencies": ["base"],
		"properties": {"directoryName": "assembly-prod"}}`
	inner := strings.ReplaceAll(withStacks(stack("inner", "")), "-- ", "-- assembly-prod/")
	a, err := Read(newFS(withStacks(nested, stack("base", ""), stack("last", "", "assembly-prod"))+inner), acc)
	require.NoError(t, err)
	assert.Equal(t, []string{"base", "inner", "last"}, stackNames(a))
}

func TestRead_UnknownEnvironmentTakesDefaults(t *testing.T) {
	a, err := Read(newFS(withStacks(`"a": {
		"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region", "properties": {
			"templateFile": "t.json",
			"assumeRoleArn": "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/deploy-${AWS::Region}",
			"stackTemplateAssetObjectUrl": "s3://assets-${AWS::AccountId}/t.json",
			"parameters": {"Count": 3}}}`)), acc)
	require.NoError(t, err)
	s := a.Stacks[0]
	assert.Equal(t, "arn:aws:iam::444455556666:role/deploy-eu-west-1", s.DeployRole.ARN)
	assert.Equal(t, "s3://assets-444455556666/t.json", s.TemplateURL)
	assert.Equal(t, map[string]string{"Count": "3"}, s.Parameters)
	assert.Equal(t, acc, Defaults{s.Account, s.Region})
}

func TestRead_StackTakesAssetsOfItsOwnManifest(t *testing.T) {
	const both = `"additionalDependencies": ["a.assets"],` // as the CDK writes it
	a, err := Read(newFS(withStacks(stack("a", both, "a.assets"), `"a.assets": {
		"type": "cdk:asset-manifest", "properties": {
		"file": "a.assets.json", "requiresBootstrapStackVersion": 6, "bootstrapStackVersionSsmParameter": "/cdk/version"}}`)+`
-- code/index.js --
-- src/Dockerfile --
-- a.assets.json --
{
	"files": {"f00": {
		"displayName": "Code", "source": {"path": "code", "packaging": "zip"},
		"destinations": {"here": {
			"bucketName": "b-${AWS::AccountId}", "objectKey": "f00.zip",
			"assumeRoleArn": "arn:aws:iam::444455556666:role/p"}}}},
	"dockerImages": {"img": {"source": {"directory": "src"},
		"destinations": {"d": {"repositoryName": "r", "imageTag": "t"}}}}
}`), acc)
	require.NoError(t, err)
	s := a.Stacks[0]
	assert.Equal(t, []Asset{{
		Name: "Code", Path: "code", Zip: true, Bucket: "b-444455556666", Key: "f00.zip", Region: "eu-west-1",
		Role: Role{ARN: "arn:aws:iam::444455556666:role/p"},
	}}, s.Assets)
	assert.Equal(t, []Image{{Name: "img", Directory: "src", Repository: "r", Tag: "t", Region: "eu-west-1"}}, s.Images)
	assert.Equal(t, []BootstrapRequirement{{Version: 6, Parameter: "/cdk/version"}}, s.BootstrapRequirements)
}

func TestSynthDigest_CoversPathsAndContents(t *testing.T) {
	digestOf := func(archive string) string {
		d, err := SynthDigest(newFS(archive))
		require.NoError(t, err)
		return string(d)
	}
	one := digestOf("-- a --\n1\n-- b/c --\n2\n")
	assert.Equal(t, one, digestOf("-- b/c --\n2\n-- a --\n1\n"), "the order does not count")
	assert.NotEqual(t, one, digestOf("-- a --\n2\n-- b/c --\n2\n"), "the content counts")
	assert.NotEqual(t, one, digestOf("-- a --\n1\n-- b/d --\n2\n"), "the path counts")
	assert.NotEqual(t, digestOf("-- a --\n1b\n"), digestOf("-- a1 --\nb\n"), "path and content are separate")
}

func TestStack_TemplateMatchesURL(t *testing.T) {
	const body = `{"Resources":{}}`
	sum := sha256.Sum256([]byte(body))
	hash := hex.EncodeToString(sum[:])
	for _, test := range []struct {
		name, url string
		want      bool
	}{
		{"its hash", "s3://b/" + hash + ".json", true},
		{"the hash of another text", "s3://b/" + strings.Repeat("0", 64) + ".json", false},
		{"no hash", "s3://b/template.json", true},
		{"no address", "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &Stack{TemplateURL: test.url, Template: Template{Body: body}}
			assert.Equal(t, test.want, s.TemplateMatchesURL())
		})
	}
}

func TestOpen_MissingFolderSaysWhatToDo(t *testing.T) {
	dir := t.TempDir()
	_, err := Open(filepath.Join(dir, "none"))
	require.ErrorContains(t, err, "run `lockstep synth`, or name the folder that `cdk synth` wrote")
	_, err = Open(dir)
	require.NoError(t, err)
}
