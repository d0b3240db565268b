package assembly

import (
	"encoding/json"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

// withImage returns a cloud assembly with an image, whose source is JSON.
func withImage(source string, more fstest.MapFS) fstest.MapFS {
	files := fstest.MapFS{
		"manifest.json": {Data: []byte(`{"version":"54.0.0","artifacts":{
			"Web":{"type":"aws:cloudformation:stack","environment":"aws://111122223333/eu-west-1",
				"dependencies":["Web.assets"],"properties":{"templateFile":"Web.template.json"}},
			"Web.assets":{"type":"cdk:asset-manifest","properties":{"file":"Web.assets.json"}}}}`)},
		"Web.template.json": {Data: []byte("{}")},
		"Web.assets.json": {Data: []byte(`{"version":"54.0.0","files":{},"dockerImages":{"f00":{"displayName":"Api",
			"source":` + source + `,"destinations":{"d":{
				"repositoryName":"cdk-q-container-assets-${AWS::AccountId}-${AWS::Region}","imageTag":"f00",
				"assumeRoleArn":"arn:${AWS::Partition}:iam::${AWS::AccountId}:role/images"}}}}}`)},
		"asset.f00/Dockerfile":         {Data: []byte("FROM scratch\n")},
		"asset.f00/deploy/Dockerfile2": {Data: []byte("FROM scratch\n")},
		"asset.f00.tar":                {Data: []byte("an image")},
	}
	for name, file := range more {
		files[name] = file
	}
	return files
}

// readImage returns the only image of an assembly.
func readImage(t *testing.T, files fstest.MapFS) (Image, error) {
	t.Helper()
	asm, err := Read(files, Defaults{})
	if err != nil {
		return Image{}, err
	}
	require.Len(t, asm.Stacks[0].Images, 1)
	return asm.Stacks[0].Images[0], nil
}

func TestRead_ImageWithEverythingThatABuildTakes(t *testing.T) {
	i, err := readImage(t, withImage(`{"directory":"asset.f00","dockerFile":"deploy/Dockerfile2","dockerBuildTarget":"run",
		"dockerBuildArgs":{"A":"1"},"dockerBuildContexts":{"base":"docker-image://alpine"},
		"dockerBuildSecrets":{"npm":"src=/home/person/.npmrc","token":"env=TOKEN","id":"type=env"},
		"dockerBuildSsh":"default","networkMode":"host","platform":"linux/arm64","dockerOutputs":["type=docker"],
		"cacheFrom":[{"type":"registry","params":{"ref":"r"}}],"cacheTo":{"type":"inline"},"cacheDisabled":true}`, nil))
	require.NoError(t, err)
	assert.Equal(t, Image{
		Name: "Api", Directory: "asset.f00",
		Build: ImageBuild{
			File: "deploy/Dockerfile2", Target: "run", Args: map[string]string{"A": "1"}, Network: "host",
			Platform: "linux/arm64", Contexts: map[string]string{"base": "docker-image://alpine"},
			Secrets:   map[string]string{"npm": "src=/home/person/.npmrc", "token": "env=TOKEN", "id": "type=env"},
			SSH:       "default",
			Outputs:   []string{"type=docker"},
			CacheFrom: []BuildCache{{Type: "registry", Params: map[string]string{"ref": "r"}}},
			CacheTo:   &BuildCache{Type: "inline"}, CacheDisabled: true,
		},
		Repository: "cdk-q-container-assets-111122223333-eu-west-1", Tag: "f00", Region: "eu-west-1",
		Role: Role{ARN: "arn:aws:iam::111122223333:role/images"},
	}, i)
	require.NoError(t, i.CheckSource())
	sources, err := i.Build.SecretSources()
	require.NoError(t, err)
	assert.Equal(t, []string{"/home/person/.npmrc", "SSH_AUTH_SOCK", "TOKEN", "id"}, sources)
}

// loadOf returns the source of an image of the CDK's TarballImageAsset, as aws-cdk-lib writes it.
func loadOf(file string) string {
	return `{"executable":["sh","-c","docker load -i ` + file + ` | tail -n 1 | sed \"s/Loaded image: //\""]}`
}

// dockerfile returns the source of an image with a Dockerfile of that name.
func dockerfile(name string) string { return `{"directory":"asset.f00","dockerFile":"` + name + `"}` }

var tarball = loadOf("asset.f00.tar")

func TestRead_TarballImageIsAFileOfTheAssembly(t *testing.T) {
	i, err := readImage(t, withImage(tarball, nil))
	require.NoError(t, err)
	assert.Equal(t, "asset.f00.tar", i.Archive)
	require.NoError(t, i.CheckSource())

	i, err = readImage(t, withImage(`{"executable":["sh","-c","make image"]}`, nil))
	require.NoError(t, err, "it is refused if its stack is deployed")
	assert.Equal(t, fault.AssetNotSupported, fault.CodeOf(i.CheckSource()))
}

func TestRead_ImageIsWhollyInTheAssembly(t *testing.T) {
	for name, test := range map[string]struct{ source, want string }{
		"a folder above":             {`{"directory":"../f00"}`, "../f00 lies outside the cloud assembly"},
		"a folder of the machine":    {`{"directory":"/home/person"}`, "/home/person lies outside the cloud assembly"},
		"no folder":                  {`{"directory":"none"}`, "none is missing"},
		"a file":                     {`{"directory":"asset.f00.tar"}`, "asset.f00.tar is no folder"},
		"nothing":                    {`{}`, "the manifest names no file"},
		"a Dockerfile above":         {dockerfile("../manifest.json"), "lies outside its folder"},
		"a Dockerfile elsewhere":     {dockerfile("/etc/passwd"), "lies outside its folder"},
		"the standard input":         {dockerfile("-"), "asset.f00/- is missing"},
		"an address":                 {dockerfile("https://example.com/D"), "lies outside its folder"},
		"no such Dockerfile":         {dockerfile("D"), "asset.f00/D is missing"},
		"a Dockerfile that is none":  {dockerfile("deploy"), "asset.f00/deploy is no file"},
		"an archive above":           {loadOf("../a.tar"), "lies outside"},
		"an archive that is missing": {loadOf("a.tar"), "a.tar is missing"},
	} {
		t.Run(name, func(t *testing.T) {
			require.True(t, json.Valid([]byte(test.source)))
			_, err := readImage(t, withImage(test.source, nil))
			require.ErrorContains(t, err, "image Api of stack Web: ")
			require.ErrorContains(t, err, test.want)
		})
	}
}

// Builders read an option as a line of CSV, know names in capital letters, and of two values take one or the other.
func TestCheckSource_RefusesOptionsThatBuildersReadOtherwise(t *testing.T) {
	printed := faulttest.Printed(t)
	cache := func(kind, name, value string) *BuildCache {
		return &BuildCache{Type: kind, Params: map[string]string{name: value}}
	}
	reads := func(kind, name, value string) ImageBuild {
		return ImageBuild{CacheFrom: []BuildCache{*cache(kind, name, value)}}
	}
	takes := func(id, spec string) ImageBuild { return ImageBuild{Secrets: map[string]string{id: spec}} }
	for name, build := range map[string]ImageBuild{
		"a cache of another type in a parameter": {CacheTo: cache("inline", "type", "local")},
		"the same in capital letters":            {CacheTo: cache("inline", "TYPE", "local")},
		"the same in the type":                   {CacheTo: cache("inline,type=local,dest=/home/person", "a", "b")},
		"the same in a value":                    reads("registry", "ref", "r,type=local"),
		"the same in the name":                   reads("registry", "a=b,type", "local"),
		"the same in quotes":                     reads("registry", `"type`, `local"`),
		"credentials of AWS for S3":              reads("s3", "endpoint_url", "https://h"),
		"a token of GitHub":                      {CacheTo: cache("gha", "url", "https://h")},
		"credentials of Azure":                   reads("azblob", "account_url", "https://h"),
		"an image in the person's own registry":  {CacheTo: cache("registry", "ref", "company/app:latest")},
		"a file in capital letters":              takes("RELEASED", "SRC=/home/person/.ssh/id"),
		"a file in quotes":                       takes("RELEASED", `"src=/home/person/.ssh/id"`),
		"a file in the id":                       takes("RELEASED,src=/home/person/.ssh/id", "type=file"),
		"a file and a variable":                  takes("t", "src=/home/person/.ssh/id,env=RELEASED"),
		"a variable and a file":                  takes("t", "env=/home/person/.ssh/id,src=RELEASED"),
		"an option that is not known":            takes("RELEASED", "file=/home/person/.ssh/id"),
		"another id":                             takes("RELEASED", "id=/home/person/.ssh/id"),
		"a folder in a context's name":           {Contexts: map[string]string{"base=/home/person": "https://h"}},
	} {
		t.Run(name, func(t *testing.T) {
			err := printed.Error(Image{Directory: "asset.f00", Build: build}.CheckSource())
			require.Error(t, err)
			assert.Equal(t, fault.AssetNotSupported, fault.CodeOf(err))
		})
	}
}

// What an image is made of is a part of what is promoted, and of what a reviewed plan is of.
func TestSynthDigest_CoversImages(t *testing.T) {
	for name, test := range map[string]struct{ source, file string }{
		"a folder":   {`{"directory":"asset.f00"}`, "asset.f00/deploy/Dockerfile2"},
		"an archive": {tarball, "asset.f00.tar"},
	} {
		t.Run(name, func(t *testing.T) {
			before, err := SynthDigest(withImage(test.source, nil))
			require.NoError(t, err)
			after, err := SynthDigest(withImage(test.source, fstest.MapFS{test.file: {Data: []byte("changed")}}))
			require.NoError(t, err)
			assert.NotEqual(t, before, after)
		})
	}
	before, err := SynthDigest(withImage(`{"directory":"asset.f00"}`, nil))
	require.NoError(t, err)
	after, err := SynthDigest(withImage(`{"directory":"asset.f00","dockerBuildArgs":{"A":"1"}}`, nil))
	require.NoError(t, err)
	assert.NotEqual(t, before, after, "another build")
}
