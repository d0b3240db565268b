package assembly

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
)

func TestTemplate_MayReadFrom(t *testing.T) {
	network, err := ParseTemplate(`{"Outputs": {
		"A": {"Value": "v", "Export": {"Name": "network:A"}},
		"B": {"Value": "v"}}}`)
	require.NoError(t, err)
	resource := func(property string) string {
		return `{"Resources": {"R": {"Type": "T", "Properties": {"P": ` + property + `}}}}`
	}
	parameter := func(name string) string {
		return `{"Parameters": {"` + name + `": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/p"}}}`
	}
	for _, test := range []struct {
		name, text string
		want       bool
	}{
		{"an export of the other", resource(`{"Fn::ImportValue": "network:A"}`), true},
		{"an export of a third", resource(`{"Fn::ImportValue": "storage:A"}`), false},
		{"nothing", resource(`"v"`), false},
		{"nothing but the bootstrap's version", parameter("BootstrapVersion"), false},
		{"a parameter, which the other may write", parameter("P"), true},
		{"a reference that is resolved later", resource(`"{{resolve:ssm:/p}}"`), true},
	} {
		t.Run(test.name, func(t *testing.T) {
			template, err := ParseTemplate(test.text)
			require.NoError(t, err)
			assert.Equal(t, test.want, template.MayReadFrom(network))
		})
	}
}

func TestParseTemplate(t *testing.T) {
	printed := faulttest.Printed(t)
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
	for name, text := range map[string]string{
		"YAML": "Outputs:\n  O: {Value: x}\n", "two documents": "{} {}", "half of one": `{"Resources":`,
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseTemplate(text)
			printed.Error(err)
			require.ErrorContains(t, err, "it is not JSON")
		})
	}
}

func TestTemplates_FindsThoseOfNestedStacksAndAssemblies(t *testing.T) {
	templates, err := Templates(newFS(withStacks(stack("a", `"stackName": "shop-a", "parameters": {"Days": 30},`)) + `
-- x.nested.template.json --
{"Resources": {"X": {"Type": "T"}}}
-- inner/manifest.json --
{"artifacts": {` + stack("b", "") + `}}
-- inner/t.json --
{}
-- asset.code/manifest.json --
not the manifest of an assembly
-- asset.code/y.nested.template.json --
not a template
`))
	require.NoError(t, err)
	resources := map[string]any{"X": map[string]any{"Type": "T"}}
	assert.Equal(t, []TemplateFile{
		{
			File: "inner/t.json", Stack: "b", Account: "444455556666", Region: "eu-west-1",
			Parameters: map[string]string{}, Document: map[string]any{},
		},
		{
			File: "t.json", Stack: "shop-a", Account: "444455556666", Region: "eu-west-1",
			Parameters: map[string]string{"Days": "30"}, Document: map[string]any{},
		},
		{File: "x.nested.template.json", Stack: "x", Document: map[string]any{"Resources": resources}},
	}, templates)
}

func TestAssetHashes(t *testing.T) {
	hash := strings.Repeat("a", 64)
	hashes, err := AssetHashes(newFS(`-- in/s.assets.json --
{"files": {"` + hash + `": {"source": {"path": "t.json"}}, "short": {"source": {"path": "u.json"}}}}
`))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"in/t.json": hash}, hashes)
}
