package requests

import (
	"reflect"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	cfntypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/servicequotas"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/awsclient"
)

func TestRequests_ModelsRefuseWhatAWSRefuses(t *testing.T) {
	text := aws.String
	for name, test := range map[string]struct {
		service, operation string
		in                 any
		want               string
	}{
		"a good one": {"CloudFormation", "DeleteStack", &cloudformation.DeleteStackInput{StackName: text("web")}, ""},
		"a missing member": {
			"CloudFormation", "CreateChangeSet", &cloudformation.CreateChangeSetInput{StackName: text("web")},
			"/ChangeSetName: it is required and missing",
		},
		"a name that does not match": {
			"CloudFormation", "CreateChangeSet",
			&cloudformation.CreateChangeSetInput{StackName: text("web"), ChangeSetName: text("1 2")},
			`/ChangeSetName: "1 2" does not match`,
		},
		"a word that is not known": {
			"CloudFormation", "CreateChangeSet", &cloudformation.CreateChangeSetInput{
				StackName: text("web"), ChangeSetName: text("a"), Capabilities: []cfntypes.Capability{"CAPABILITY_ALL"},
			}, `/Capabilities/0: "CAPABILITY_ALL" is none of`,
		},
		"too long": {
			"CloudFormation", "DeleteStack",
			&cloudformation.DeleteStackInput{StackName: text("web"), ClientRequestToken: text(string(make([]byte, 200)))},
			"/ClientRequestToken: it has 200 characters, and at most 128 are allowed",
		},
		"XML": {
			"S3", "PutObject", &s3.PutObjectInput{
				Bucket: text("b"), Key: text("k"), ChecksumAlgorithm: s3types.ChecksumAlgorithm("MD4"),
			}, `/ChecksumAlgorithm: "MD4" is none of`,
		},
		"an object without a key": {"S3", "GetObject", &s3.GetObjectInput{Bucket: text("b")}, "/Key: it is required"},
		"JSON with small letters": {
			"CodePipeline", "ListActionExecutions", &codepipeline.ListActionExecutionsInput{},
			"/pipelineName: it is required and missing",
		},
		"a signature": {
			"KMS", "Sign", &kms.SignInput{
				KeyId: text("k"), Message: []byte("m"), SigningAlgorithm: kmstypes.SigningAlgorithmSpec("NONE"),
			}, `/SigningAlgorithm: "NONE" is none of`,
		},
		"a role": {"IAM", "GetRole", &iam.GetRoleInput{RoleName: text("a b")}, `/RoleName: "a b" does not match`},
		"a parameter": {
			"SSM", "PutParameter", &ssm.PutParameterInput{Name: text("/a")}, "/Value: it is required and missing",
		},
		"a quota": {
			"Service Quotas", "GetServiceQuota", &servicequotas.GetServiceQuotaInput{ServiceCode: text("vpc")},
			"/QuotaCode: it is required and missing",
		},
		"an operation without a model": {"IAM", "CreateUser", &iam.CreateUserInput{}, "there is no model of CreateUser"},
		"a service without a model":    {"EC2", "RunInstances", nil, "there is no model of EC2"},
	} {
		t.Run(name, func(t *testing.T) {
			problems := Check(test.service, test.operation, test.in)
			if test.want == "" {
				assert.Empty(t, problems)
				return
			}
			require.NotEmpty(t, problems)
			assert.True(t, slices.ContainsFunc(problems, func(p string) bool {
				return len(p) >= len(test.want) && p[:len(test.want)] == test.want
			}), "%v", problems)
		})
	}
}

// Every operation that a client of Lockstep has is in the models.
func TestRequests_HaveEveryOperation(t *testing.T) {
	checked := 0
	for service, client := range map[string]reflect.Type{
		"CloudFormation": reflect.TypeFor[*awsclient.CloudFormation](), "S3": reflect.TypeFor[*awsclient.S3](),
		"STS": reflect.TypeFor[*awsclient.STS](), "SSM": reflect.TypeFor[*awsclient.SSM](),
		"ECR": reflect.TypeFor[*awsclient.ECR](), "KMS": reflect.TypeFor[*awsclient.KMS](),
		"CloudWatch": reflect.TypeFor[*awsclient.CloudWatch](),
		"IAM":        reflect.TypeFor[*awsclient.IAM](), "CodePipeline": reflect.TypeFor[*awsclient.CodePipeline](),
		"CloudControl":   reflect.TypeFor[*awsclient.CloudControl](),
		"Service Quotas": reflect.TypeFor[*awsclient.ServiceQuotas](),
	} {
		for i := range client.NumMethod() {
			name := client.Method(i).Name
			if in := client.Method(i).Type.In(2); in.Kind() != reflect.Pointer || in.Elem().Name() != name+"Input" {
				continue // it calls an operation, and is none
			}
			checked++
			_, ok := Models()[service].Operations[name]
			assert.True(t, ok, "%s.%s: run go generate ./internal/awsmodel/requests", service, name)
		}
	}
	assert.Greater(t, checked, 40)
}
