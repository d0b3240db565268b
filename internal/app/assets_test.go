package app

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/fault"
	"lockstep/internal/jsonx"
)

// appWithCommand is an app, as a script, whose stack and Stage have an asset that the command in command.json makes.
const appWithCommand = `set -e
command=$(cat command.json)
code='{"displayName":"Code","source":{"executable":'$command'},"destinations":{}}'
assets='{"version":"36.0.0","files":{"code":'$code'}}'
mkdir -p "$CDK_OUTDIR/stage"
echo "$assets" > "$CDK_OUTDIR/web.assets.json"
echo "$assets" > "$CDK_OUTDIR/stage/web.assets.json"
part='"web.assets":{"type":"cdk:asset-manifest","properties":{"file":"web.assets.json"}}'
echo '{"version":"36.0.0","artifacts":{'$part'}}' > "$CDK_OUTDIR/stage/manifest.json"
self='"self":{"type":"cdk:cloud-assembly","properties":{"directoryName":"."}}'
stage='"stage":{"type":"cdk:cloud-assembly","properties":{"directoryName":"stage"}}'
echo '{"version":"36.0.0","artifacts":{'$part,$self,$stage'}}' > "$CDK_OUTDIR/manifest.json"
`

// makeScript makes a file and prints its path. It notes that it ran, and what it knows of AWS.
const makeScript = `set -e
echo "making $1 $AWS_ACCESS_KEY_ID" >> runs
printf 'content of %s' "$1" > built.zip
echo "progress" >&2
echo built.zip
`

// synthesise runs an app with a command that makes its asset and returns the folder of its assembly.
func synthesise(t *testing.T, command string) (root, folder string, err error) {
	t.Helper()
	app := newApp(t, ".")
	for name, text := range map[string]string{
		"app.sh": appWithCommand, "make.sh": makeScript, "cdk.json": `{"app":"sh app.sh"}`, "command.json": command,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(app.Root, name), []byte(text), 0o644))
	}
	app.Environ, app.Log = append(os.Environ(), "AWS_ACCESS_KEY_ID=leaked"), io.Discard
	c := &config.Config{Environments: []config.Environment{{
		Name: "dev", Account: config.Account{ID: "111122223333", Region: "eu-west-1"},
	}}}
	err = app.Synthesise(t.Context(), c, filepath.Join(app.Root, "out"))
	return app.Root, filepath.Join(app.Root, "out", "dev"), err
}

func TestAssets_CommandRunsOnceAsAPartOfTheSynthesis(t *testing.T) {
	root, folder, err := synthesise(t, `["sh","make.sh","a b"]`)
	require.NoError(t, err)
	for _, dir := range []string{folder, filepath.Join(folder, "stage")} {
		text, err := os.ReadFile(filepath.Join(dir, "web.assets.json"))
		require.NoError(t, err)
		var manifest struct {
			Version string `json:"version"`
			Files   map[string]struct {
				DisplayName string            `json:"displayName"`
				Source      map[string]string `json:"source"`
			} `json:"files"`
		}
		require.NoError(t, jsonx.UnmarshalForeign(text, &manifest))
		assert.Equal(t, "36.0.0", manifest.Version)
		assert.Equal(t, "Code", manifest.Files["code"].DisplayName)
		source := manifest.Files["code"].Source
		assert.Equal(t, "file", source["packaging"])
		assert.Regexp(t, `^asset\.made-[0-9a-f]{64}\.zip$`, source["path"])
		content, err := os.ReadFile(filepath.Join(dir, source["path"]))
		require.NoError(t, err)
		assert.Equal(t, "content of a b", string(content))
	}
	runs, err := os.ReadFile(filepath.Join(root, "runs"))
	require.NoError(t, err)
	assert.Equal(t, "making a b \n", string(runs), "once, and without credentials")
}

func TestAssets_CommandThatMakesNoFileIsAnError(t *testing.T) {
	for name, test := range map[string]struct {
		command string
		code    fault.Code
		want    string
	}{
		"it fails": {
			`["sh","-c","exit 3"]`, fault.SynthFailed, "asset code: the command `sh -c exit 3` ended with status 3",
		},
		"it is not there": {`["no-such-program"]`, fault.SynthFailed, "ended with status 127"},
		"it prints nothing": {
			`["true"]`, fault.AssetUnusable, "has to print the path of the file that it makes, and nothing else",
		},
		"it prints two lines":  {`["printf","a\\nb"]`, fault.AssetUnusable, "and nothing else"},
		"it makes a folder":    {`["echo","."]`, fault.AssetUnusable, "is not a regular file but a folder"},
		"it names what is not": {`["echo","missing.zip"]`, fault.AssetUnusable, "no such file or directory"},
	} {
		t.Run(name, func(t *testing.T) {
			_, folder, err := synthesise(t, test.command)
			assert.Equal(t, test.code, fault.CodeOf(err), "%v", err)
			require.ErrorContains(t, err, test.want)
			assert.NoDirExists(t, folder, "no assembly is left that lacks it")
			assert.NotContains(t, strings.ToLower(err.Error()), "leaked")
		})
	}
}
