package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/pipeline"
)

const manifest = "../../docs/remote-engine.yaml"

// kubernetes is what the Kubernetes API takes, with unknown fields refused.
func kubernetes(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile("testdata/kubernetes-1.33.json")
	require.NoError(t, err)
	read, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("kubernetes.json", read))
	schema, err := compiler.Compile("kubernetes.json")
	require.NoError(t, err)
	return schema
}

// objects are the parts of a manifest, as JSON has them.
func objects(t *testing.T, text string) []any {
	t.Helper()
	var out []any
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		var one any
		err := decoder.Decode(&one)
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		converted, err := json.Marshal(one)
		require.NoError(t, err)
		read, err := jsonschema.UnmarshalJSON(bytes.NewReader(converted))
		require.NoError(t, err)
		out = append(out, read)
	}
}

func TestDocumentedManifestIsOneThatKubernetesTakes(t *testing.T) {
	schema := kubernetes(t)
	text, err := os.ReadFile(manifest)
	require.NoError(t, err)
	all := objects(t, string(text))
	require.Len(t, all, 4)
	for _, one := range all {
		assert.NoError(t, schema.Validate(one))
	}
	for name, change := range map[string][2]string{
		"a field that is misspelt":         {"volumeMounts:", "volumeMount:"},
		"a value of another type":          {"replicas: 1", `replicas: "1"`},
		"a kind that it does not know":     {"kind: StatefulSet", "kind: StatefulSets"},
		"a field that must be there":       {"mountPath: /var/lib/dagger", "readOnly: true"},
		"a field in the wrong place":       {"      automountServiceAccountToken", "      clusterIP: None\n      automountServiceAccountToken"},
		"a list where there is one string": {"serviceName: engine", "serviceName: [engine]"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, string(text), change[0])
			var refused bool
			for _, one := range objects(t, strings.Replace(string(text), change[0], change[1], 1)) {
				refused = refused || schema.Validate(one) != nil
			}
			assert.True(t, refused)
		})
	}
}

func TestDocumentedEngineIsTheOneThatTheModuleIsWrittenFor(t *testing.T) {
	image := regexp.MustCompile(`registry\.dagger\.io/engine[^\s"` + "`" + `]+`)
	for file, times := range map[string]int{manifest: 1, "../../docs/remote-engine.md": 1} {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		found := image.FindAllString(string(text), -1)
		assert.Len(t, found, times, file)
		for _, one := range found {
			assert.Equal(t, pipeline.DaggerEngine, one, file)
		}
	}
	guide, err := os.ReadFile("../../docs/dagger.md")
	require.NoError(t, err)
	assert.Contains(t, string(guide), pipeline.DaggerVersion)
}

func TestModuleAsksForTheEngineOfTheTable(t *testing.T) {
	text, err := os.ReadFile("../../dagger.json")
	require.NoError(t, err)
	assert.Contains(t, string(text), `"engineVersion": "v`+pipeline.DaggerVersion+`"`)
}
