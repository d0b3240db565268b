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
var planFormat = regexp.MustCompile(`(?m)Format += FormatPrefix \+ "([0-9]+)"`)

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
	assert.Equal(t, string(want), string(schema), "the fields differ from those of version %s: raise the version", version)
}

// planSchema returns the version of the plan file's format, and the fields in its JSON schema.
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
			schema = fieldsOf(t, text)
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

// fieldsOf returns a schema without descriptions and without the names of Go types, which are no part of the format.
func fieldsOf(t *testing.T, schema []byte) []byte {
	t.Helper()
	var document struct {
		Definitions map[string]any `json:"$defs"`
	}
	require.NoError(t, json.Unmarshal(schema, &document))
	var root map[string]any
	require.NoError(t, json.Unmarshal(schema, &root))
	delete(root, "$defs")
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetIndent("", "  ")
	require.NoError(t, encoder.Encode(resolve(root, document.Definitions)))
	return out.Bytes()
}

// resolve replaces each reference in a schema by its definition, and removes the descriptions. A property of the name
// description stays.
func resolve(value any, definitions map[string]any) any {
	switch v := value.(type) {
	case map[string]any:
		if reference, ok := v["$ref"].(string); ok {
			return resolve(definitions[strings.TrimPrefix(reference, "#/$defs/")], definitions)
		}
		resolved := map[string]any{}
		for key, inner := range v {
			if _, isText := inner.(string); key != "description" || !isText {
				resolved[key] = resolve(inner, definitions)
			}
		}
		return resolved
	case []any:
		resolved := make([]any, len(v))
		for i, inner := range v {
			resolved[i] = resolve(inner, definitions)
		}
		return resolved
	}
	return value
}

func TestPlanFormat_FieldsAreCompared(t *testing.T) {
	const schema = `{"$defs": {"T": {"properties": {"a": {"type": "string", "description": "A is."}}}}, ` +
		`"properties": {"t": {"$ref": "#/$defs/T"}}}`
	for name, test := range map[string]struct {
		from, to string
		equal    bool
	}{
		"another description": {"A is.", "A was.", true},
		"another type name":   {"T", "U", true},
		"another field":       {`"a"`, `"b"`, false},
		"another type":        {"string", "number", false},
	} {
		t.Run(name, func(t *testing.T) {
			changed := strings.ReplaceAll(schema, test.from, test.to)
			assert.Equal(t, test.equal, string(fieldsOf(t, []byte(schema))) == string(fieldsOf(t, []byte(changed))))
		})
	}
}
