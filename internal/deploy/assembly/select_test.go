package assembly

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
)

// manyPlaces is an assembly with stacks in two accounts, two regions and two Stages, and one that is agnostic.
const manyPlaces = `
-- manifest.json --
{"version": "55.0.0", "artifacts": {
	"Web": {
		"type": "aws:cloudformation:stack", "environment": "aws://444455556666/eu-west-1",
		"properties": {"templateFile": "t.json", "tags": {"team": "web"}}, "dependencies": ["Zone"]},
	"Zone": {
		"type": "aws:cloudformation:stack", "environment": "aws://444455556666/us-east-1",
		"properties": {"templateFile": "t.json"}, "dependencies": ["Base"]},
	"Base": {
		"type": "aws:cloudformation:stack", "environment": "aws://unknown-account/unknown-region",
		"properties": {"templateFile": "t.json", "tags": {"team": "base"}}},
	"assembly-Prod": {"type": "cdk:cloud-assembly",
		"properties": {"directoryName": "assembly-Prod", "displayName": "Prod"}},
	"assembly-Acc": {"type": "cdk:cloud-assembly", "properties": {"directoryName": "assembly-Acc"}}
}}
-- t.json --
{"Parameters": {"Size": {"Type": "String"}, "Token": {"Type": "String", "NoEcho": true}},
	"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}
-- assembly-Prod/manifest.json --
{"version": "55.0.0", "artifacts": {"ProdApi": {
	"type": "aws:cloudformation:stack", "environment": "aws://777788889999/eu-west-1", "displayName": "Prod/Api",
	"properties": {"templateFile": "t.json", "stackName": "Prod-Api"}}}}
-- assembly-Prod/t.json --
{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}
-- assembly-Acc/manifest.json --
{"version": "55.0.0", "artifacts": {"AccApi": {
	"type": "aws:cloudformation:stack", "environment": "aws://444455556666/eu-west-1",
	"properties": {"templateFile": "t.json"}}}}
-- assembly-Acc/t.json --
{"Resources": {"T": {"Type": "AWS::SNS::Topic"}}}
`

func TestSelect_TakesStacksOfPlacesBySelectors(t *testing.T) {
	home, global := Place{"444455556666", "eu-west-1"}, Place{"444455556666", "us-east-1"}
	prod := Place{"777788889999", "eu-west-1"}
	for _, test := range []struct {
		name      string
		selection Selection
		want      string
	}{
		{"a place", Selection{Places: []Place{home}}, "Base Web AccApi"},
		{"two places", Selection{Places: []Place{home, global}}, "Base Zone Web AccApi"},
		{"another account", Selection{Places: []Place{prod}}, "Prod-Api"},
		{"a name", Selection{Places: []Place{home}, Selectors: []Selector{{Name: "Web"}}}, "Web"},
		{"a pattern", Selection{Places: []Place{home, prod}, Selectors: []Selector{{Name: "*Api"}}}, "AccApi Prod-Api"},
		{"a path", Selection{Places: []Place{prod}, Selectors: []Selector{{Name: "Prod/*"}}}, "Prod-Api"},
		{"a Stage", Selection{Places: []Place{home, prod}, Selectors: []Selector{{Stage: "Prod"}}}, "Prod-Api"},
		{
			"a Stage that the app does not name for display",
			Selection{Places: []Place{home, prod}, Selectors: []Selector{{Stage: "Acc"}}},
			"AccApi",
		},
		{"a tag", Selection{Places: []Place{home}, Selectors: []Selector{{Tag: "team=web"}}}, "Web"},
		{"a tag's key", Selection{Places: []Place{home}, Selectors: []Selector{{Tag: "team"}}}, "Base Web"},
		{
			"two selectors",
			Selection{Places: []Place{home}, Selectors: []Selector{{Name: "Web"}, {Stage: "Acc"}}},
			"Web AccApi",
		},
		{
			"both of a selector",
			Selection{Places: []Place{home}, Selectors: []Selector{{Name: "*Api"}, {Name: "Base", Tag: "team=web"}}},
			"AccApi",
		},
		{
			"all but those that are excluded",
			Selection{Places: []Place{home}, Excluded: []Selector{{Stage: "Acc"}, {Name: "Base"}}},
			"Web",
		},
		{
			"an exclusion of what is selected",
			Selection{Places: []Place{home}, Selectors: []Selector{{Tag: "team"}}, Excluded: []Selector{{Name: "W*"}}},
			"Base",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, err := Read(newFS(manyPlaces), acc)
			require.NoError(t, err)
			selected, unselected, err := a.Select(test.selection)
			require.NoError(t, err)
			assert.ElementsMatch(t, strings.Fields(test.want), stackNames(selected))
			assert.Len(t, unselected, len(a.Stacks)-len(selected.Stacks))
			assert.Equal(t, a.Digest, selected.Digest)
		})
	}
}

func TestSelect_KeepsOrderAcrossWhatIsLeftOut(t *testing.T) {
	a, err := Read(newFS(manyPlaces), acc)
	require.NoError(t, err)
	selected, unselected, err := a.Select(Selection{Places: []Place{{"444455556666", "eu-west-1"}}})
	require.NoError(t, err)
	web := selected.Stacks[len(selected.Stacks)-1]
	for _, s := range selected.Stacks {
		if s.Name == "Web" {
			web = s
		}
	}
	require.Len(t, web.Needs, 1, "by way of Zone, which is in another region")
	assert.Same(t, selected.Stacks[0], web.Needs[0])
	assert.Equal(t, "Base", web.Needs[0].Name)
	assert.Len(t, unselected, 2)
	for _, s := range a.Stacks {
		if s.Name == "Web" {
			assert.Equal(t, "Zone", s.Needs[0].Name, "the assembly is as it was")
		}
	}
}

func TestSelect_SetsParameters(t *testing.T) {
	printed := faulttest.Printed(t)
	for _, test := range []struct {
		name       string
		parameters map[string]map[string]string
		want       string
	}{
		{"a value", map[string]map[string]string{"Web": {"Size": "2"}}, ""},
		{"a reference for a secret", map[string]map[string]string{"Web": {"Token": "{{resolve:secretsmanager:t}}"}}, ""},
		{
			"a secret",
			map[string]map[string]string{"Web": {"Token": "x"}},
			"parameter Token of stack Web is a secret (NoEcho), and the configuration may hold none",
		},
		{
			"another parameter",
			map[string]map[string]string{"Web": {"size": "2"}},
			"a value for the parameter size of stack Web, which has no such parameter",
		},
		{
			"another stack",
			map[string]map[string]string{"Zone": {"Size": "2"}},
			"has values for stack Zone, which it does not have: it has Base (444455556666/eu-west-1)",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, err := Read(newFS(manyPlaces), acc)
			require.NoError(t, err)
			selected, _, err := a.Select(Selection{
				Places: []Place{{"444455556666", "eu-west-1"}}, Parameters: test.parameters,
			})
			if test.want != "" {
				printed.Error(err)
				require.ErrorContains(t, err, test.want)
				return
			}
			require.NoError(t, err)
			for _, s := range selected.Stacks {
				if s.Name == "Web" {
					assert.Equal(t, test.parameters["Web"], s.Parameters)
				}
			}
		})
	}
}

func TestSelect_RefusesAnEmptySelection(t *testing.T) {
	printed := faulttest.Printed(t)
	a, err := Read(newFS(manyPlaces), acc)
	require.NoError(t, err)
	_, _, err = a.Select(Selection{Places: []Place{{"111122223333", "eu-west-1"}}})
	printed.Error(err)
	require.ErrorContains(t, err, "no stack of the cloud assembly goes to account 111122223333 in eu-west-1")
	require.ErrorContains(t, err, "Prod-Api (777788889999/eu-west-1)")
}
