package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
)

// gitLabSchema is the schema that GitLab publishes for its pipeline files, as the package check-jsonschema 0.39.0 on
// PyPI contains it, whose checksum of it is gitLabSchemaSum.
const (
	gitLabSchema    = "testdata/gitlab-schema/gitlab-ci.json"
	gitLabSchemaSum = "1c6eeb7d3a34c39996afbfe1ade220480eb05bbeae674e86d3c745dfeeded7fd"
)

// compileGitLabSchema returns GitLab's schema.
func compileGitLabSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := os.ReadFile(gitLabSchema)
	require.NoError(t, err)
	sum := sha256.Sum256(text)
	require.Equal(t, gitLabSchemaSum, hex.EncodeToString(sum[:]))
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(text)))
	require.NoError(t, err)
	compiler := jsonschema.NewCompiler()
	require.NoError(t, compiler.AddResource("gitlab-ci.json", document))
	schema, err := compiler.Compile("gitlab-ci.json")
	require.NoError(t, err)
	return schema
}

// validateYAML validates a YAML text.
func validateYAML(t *testing.T, schema *jsonschema.Schema, text string) error {
	t.Helper()
	encoded, err := yaml.YAMLToJSON([]byte(text))
	require.NoError(t, err)
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(string(encoded)))
	require.NoError(t, err)
	return schema.Validate(document)
}

func TestWorkflows_GitLabsSchemaAcceptsThem(t *testing.T) {
	schema := compileGitLabSchema(t)
	for name, example := range examples {
		if example.Service != config.GitLab {
			continue
		}
		for _, file := range filesOf(t, example) {
			assert.NoError(t, validateYAML(t, schema, file.Text), "%s: %s", name, file.Path)
		}
	}
}

func TestWorkflows_GitLabsSchemaRefusesWhatGitLabDoesNotKnow(t *testing.T) {
	schema := compileGitLabSchema(t)
	files := filesOf(t, examples["gitlab-host"])
	for what, replace := range map[string][2]string{
		"a key":               {"    interruptible:", "    interruptable:"},
		"a value":             {"when: manual", "when: by-hand"},
		"a kind of reports":   {"junit:", "junits:"},
		"access to artifacts": {"access: developer", "access: reporter"},
	} {
		changed := false
		for _, file := range files {
			text := strings.ReplaceAll(file.Text, strings.TrimSpace(replace[0]), strings.TrimSpace(replace[1]))
			if text == file.Text {
				continue
			}
			changed = true
			assert.Error(t, validateYAML(t, schema, text), "%s in %s", what, file.Path)
		}
		assert.True(t, changed, what)
	}
}
