package assembly

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
)

func TestLookups_WithoutAnswerAreNamed(t *testing.T) {
	printed := faulttest.Printed(t)
	const missing = `"missing": [
		{"key": "vpc-provider:account=1", "provider": "vpc-provider", "props": {"account": "1", "region": "eu-west-1"}},
		{"key": "vpc-provider:account=1", "provider": "vpc-provider", "props": {"account": "1", "region": "eu-west-1"}},
		{"key": "ami:account=1", "provider": "ami", "props": {}}], `
	archive := strings.Replace(withStacks(stack("a", "")), "{", "{"+missing, 1)
	files := newFS(archive)

	read, err := Read(files, acc)
	require.NoError(t, err)
	require.ErrorContains(t, printed.Error(read.CheckLookups()), "it holds placeholders for ami:account=1, "+
		"vpc-provider:account=1: ask AWS for the answers with `lockstep context --env ENVIRONMENT --live`")
	found, err := Lookups(files)
	require.NoError(t, err)
	require.Len(t, found, 2, "each is named once, in order")
	assert.Equal(t, "ami:account=1", found[0].Key)
	assert.Equal(t, "eu-west-1", found[1].Props.Region)

	answered, err := Read(newFS(withStacks(stack("a", ""))), acc)
	require.NoError(t, err)
	require.NoError(t, answered.CheckLookups())
}

func TestTemplate_LoopsAreNoResources(t *testing.T) {
	template, err := ParseTemplate(`{"Transform": "AWS::LanguageExtensions",
		"Resources": {"Fn::ForEach::Topics": ["Name", ["A", "B"], {"Topic${Name}": {"Type": "AWS::SNS::Topic"}}],
			"Queue": {"Type": "AWS::SQS::Queue"}},
		"Outputs": {"Fn::ForEach::Names": ["Name", ["A", "B"], {"Topic${Name}": {"Value": {"Ref": "Topic${Name}"}}}]}}`)
	require.NoError(t, err)
	assert.Empty(t, template.Resources["Fn::ForEach::Topics"].Type)
	assert.Equal(t, "AWS::SQS::Queue", template.Resources["Queue"].Type)
}
