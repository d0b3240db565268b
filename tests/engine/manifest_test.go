package engine

import (
	"bytes"
	"errors"
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

// newManifestSchema compiles the JSON schema of the Kubernetes objects in the manifest. Like the API with strict field
// validation, it refuses an unknown kind, an unknown field and a value of another type.
func newManifestSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.NewCompiler().Compile("testdata/kubernetes.schema.json")
	require.NoError(t, err)
	return schema
}

// validateManifest returns the errors of all documents of a manifest, joined.
func validateManifest(schema *jsonschema.Schema, text string) error {
	var errs []error
	for _, document := range splitManifest(text) {
		object, err := yaml.YAMLToJSON([]byte(document))
		if err != nil {
			return err
		}
		value, err := jsonschema.UnmarshalJSON(bytes.NewReader(object))
		if err != nil {
			return err
		}
		errs = append(errs, schema.Validate(value))
	}
	return errors.Join(errs...)
}

// splitManifest returns the documents of a manifest.
func splitManifest(text string) []string { return strings.Split(text, "\n---\n") }

func TestDocument_EngineManifestIsValid(t *testing.T) {
	schema := newManifestSchema(t)
	text, err := os.ReadFile(manifest)
	require.NoError(t, err)
	require.Len(t, splitManifest(string(text)), 4)
	require.NoError(t, validateManifest(schema, string(text)))
	for name, change := range map[string][2]string{
		"a misspelt field":        {"volumeMounts:", "volumeMount:"},
		"a value of another type": {"replicas: 1", `replicas: "1"`},
		"an unknown kind":         {"kind: StatefulSet", "kind: StatefulSets"},
		"a kind of another API":   {"apiVersion: apps/v1", "apiVersion: v1"},
		"a field in the wrong object": {
			"      automountServiceAccountToken", "      clusterIP: None\n      automountServiceAccountToken",
		},
		"a list instead of a string": {"serviceName: engine", "serviceName: [engine]"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, string(text), change[0])
			assert.Error(t, validateManifest(schema, strings.Replace(string(text), change[0], change[1], 1)))
		})
	}
}

func TestDocument_EngineVersionMatchesModule(t *testing.T) {
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

func TestModule_EngineVersionMatchesTable(t *testing.T) {
	text, err := os.ReadFile("../../dagger.json")
	require.NoError(t, err)
	assert.Contains(t, string(text), `"engineVersion": "v`+pipeline.DaggerVersion+`"`)
}
