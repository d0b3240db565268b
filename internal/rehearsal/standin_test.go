package rehearsal

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// oneStack returns a cloud assembly with one stack, which has these resources.
func oneStack(resources string) fs.FS {
	return fstest.MapFS{
		"manifest.json": {Data: []byte(`{"artifacts": {"data": {
			"type": "aws:cloudformation:stack", "environment": "aws://444455556666/eu-west-1",
			"properties": {"templateFile": "data.template.json", "stackName": "acme-data"}}}}`)},
		"data.template.json": {Data: fmt.Appendf(nil, `{"Resources": %s}`, resources)},
	}
}

// adaptTo returns an adapter to accounts that know some types, and expand no macros.
func adaptTo(known map[string]bool) Adapter {
	return Adapter{KnownTypes: func() (map[string]bool, error) { return known, nil }}
}

func TestAdapt_UsesStandIns(t *testing.T) {
	known := map[string]bool{
		"AWS::S3::Bucket": true, secretType: true, "AWS::EKS::Nodegroup": true,
		"AWS::CloudFormation::CustomResource": true,
	}
	for _, test := range []struct {
		name, resources, want string
		standIns              []string
	}{
		{
			name:      "known types stay as they are",
			resources: `{"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "b"}}}`,
			want:      `{"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "b"}}}`,
		},
		{
			name: "an unknown type keeps its dependencies and policies and loses its properties",
			resources: `{
				"Trail": {"Type": "AWS::CloudTrail::Trail", "DependsOn": ["Bucket"], "DeletionPolicy": "Retain",
					"Properties": {"IsLogging": true}},
				"Bucket": {"Type": "AWS::S3::Bucket"}}`,
			want: `{
				"Trail": {"Type": "AWS::CloudFormation::WaitConditionHandle", "DependsOn": ["Bucket"], "DeletionPolicy": "Retain"},
				"Bucket": {"Type": "AWS::S3::Bucket"}}`,
			standIns: []string{"AWS::CloudTrail::Trail"},
		},
		{
			name: "custom resources, whose programs need Lambda",
			resources: `{
				"Empty": {"Type": "Custom::S3AutoDeleteObjects", "Properties": {"ServiceToken": "arn"}},
				"Other": {"Type": "AWS::CloudFormation::CustomResource", "Properties": {"ServiceToken": "arn"}}}`,
			want: `{
				"Empty": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
				"Other": {"Type": "AWS::CloudFormation::WaitConditionHandle"}}`,
			standIns: []string{"Custom::S3AutoDeleteObjects", "AWS::CloudFormation::CustomResource"},
		},
		{
			name: "references to a stand-in get a value of the right shape",
			resources: `{
				"Trail": {"Type": "AWS::CloudTrail::Trail"},
				"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {
					"BucketName": {"Fn::Sub": "x-${Trail}-${AWS::Region}"},
					"Tags": [
						{"Key": "arn", "Value": {"Fn::GetAtt": ["Trail", "Arn"]}},
						{"Key": "short", "Value": {"Fn::GetAtt": "Trail.SnsTopicArn"}},
						{"Key": "name", "Value": {"Ref": "Trail"}}]}}}`,
			want: `{
				"Trail": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
				"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {
					"BucketName": {"Fn::Sub": "x-stand-in-Trail-${AWS::Region}"},
					"Tags": [
						{"Key": "arn", "Value": "arn:aws:cloudtrail:eu-west-1:444455556666:stand-in/Trail"},
						{"Key": "short", "Value": "arn:aws:cloudtrail:eu-west-1:444455556666:stand-in/Trail"},
						{"Key": "name", "Value": "stand-in-Trail"}]}}}`,
			standIns: []string{"AWS::CloudTrail::Trail"},
		},
		{
			name: "what is split at colons is an ARN",
			resources: `{
				"Job": {"Type": "AWS::Batch::JobDefinition"},
				"Secret": {"Type": "AWS::SecretsManager::Secret"},
				"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName":
					{"Fn::Select": [5, {"Fn::Split": [":", {"Ref": "Job"}]}]}, "Tags": [
						{"Fn::Split": [":", {"Ref": "Secret"}]}, {"Fn::Split": ["-", {"Ref": "Secret"}]}]}}}`,
			want: `{
				"Job": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
				"Secret": {"Type": "AWS::SecretsManager::Secret"},
				"Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName":
					{"Fn::Select": [5, {"Fn::Split": [":", "arn:aws:batch:eu-west-1:444455556666:stand-in/Job"]}]}, "Tags": [
						{"Fn::Split": [":", {"Fn::GetAtt": ["Secret", "Id"]}]}, {"Fn::Split": ["-", {"Ref": "Secret"}]}]}}}`,
			standIns: []string{"AWS::Batch::JobDefinition"},
		},
		{
			name: "a secret that is split needs no stand-in",
			resources: `{"Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {
				"Name": {"Fn::Split": [":", {"Ref": "Secret"}]}}}}`,
			want: `{"Secret": {"Type": "AWS::SecretsManager::Secret", "Properties": {
				"Name": {"Fn::Split": [":", {"Fn::GetAtt": ["Secret", "Id"]}]}}}}`,
		},
		{
			name: "what is part of a stand-in",
			resources: `{
				"Cluster": {"Type": "Custom::Cluster"},
				"Nodes": {"Type": "AWS::EKS::Nodegroup", "Properties": {"ClusterName": {"Ref": "Cluster"}}},
				"Others": {"Type": "AWS::EKS::Nodegroup", "Properties": {"ClusterName": "given"}}}`,
			want: `{
				"Cluster": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
				"Nodes": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
				"Others": {"Type": "AWS::EKS::Nodegroup", "Properties": {"ClusterName": "given"}}}`,
			standIns: []string{"Custom::Cluster", "AWS::EKS::Nodegroup"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			files, coverage, err := adaptTo(known).Adapt(oneStack(test.resources), nil)
			require.NoError(t, err)
			text, err := fs.ReadFile(files, "data.template.json")
			require.NoError(t, err)
			var template struct{ Resources json.RawMessage }
			require.NoError(t, json.Unmarshal(text, &template))
			assert.JSONEq(t, test.want, string(template.Resources))
			var types []string
			for _, s := range coverage.StandIns {
				types = append(types, s.Type)
			}
			assert.ElementsMatch(t, test.standIns, types)
		})
	}
}

// A nested stack's template is published under the hash of its content, which its parent refers to.
func TestAdapt_RenamesPublishedTemplates(t *testing.T) {
	nested := `{"Resources": {"Trail": {"Type": "AWS::CloudTrail::Trail"}}}`
	hash := strings.Repeat("a", 64)
	resources := `{"Nested": {"Type": "AWS::CloudFormation::Stack",
		"Properties": {"TemplateURL": "https://b/` + hash + `.json"}}}`
	source := oneStack(resources).(fstest.MapFS)
	source["x.nested.template.json"] = &fstest.MapFile{Data: []byte(nested)}
	source["data.assets.json"] = &fstest.MapFile{
		Data: fmt.Appendf(nil, `{"files": {%q: {"source": {"path": "x.nested.template.json"}}}}`, hash),
	}
	files, _, err := adaptTo(map[string]bool{"AWS::CloudFormation::Stack": true}).Adapt(source, nil)
	require.NoError(t, err)

	text, err := fs.ReadFile(files, "x.nested.template.json")
	require.NoError(t, err)
	sum := sha256.Sum256(text)
	newHash := hex.EncodeToString(sum[:])
	for _, name := range []string{"data.template.json", "data.assets.json"} {
		text, err := fs.ReadFile(files, name)
		require.NoError(t, err)
		assert.Contains(t, string(text), newHash, name)
		assert.NotContains(t, string(text), hash, name)
	}
}
