package rehearsal

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// oneStack is an assembly of one stack with these resources.
func oneStack(resources string) fs.FS {
	return fstest.MapFS{
		"manifest.json": {Data: []byte(`{"artifacts":{"data":{"type":"aws:cloudformation:stack","environment":"aws://444455556666/eu-west-1",
			"properties":{"templateFile":"data.template.json","stackName":"acme-data"}}}}`)},
		"data.template.json": {Data: fmt.Appendf(nil, `{"Resources":%s}`, resources)},
	}
}

func TestReplaceUnknownTypes_UsesStandIns(t *testing.T) {
	known := map[string]bool{"AWS::S3::Bucket": true, "AWS::CloudFormation::CustomResource": true}
	tests := map[string]struct {
		resources, want string
		standIns        []string
	}{
		"known types stay as they are": {
			resources: `{"Bucket":{"Type":"AWS::S3::Bucket","Properties":{"BucketName":"b"}}}`,
			want:      `{"Bucket":{"Type":"AWS::S3::Bucket","Properties":{"BucketName":"b"}}}`,
		},
		"an unknown type keeps what orders it and loses what only it understands": {
			resources: `{"Trail":{"Type":"AWS::CloudTrail::Trail","DependsOn":["Bucket"],"DeletionPolicy":"Retain","Properties":{"IsLogging":true}},"Bucket":{"Type":"AWS::S3::Bucket"}}`,
			want:      `{"Trail":{"Type":"AWS::CloudFormation::WaitConditionHandle","DependsOn":["Bucket"],"DeletionPolicy":"Retain"},"Bucket":{"Type":"AWS::S3::Bucket"}}`,
			standIns:  []string{"AWS::CloudTrail::Trail"},
		},
		"custom resources, whose programs need Lambda": {
			resources: `{"Empty":{"Type":"Custom::S3AutoDeleteObjects","Properties":{"ServiceToken":"arn"}},"Other":{"Type":"AWS::CloudFormation::CustomResource","Properties":{"ServiceToken":"arn"}}}`,
			want:      `{"Empty":{"Type":"AWS::CloudFormation::WaitConditionHandle"},"Other":{"Type":"AWS::CloudFormation::WaitConditionHandle"}}`,
			standIns:  []string{"Custom::S3AutoDeleteObjects", "AWS::CloudFormation::CustomResource"},
		},
		"references to a stand-in get a value of the right shape": {
			resources: `{"Trail":{"Type":"AWS::CloudTrail::Trail"},"Bucket":{"Type":"AWS::S3::Bucket","Properties":{"BucketName":{"Fn::Sub":"x-${Trail}-${AWS::Region}"},
				"Tags":[{"Key":"arn","Value":{"Fn::GetAtt":["Trail","Arn"]}},{"Key":"name","Value":{"Ref":"Trail"}}]}}}`,
			want: `{"Trail":{"Type":"AWS::CloudFormation::WaitConditionHandle"},"Bucket":{"Type":"AWS::S3::Bucket","Properties":{"BucketName":{"Fn::Sub":"x-stand-in-Trail-${AWS::Region}"},
				"Tags":[{"Key":"arn","Value":"arn:aws:cloudtrail:eu-west-1:444455556666:stand-in/Trail"},{"Key":"name","Value":"stand-in-Trail"}]}}}`,
			standIns: []string{"AWS::CloudTrail::Trail"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assembly, coverage, err := ReplaceUnknownTypes(oneStack(test.resources), known)
			require.NoError(t, err)
			text, err := fs.ReadFile(assembly, "data.template.json")
			require.NoError(t, err)
			var template struct{ Resources json.RawMessage }
			require.NoError(t, json.Unmarshal(text, &template))
			assert.JSONEq(t, test.want, string(template.Resources))
			var kinds []string
			for _, s := range coverage.StandIns {
				kinds = append(kinds, s.Type)
			}
			assert.Equal(t, test.standIns, kinds)
		})
	}
}
