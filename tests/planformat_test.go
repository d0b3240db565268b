package tests

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// planFormat matches the version of the plan file's format where it is declared.
var planFormat = regexp.MustCompile(`= "lockstep/plan/([0-9]+)"`)

// One version of the program may read a plan that another wrote. So a change of its fields requires a new version of
// the format. Descriptions in the schema may change.
func TestPlanFormat_ChangesWithFields(t *testing.T) {
	version, schema := planSchema(t)
	golden := filepath.Join("testdata", "planformat", version+".json")
	if _, err := os.Stat(golden); *update && os.IsNotExist(err) {
		require.NoError(t, os.MkdirAll(filepath.Dir(golden), 0o755))
		require.NoError(t, os.WriteFile(golden, schema, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err, "run go test ./tests -run TestPlanFormat -update")
	assert.Equal(t, string(want), string(schema), "the fields differ from those of version %s: raise PlanFormat", version)
}

// planSchema returns the version of the plan file's format, and its JSON schema without descriptions.
func planSchema(t *testing.T) (version string, schema []byte) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(repository), "internal/deploy", func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		isSchema := strings.HasSuffix(name, "/schema/plan.json")
		isSource := strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go")
		if !isSchema && !isSource {
			return nil
		}
		text, err := os.ReadFile(filepath.Join(repository, name))
		if err != nil {
			return err
		}
		if isSchema {
			schema = withoutDescriptions(t, text)
		} else if match := planFormat.FindSubmatch(text); match != nil {
			version = string(match[1])
		}
		return nil
	})
	require.NoError(t, err)
	require.NotEmpty(t, version, "no package below internal/deploy declares the format of plan files")
	require.NotEmpty(t, schema, "no package below internal/deploy has schema/plan.json")
	return version, schema
}

func withoutDescriptions(t *testing.T, schema []byte) []byte {
	t.Helper()
	var document any
	require.NoError(t, json.Unmarshal(schema, &document))
	removeDescriptions(document)
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(document))
	return out.Bytes()
}

// removeDescriptions removes the descriptions of a schema, but no property of that name.
func removeDescriptions(value any) {
	switch v := value.(type) {
	case map[string]any:
		if _, isText := v["description"].(string); isText {
			delete(v, "description")
		}
		for _, inner := range v {
			removeDescriptions(inner)
		}
	case []any:
		for _, inner := range v {
			removeDescriptions(inner)
		}
	}
}
