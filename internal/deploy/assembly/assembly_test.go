package assembly

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var acc = Defaults{Account: "444455556666", Region: "eu-west-1"}

// newFS returns a folder with these files.
func newFS(texts map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range texts {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

// manifestText returns a manifest with artefacts, each written as "ID": {...}.
func manifestText(artefacts ...string) string {
	return `{"version":"36.0.0","artifacts":{` + strings.Join(artefacts, ",") + `}}`
}

// stackText returns a stack for manifestText, with additional properties, which begin with a comma.
func stackText(id, properties string, needs ...string) string {
	quoted := ""
	for i, need := range needs {
		if i > 0 {
			quoted += ","
		}
		quoted += fmt.Sprintf("%q", need)
	}
	return fmt.Sprintf(`%q:{"type":"aws:cloudformation:stack","environment":"aws://444455556666/eu-west-1","dependencies":[%s],"properties":{"templateFile":"t.json"%s}}`, id, quoted, properties)
}

func stackNames(a *Assembly) []string {
	var out []string
	for _, s := range a.Stacks {
		out = append(out, s.Name)
	}
	return out
}

func TestRead_RefusesInvalidAssembly(t *testing.T) {
	const template = `{"Resources":{}}`
	for _, test := range []struct {
		name  string
		files map[string]string
		want  string
	}{
		{"nothing", nil, "there is no manifest.json: this is not a cloud assembly, or the synthesis broke off"},
		{"damaged JSON", map[string]string{"manifest.json": "{\n\"version\": \"36.0.0\",\n!}"}, "manifest.json:3: damaged JSON"},
		{"a newer schema", map[string]string{"manifest.json": `{"version":"99.0.0"}`}, "was written with schema 99.0.0, newer than the 54"},
		{"no schema", map[string]string{"manifest.json": `{}`}, `"" is not a version of the cloud assembly schema`},
		{"a template that is missing", map[string]string{"manifest.json": manifestText(stackText("a", ""))}, "artefact a: t.json is missing; synthesise again"},
		{"a template that is damaged", map[string]string{"manifest.json": manifestText(stackText("a", "")), "t.json": "{"}, "t.json:1: damaged JSON"},
		{"a file outside", map[string]string{"manifest.json": manifestText(stackText("a", `,"templateFile":"../../etc/passwd"`))}, "../../etc/passwd lies outside the cloud assembly"},
		{"an unknown dependency", map[string]string{"manifest.json": manifestText(stackText("a", "", "b")), "t.json": template}, "artefact a depends on b, which the manifest does not have"},
		{"stacks in a circle", map[string]string{"manifest.json": manifestText(stackText("a", "", "b"), stackText("b", "", "a")), "t.json": template}, "stacks need each other in a circle: a -> b -> a"},
		{"two stacks of one name", map[string]string{"manifest.json": manifestText(stackText("a", `,"stackName":"x"`), stackText("b", `,"stackName":"x"`)), "t.json": template}, "artefacts a and b are both stack x in 444455556666/eu-west-1"},
		{"an invalid environment", map[string]string{"manifest.json": manifestText(`"a":{"type":"aws:cloudformation:stack","environment":"nowhere","properties":{}}`)}, `environment "nowhere" is not of the form aws://ACCOUNT/REGION`},
		{"an unknown placeholder", map[string]string{"manifest.json": manifestText(stackText("a", `,"assumeRoleArn":"arn:aws:iam::1:role/${Qualifier}"`)), "t.json": template}, "has the placeholder ${Qualifier}, which Lockstep does not know"},
		{"no stack", map[string]string{"manifest.json": manifestText()}, "the cloud assembly has no stack"},
		{"a look-up that was not answered", map[string]string{"manifest.json": `{"version":"36.0.0","artifacts":{},"missing":[{"key":"vpc-provider:account=1","provider":"vpc-provider","props":{}}]}`}, "it holds placeholders for vpc-provider:account=1: answer them"},
		{"an error that the app added", map[string]string{"manifest.json": manifestText(`"a":{"type":"aws:cloudformation:stack","environment":"aws://1/r","properties":{"templateFile":"t.json"},"metadata":{"/a/Q":[{"type":"aws:cdk:warning","data":"w"},{"type":"aws:cdk:error","data":"too wide"}]}}`), "t.json": template}, "artefact a: /a/Q: the CDK app says: too wide"},
		{"an error in a metadata file", map[string]string{
			"manifest.json": manifestText(`"a":{"type":"aws:cloudformation:stack","environment":"aws://1/r","properties":{"templateFile":"t.json"},"additionalMetadataFile":"a.metadata.json"}`), "t.json": template,
			"a.metadata.json": `{"/a":[{"type":"aws:cdk:creationStack","data":["x"]},{"type":"aws:cdk:error","data":"too wide"}]}`,
		}, "artefact a: /a: the CDK app says: too wide"},
		{"an assembly inside itself", map[string]string{"manifest.json": manifestText(`"n":{"type":"cdk:cloud-assembly","properties":{"directoryName":"."}}`)}, "is a nested assembly in ., which is read already"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Read(newFS(test.files), acc)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestRead_OrdersStacksByDependencyThenName(t *testing.T) {
	a, err := Read(newFS(map[string]string{"manifest.json": manifestText(stackText("c", ""), stackText("a", "", "z"), stackText("z", ""), stackText("b", "")), "t.json": `{}`}), acc)
	require.NoError(t, err)
	assert.Equal(t, []string{"b", "c", "z", "a"}, stackNames(a))
}

func TestRead_NestedAssemblyWaitsForItsDependencies(t *testing.T) {
	a, err := Read(newFS(map[string]string{
		"manifest.json": manifestText(
			`"assembly-prod":{"type":"cdk:cloud-assembly","dependencies":["base"],"properties":{"directoryName":"assembly-prod"}}`, stackText("base", ""), stackText("last", "", "assembly-prod")),
		"t.json": `{}`, "assembly-prod/manifest.json": manifestText(stackText("inner", "")), "assembly-prod/t.json": `{}`,
	}), acc)
	require.NoError(t, err)
	assert.Equal(t, []string{"base", "inner", "last"}, stackNames(a))
}

func TestRead_UnknownEnvironmentTakesDefaults(t *testing.T) {
	a, err := Read(newFS(map[string]string{
		"manifest.json": manifestText(`"a":{"type":"aws:cloudformation:stack","environment":"aws://unknown-account/unknown-region","properties":{"templateFile":"t.json",
			"assumeRoleArn":"arn:${AWS::Partition}:iam::${AWS::AccountId}:role/deploy-${AWS::Region}","stackTemplateAssetObjectUrl":"s3://assets-${AWS::AccountId}/t.json","parameters":{"Count":3}}}`),
		"t.json": `{}`,
	}), acc)
	require.NoError(t, err)
	s := a.Stacks[0]
	assert.Equal(t, "arn:aws:iam::444455556666:role/deploy-eu-west-1", s.DeployRole.ARN)
	assert.Equal(t, "s3://assets-444455556666/t.json", s.TemplateURL)
	assert.Equal(t, map[string]string{"Count": "3"}, s.Parameters)
	assert.Equal(t, acc, Defaults{s.Account, s.Region})
}

func TestRead_StackTakesAssetsOfItsOwnManifest(t *testing.T) {
	a, err := Read(newFS(map[string]string{
		"manifest.json": manifestText(stackText("a", "", "a.assets"), `"a.assets":{"type":"cdk:asset-manifest","properties":{"file":"a.assets.json","requiresBootstrapStackVersion":6,"bootstrapStackVersionSsmParameter":"/cdk/version"}}`),
		"t.json":        `{}`, "code/index.js": "x",
		"a.assets.json": `{"files":{"f00":{"displayName":"Code","source":{"path":"code","packaging":"zip"},"destinations":{"here":{"bucketName":"b-${AWS::AccountId}","objectKey":"f00.zip","assumeRoleArn":"arn:aws:iam::444455556666:role/p"}}}},"dockerImages":{"img":{}}}`,
	}), acc)
	require.NoError(t, err)
	s := a.Stacks[0]
	require.Len(t, s.Assets, 1)
	assert.Equal(t, Asset{Name: "Code", Path: "code", Zip: true, Bucket: "b-444455556666", Key: "f00.zip", Region: "eu-west-1", Role: Role{ARN: "arn:aws:iam::444455556666:role/p"}}, s.Assets[0])
	assert.Equal(t, []string{"img"}, s.Images)
	assert.Equal(t, []BootstrapRequirement{{Version: 6, Parameter: "/cdk/version"}}, s.BootstrapRequirements)
}

func TestSynthDigest_CoversPathsAndContents(t *testing.T) {
	digest := func(texts map[string]string) string {
		d, err := sumFiles(newFS(texts))
		require.NoError(t, err)
		return d
	}
	one := digest(map[string]string{"a": "1", "b/c": "2"})
	assert.Equal(t, one, digest(map[string]string{"b/c": "2", "a": "1"}))
	assert.NotEqual(t, one, digest(map[string]string{"a": "2", "b/c": "2"}), "another content")
	assert.NotEqual(t, one, digest(map[string]string{"a": "1", "b/d": "2"}), "another name")
	assert.NotEqual(t, digest(map[string]string{"a": "1b"}), digest(map[string]string{"a1": "b"}), "names and contents do not run together")
}

func TestStack_TemplateMatchesURL(t *testing.T) {
	const body = `{"Resources":{}}`
	sum := sha256.Sum256([]byte(body))
	hash := hex.EncodeToString(sum[:])
	for _, test := range []struct {
		name, address string
		want          bool
	}{
		{"its hash", "s3://b/" + hash + ".json", true},
		{"the hash of another text", "s3://b/" + strings.Repeat("0", 64) + ".json", false},
		{"no hash", "s3://b/template.json", true},
		{"no address", "", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := &Stack{TemplateURL: test.address, Template: Template{Body: body}}
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
