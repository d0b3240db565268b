package rehearsal

import (
	"encoding/json"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// standInOf returns what the value of a tag becomes that refers to the resource R.
func standInOf(t *testing.T, environment, document, reference string) any {
	t.Helper()
	files := fstest.MapFS{
		"manifest.json": {Data: []byte(`{"artifacts": {"data": {"type": "aws:cloudformation:stack",
			"environment": "` + environment + `", "properties": {"templateFile": "data.template.json"}}}}`)},
		"data.template.json": {Data: []byte(`{` + document + `, "Known": {"Type": "AWS::S3::Bucket",
			"Properties": {"Tags": [{"Key": "k", "Value": ` + reference + `}]}}}}`)},
	}
	known := map[string]bool{"AWS::S3::Bucket": true, "AWS::EC2::VPC": true}
	rewritten, _, err := adaptTo(known).Adapt(files, nil)
	require.NoError(t, err)
	text, err := fs.ReadFile(rewritten, "data.template.json")
	require.NoError(t, err)
	var template struct {
		Resources struct {
			Known struct {
				Properties struct{ Tags []struct{ Value any } }
			}
		}
		Transform any
	}
	require.NoError(t, json.Unmarshal(text, &template))
	return template.Resources.Known.Properties.Tags[0].Value
}

func TestStandInValue_HasTheShapeOfTheSchema(t *testing.T) {
	const acc = "aws://444455556666/eu-west-1"
	for _, test := range []struct {
		name, environment, resource, reference string
		want                                   any
	}{
		{
			"a reference to what is identified by an ARN", acc, `"Type": "AWS::Batch::JobQueue"`, `{"Ref": "R"}`,
			"arn:aws:batch:eu-west-1:444455556666:stand-in/R",
		},
		{
			"an ARN in a stack without a place", "aws://unknown-account/unknown-region", `"Type": "AWS::Batch::JobQueue"`,
			`{"Ref": "R"}`,
			map[string]any{"Fn::Sub": "arn:aws:batch:${AWS::Region}:${AWS::AccountId}:stand-in/R"},
		},
		{
			"an ARN in a text", "aws://unknown-account/unknown-region", `"Type": "AWS::Batch::JobQueue"`,
			`{"Fn::Sub": "to ${R}"}`,
			map[string]any{"Fn::Sub": "to arn:aws:batch:${AWS::Region}:${AWS::AccountId}:stand-in/R"},
		},
		{
			"a property that the template gives", acc, `"Type": "AWS::Batch::JobQueue", "Properties": {"JobQueueName": "q"}`,
			`{"Fn::GetAtt": ["R", "JobQueueName"]}`, "q",
		},
		{
			"a property that is a reference to a parameter", acc,
			`"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": {"Ref": "P"}}`, `{"Fn::GetAtt": ["R", "CidrBlock"]}`,
			map[string]any{"Ref": "P"},
		},
		{
			"an attribute that the emulator lacks", acc, `"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.1.0.0/16"}`,
			`{"Fn::Sub": "${R.CidrBlock}"}`,
			map[string]any{"Fn::Sub": "10.1.0.0/16"},
		},
		{
			"a property that refers to another resource", acc,
			`"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": {"Fn::GetAtt": ["R", "CidrBlock"]}}`,
			`{"Fn::GetAtt": ["R", "CidrBlock"]}`, "10.0.0.0/16",
		},
		{
			"a number", acc, `"Type": "AWS::EC2::LaunchTemplate"`, `{"Fn::GetAtt": ["R", "LatestVersionNumber"]}`,
			"stand-in-R-LatestVersionNumber",
		},
		{
			"a type that nobody knows", acc, `"Type": "AWS::Nobody::Knows"`, `{"Fn::GetAtt": ["R", "RoleArn"]}`,
			"arn:aws:nobody:eu-west-1:444455556666:stand-in/R",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			document := `"Parameters": {"P": {"Type": "String"}}, "Resources": {"R": {` + test.resource + `}`
			assert.Equal(t, test.want, standInOf(t, test.environment, document, test.reference))
		})
	}
}

func TestValueMaker_TakesTypePatternAndLength(t *testing.T) {
	v := valueMaker{id: "R", attribute: "X", name: "X", resourceType: "AWS::A::B"}
	for _, test := range []struct {
		name, schema string
		want         any
	}{
		{"a number", `{"type": "integer"}`, 1},
		{"a number with a minimum", `{"type": "integer", "minimum": 5}`, 5.0},
		{"a boolean", `{"type": "boolean"}`, true},
		{"a list", `{"type": "array", "items": {"type": "string"}}`, []any{"stand-in-R-X"}},
		{"one of several", `{"type": "string", "enum": ["b", "a"]}`, "b"},
		{"an id", `{"type": "string", "pattern": "^subnet-[0-9a-f]{17}$"}`, "subnet-0123456789abcdef0"},
		{"small letters", `{"type": "string", "pattern": "^[a-z]{1,20}$"}`, "standinrx"},
		{"an account", `{"type": "string", "pattern": "^\\d{12}$"}`, "123456789012"},
		{"few letters", `{"type": "string", "maxLength": 7}`, "standin"},
		{"an address", `{"type": "string", "format": "uri"}`, "https://stand-in.example.com/R"},
		{"what it cannot make", `{"type": "string", "pattern": "^%%$"}`, "stand-in-R-X"},
	} {
		t.Run(test.name, func(t *testing.T) {
			var n schemaNode
			require.NoError(t, json.Unmarshal([]byte(test.schema), &n))
			assert.Equal(t, test.want, v.value(n, 0))
		})
	}
}

func TestAdapt_DropsTransformWithNothingLeft(t *testing.T) {
	for _, test := range []struct {
		name, transform, resources, want string
	}{
		{
			"its resources are replaced", `"AWS::Serverless-2016-10-31"`, `{"R": {"Type": "AWS::Serverless::Application"}}`,
			"null",
		},
		{
			"one of several", `["AWS::Serverless-2016-10-31", "Mine"]`, `{"R": {"Type": "AWS::Serverless::Application"}}`,
			`["Mine"]`,
		},
		{
			"another macro", `"Mine"`, `{"T": {"Type": "AWS::CloudTrail::Trail"}}`, `"Mine"`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			files := oneStack(test.resources).(fstest.MapFS)
			document := `{"Transform": ` + test.transform + `, "Resources": ` + test.resources + `}`
			files["data.template.json"].Data = []byte(document)
			rewritten, _, err := adaptTo(nil).Adapt(files, nil)
			require.NoError(t, err)
			text, err := fs.ReadFile(rewritten, "data.template.json")
			require.NoError(t, err)
			var template struct{ Transform any }
			require.NoError(t, json.Unmarshal(text, &template))
			got, err := json.Marshal(template.Transform)
			require.NoError(t, err)
			assert.JSONEq(t, test.want, string(got))
		})
	}
}
