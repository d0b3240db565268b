package rehearsal

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"

	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
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

// Each placeholder is that of the CDK. The values are those of the emulator's default network, or have its shape.
func TestAdapt_LookupsAreAnsweredInTheirShape(t *testing.T) {
	const balancer = "arn:aws:elasticloadbalancing:us-west-2:123456789012:loadbalancer/app/my-load-balancer/" +
		"50dc6c495c0c9188"
	here := strings.Replace(balancer, "us-west-2:123456789012", "eu-west-1:444455556666", 1)
	for _, test := range []struct{ provider, text, want string }{
		{
			"vpc-provider", `["vpc-12345", "s-12345", "p-67890", "rtb-12345s", "1.2.3.4/5", "dummy1a"]`,
			`["vpc-00000001", "subnet-00000001", "subnet-00000002", "rtb-00000001", "172.31.0.0/16", "eu-west-1a"]`,
		},
		{"vpc-provider", `"arn:aws:ec2:eu-west-1:4:subnet/p-12345"`, `"arn:aws:ec2:eu-west-1:4:subnet/subnet-00000001"`},
		{"vpc-provider", `["vpc-123456", "my-s-12345", "1.2.3.4/50"]`, `["vpc-123456", "my-s-12345", "1.2.3.4/50"]`},
		{"security-group", `["sg-12345678", "vpc-12345"]`, `["sg-00000001", "vpc-12345"]`},
		{"ami", `"ami-1234"`, `"ami-0123456789abcdef0"`},
		{
			"hosted-zone", `["DUMMY", "arn:aws:route53:::hostedzone/DUMMY", "a DUMMY"]`,
			`["Z00LOCKSTEPLOOKUP", "arn:aws:route53:::hostedzone/Z00LOCKSTEPLOOKUP", "a DUMMY"]`,
		},
		{"load-balancer", `["` + balancer + `", "sg-1234"]`, `["` + here + `", "sg-00000001"]`},
	} {
		resources := func(text string) string { return `{"R": {"Type": "AWS::A::B", "Properties": {"P": ` + text + `}}}` }
		files := oneStack(resources(test.text)).(fstest.MapFS)
		files["manifest.json"].Data = []byte(strings.Replace(string(files["manifest.json"].Data), "{",
			`{"missing": [{"key": "k", "provider": "`+test.provider+`"}], `, 1))
		got, coverage := adaptedResources(t, adaptTo(map[string]bool{"AWS::A::B": true}), files)
		assert.JSONEq(t, resources(test.want), got)
		assert.Equal(t, []string{"k"}, coverage.Lookups)
	}
}

func TestAdapt_PartOfWhatWasLookedUpIsStandIn(t *testing.T) {
	const resources = `{"Record": {"Type": "AWS::Route53::RecordSet", "Properties": {"HostedZoneId": "DUMMY"}},
		"Other": {"Type": "AWS::Route53::RecordSet", "Properties": {"HostedZoneId": {"Ref": "Zone"}}}}`
	files := oneStack(resources).(fstest.MapFS)
	known := adaptTo(map[string]bool{"AWS::Route53::RecordSet": true, standInType: true})
	_, coverage := adaptedResources(t, known, files)
	assert.Empty(t, coverage.StandIns, "nothing was looked up")
	files["manifest.json"].Data = []byte(strings.Replace(string(files["manifest.json"].Data), "{",
		`{"missing": [{"key": "k", "provider": "hosted-zone"}], `, 1))
	_, coverage = adaptedResources(t, known, files)
	require.Len(t, coverage.StandIns, 1)
	assert.Equal(t, "Record", coverage.StandIns[0].LogicalID)
	answered, err := assembly.Templates(coverage.Answered)
	require.NoError(t, err)
	record := answered[0].Document["Resources"].(map[string]any)["Record"].(map[string]any)
	assert.Equal(t, "AWS::Route53::RecordSet", record["Type"], "what is checked is the app's own resource")
	assert.Equal(t, map[string]any{"HostedZoneId": standInHostedZone}, record["Properties"])
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
	printed := faulttest.Printed(t)
	templates := []MacroTemplate{{stack: "orders"}}
	_, err := readExpanded(templates, []byte(`[{"error": "Fn::ForEach layout\n is incorrect"}]`))
	printed.Error(err)
	require.ErrorContains(t, err,
		"stack orders: the macros that it declares refuse it: Fn::ForEach layout is incorrect; fix")
	printed.Error(err)
	assert.Equal(t, fault.EmulatorTemplate, fault.CodeOf(err))
	_, err = readExpanded(templates, []byte(`[]`))
	printed.Error(err)
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
