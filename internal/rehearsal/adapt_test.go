package rehearsal

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault"
)

// adaptedResources adapts an assembly of one stack and returns the resources of its template, as JSON.
func adaptedResources(t *testing.T, a Adapter, files fs.FS) (string, Coverage) {
	t.Helper()
	adapted, coverage, err := a.Adapt(files, map[string]map[string]string{"acme-data": {"Name": "configured"}})
	require.NoError(t, err)
	text, err := fs.ReadFile(adapted, "data.template.json")
	require.NoError(t, err)
	var template struct{ Resources json.RawMessage }
	require.NoError(t, json.Unmarshal(text, &template))
	return string(template.Resources), coverage
}

func TestAdapt_ZonesTakeThePlaceOfPlaceholders(t *testing.T) {
	const resources = `{"Subnet": {"Type": "AWS::EC2::Subnet", "Properties": {
		"AvailabilityZone": "dummy1b", "VpcId": "vpc-12345", "CidrBlock": "dummy1bc"}}}`
	known := adaptTo(map[string]bool{"AWS::EC2::Subnet": true})
	files := oneStack(resources).(fstest.MapFS)
	got, coverage := adaptedResources(t, known, files)
	assert.JSONEq(t, resources, got, "nothing was looked up, so the text is the app's own")
	assert.Empty(t, coverage.Lookups)

	files["manifest.json"].Data = []byte(strings.Replace(string(files["manifest.json"].Data), "{",
		`{"missing": [{"key": "availability-zones:account=4"}], `, 1))
	got, coverage = adaptedResources(t, known, files)
	assert.JSONEq(t, strings.Replace(resources, `"dummy1b"`, `"eu-west-1b"`, 1), got)
	assert.Equal(t, []string{"availability-zones:account=4"}, coverage.Lookups)
	assert.Equal(t, coverage.Lookups, coverage.Of(nil, nil).Lookups)
}

func TestAdapt_MacrosAreExpandedBeforeStandIns(t *testing.T) {
	files := oneStack(`{"F": {"Type": "AWS::Serverless::Function"}, "R": {"Type": "AWS::Serverless::Application"}},
		"Transform": ["AWS::Serverless-2016-10-31"]`)
	adapter := adaptTo(map[string]bool{"AWS::Lambda::Function": true, standInType: true})
	var request MacroTemplate
	adapter.Expand = func(templates []MacroTemplate) ([]map[string]any, error) {
		require.Len(t, templates, 1)
		request = templates[0]
		return []map[string]any{{"Resources": map[string]any{
			"F": map[string]any{"Type": "AWS::Lambda::Function"},
			"T": map[string]any{"Type": "AWS::IoT::TopicRule"},
			"R": map[string]any{"Type": standInType},
		}}}, nil
	}
	got, coverage := adaptedResources(t, adapter, files)
	assert.JSONEq(t, `{"F": {"Type": "AWS::Lambda::Function"},
		"R": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
		"T": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}`, got)
	assert.Equal(t, "eu-west-1", request.Region)
	assert.Equal(t, map[string]string{"Name": "configured"}, request.Parameters)
	require.Len(t, coverage.StandIns, 2)
	assert.Equal(t, 3, coverage.Resources)
}

func TestReadExpanded_MacroThatRefusesIsNamed(t *testing.T) {
	templates := []MacroTemplate{{stack: "orders"}}
	_, err := readExpanded(templates, []byte(`[{"error": "Fn::ForEach layout\n is incorrect"}]`))
	require.ErrorContains(t, err,
		"stack orders: the macros that it declares refuse it: Fn::ForEach layout is incorrect; fix")
	assert.Equal(t, fault.EmulatorTemplate, fault.CodeOf(err))
	_, err = readExpanded(templates, []byte(`[]`))
	require.ErrorContains(t, err, "0 of 1 templates were expanded")
}

func TestAdapt_PublicParametersAreNotRehearsed(t *testing.T) {
	files := oneStack(`{}, "Parameters": {
		"Image": {"Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "Default": "/aws/service/ami/latest"},
		"Own": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/acme/name"},
		"Text": {"Type": "String", "Default": "/aws/service/ami/latest"}}`)
	_, coverage, err := adaptTo(nil).Adapt(files, nil)
	require.NoError(t, err)
	assert.Equal(t, []MissingAttribute{{Stack: "acme-data", LogicalID: "Image", Name: "/aws/service/ami/latest"}},
		coverage.MissingAttributes)
}

// The value is replaced when applications of others are looked for, which comes first, and is still named once.
func TestAdapt_AttributeThatTheEmulatorLacksIsNamed(t *testing.T) {
	files := oneStack(`{"Cluster": {"Type": "AWS::RDS::DBCluster"}}, "Outputs": {
		"Secret": {"Value": {"Fn::GetAtt": ["Cluster", "MasterUserSecret.SecretArn"]}}}`)
	_, coverage, err := adaptTo(map[string]bool{"AWS::RDS::DBCluster": true}).Adapt(files, nil)
	require.NoError(t, err)
	assert.Equal(t, []MissingAttribute{
		{Stack: "acme-data", LogicalID: "Cluster", Name: "MasterUserSecret.SecretArn"},
	}, coverage.MissingAttributes)
}
