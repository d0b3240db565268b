package rehearsal

import (
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
)

func TestReadParameters_HaveValuesOfTheirTypes(t *testing.T) {
	const manifest = `{"version": "36.0.0", "artifacts": {
		"web": {"type": "aws:cloudformation:stack", "environment": "aws://444455556666/eu-west-1", "properties": {
			"templateFile": "web.json", "parameters": {"Given": "/given"}}},
		"makes": {"type": "aws:cloudformation:stack", "environment": "aws://444455556666/eu-west-1", "properties": {
			"templateFile": "makes.json"}}}}`
	files := fstest.MapFS{
		"manifest.json": {Data: []byte(manifest)},
		"makes.json": {Data: []byte(`{"Resources": {
			"Made": {"Type": "AWS::SSM::Parameter", "Properties": {"Name": "/made", "Value": "1"}},
			"Unnamed": {"Type": "AWS::SSM::Parameter", "Properties": {"Value": "1"}}}}`)},
		"web.json": {Data: []byte(`{"Parameters": {
			"Plain": {"Type": "String", "Default": "/plain"},
			"Name": {"Type": "AWS::SSM::Parameter::Name", "Default": "/name"},
			"Queue": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/orders/queue.name"},
			"Again": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/orders/queue.name"},
			"Given": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/default"},
			"Made": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/made"},
			"Shared": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "arn:aws:ssm:eu-west-1:1:parameter/x"},
			"Image": {"Type": "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>", "Default": "/image"},
			"Linux": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/aws/service/ami-amazon-linux-latest/x"},
			"Subnets": {"Type": "AWS::SSM::Parameter::Value<List<AWS::EC2::Subnet::Id>>", "Default": "/subnets"},
			"Zone": {"Type": "AWS::SSM::Parameter::Value<AWS::EC2::AvailabilityZone::Name>", "Default": "/zone"}},
			"Resources": {"Topic": {"Type": "AWS::SNS::Topic",
				"Properties": {"DisplayName": "{{resolve:ssm:/text:3}} {{resolve:ssm-secure:/secret}}"}}}}`)},
	}
	asm, err := assembly.Read(files, assembly.Defaults{Account: "444455556666", Region: "eu-west-1"})
	require.NoError(t, err)
	read, err := ReadParameters(asm)
	require.NoError(t, err)
	values := map[string]string{}
	for _, p := range read {
		assert.Equal(t, p.Name == "/made", p.IsMade, p.Name)
		assert.Equal(t, "web", p.Stack)
		assert.Equal(t, assembly.Place{Account: "444455556666", Region: "eu-west-1"}, p.Place)
		assert.Equal(t, p.Name == "/subnets", p.IsList, p.Name)
		assert.NotContains(t, values, p.Name, "each once")
		values[p.Name] = p.Value
	}
	assert.Equal(t, map[string]string{
		"/orders/queue.name": "stand-in-orders-queue-name", "/given": "stand-in-given", "/text": "stand-in-text",
		"/made":  "stand-in-made",
		"/image": "ami-0123456789abcdef0", "/aws/service/ami-amazon-linux-latest/x": "ami-0123456789abcdef0",
		"/subnets": "subnet-0123456789abcdef0", "/zone": "eu-west-1a",
	}, values)
}

func TestOutsideValue_IsShortAndPlain(t *testing.T) {
	value := outsideValue("/a-very/long/name/of/a/parameter/that/has/no/end/to/it/at/all-", "String", "eu-west-1")
	assert.Equal(t, "stand-in-a-very-long-name-of-a-parameter-that-has-no-end-to", value)
}
