package assembly

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTemplate_MayReadFrom(t *testing.T) {
	read := func(text string) Template {
		r := &reader{files: fstest.MapFS{"t.json": {Data: []byte(text)}}}
		template, err := r.readTemplate("t.json")
		require.NoError(t, err)
		return template
	}
	network := read(`{"Outputs": {"A": {"Value": "v", "Export": {"Name": "network:A"}}, "B": {"Value": "v"}}}`)
	for _, test := range []struct {
		name, text string
		want       bool
	}{
		{"an export of the other", `{"Resources": {"R": {"Type": "T", "Properties": {"P": {"Fn::ImportValue": "network:A"}}}}}`, true},
		{"an export of a third", `{"Resources": {"R": {"Type": "T", "Properties": {"P": {"Fn::ImportValue": "storage:A"}}}}}`, false},
		{"nothing", `{"Resources": {"R": {"Type": "T"}}}`, false},
		{"nothing but the bootstrap's version", `{"Parameters": {"BootstrapVersion": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/v"}}}`, false},
		{"a parameter, which the other may write", `{"Parameters": {"P": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/p"}}}`, true},
		{"a reference that is resolved later", `{"Resources": {"R": {"Type": "T", "Properties": {"P": "{{resolve:ssm:/p}}"}}}}`, true},
	} {
		t.Run(test.name, func(t *testing.T) { assert.Equal(t, test.want, read(test.text).MayReadFrom(network)) })
	}
}

func TestParseTemplate(t *testing.T) {
	t.Run("sections", func(t *testing.T) {
		template, err := ParseTemplate(`{
			"Resources": {"R": {"Type": "T", "Properties": {"N": 12345678901234567890}, "DeletionPolicy": "Retain",
				"UpdateReplacePolicy": {"Fn::If": ["C", "Retain", "Delete"]}}},
			"Outputs": {"O": {"Value": "v", "Export": {"Name": "e"}}}}`)
		require.NoError(t, err)
		assert.Equal(t, map[string]Resource{"R": {
			Type: "T", Properties: map[string]any{"N": json.Number("12345678901234567890")}, DeletionPolicy: "Retain",
		}}, template.Resources)
		name, ok := template.Outputs["O"].ExportName()
		assert.True(t, ok)
		assert.Equal(t, "e", name)
	})
	t.Run("an empty text is the template of no stack", func(t *testing.T) {
		template, err := ParseTemplate("")
		require.NoError(t, err)
		assert.Empty(t, template)
	})
	for name, text := range map[string]string{"YAML": "Outputs:\n  O: {Value: x}\n", "two documents": "{} {}", "half of one": `{"Resources":`} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseTemplate(text)
			require.ErrorContains(t, err, "it is not JSON")
		})
	}
}

func TestTemplates_FindsThoseOfNestedStacksAndAssemblies(t *testing.T) {
	files := newFS(map[string]string{
		"manifest.json": manifestText(stackText("a", `,"stackName":"shop-a"`)), "t.json": `{"Resources":{"A":{"Type":"T"}}}`,
		"inner/manifest.json": manifestText(stackText("b", "")), "inner/t.json": `{}`,
		"x.nested.template.json":            `{"Resources":{}}`,
		"asset.code/manifest.json":          "no manifest of an assembly",
		"asset.code/y.nested.template.json": "no template",
	})
	templates, err := Templates(files)
	require.NoError(t, err)
	assert.Equal(t, []TemplateFile{
		{File: "inner/t.json", Stack: "b", Account: "444455556666", Region: "eu-west-1", Document: map[string]any{}},
		{File: "t.json", Stack: "shop-a", Account: "444455556666", Region: "eu-west-1", Document: map[string]any{"Resources": map[string]any{"A": map[string]any{"Type": "T"}}}},
		{File: "x.nested.template.json", Stack: "x", Document: map[string]any{"Resources": map[string]any{}}},
	}, templates)
}

func TestAssetHashes(t *testing.T) {
	hash := strings.Repeat("a", 64)
	hashes, err := AssetHashes(newFS(map[string]string{
		"in/s.assets.json": `{"files":{"` + hash + `":{"source":{"path":"t.json"}},"short":{"source":{"path":"u.json"}}}}`,
	}))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"in/t.json": hash}, hashes)
}
