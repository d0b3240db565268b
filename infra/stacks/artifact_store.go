package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	own "lockstep/infra/constructs"
	"lockstep/internal/pipeline"
)

const (
	// artifactArchiveDays is the age in days at which the artifacts of a pipeline move to Glacier.
	artifactArchiveDays = 30
	// artifactExpireDays is the age in days at which they are deleted.
	artifactExpireDays = 365
)

// accessLogRules returns the rules of the bucket of access logs.
func accessLogRules() []*awss3.LifecycleRule {
	return []*awss3.LifecycleRule{own.ExpireRule(artifactExpireDays)}
}

// An artifactStore is where the jobs of a pipeline pass files on to each other.
type artifactStore struct {
	bucket awss3.Bucket
	key    awskms.Key
}

// newArtifactStore adds the store of a pipeline. The policies of its bucket and key name who uses it: the pipeline and
// its jobs, and, to read only, the roles of the accounts that are deployed to. No role needs a policy with a wildcard.
func newArtifactStore(scope constructs.Construct, b *pipelineBuilder, logs awss3.IBucket) artifactStore {
	s := artifactStore{key: own.NewKey(scope, "Key", "encrypts what "+b.name+" hands on")}
	rule := own.ArchiveRule(artifactArchiveDays, artifactExpireDays)
	s.bucket = own.NewBucket(scope, "Artefacts", own.BucketProps{
		Key: s.key, AccessLogs: logs,
		LifecycleRules: []*awss3.LifecycleRule{rule},
	})
	users := []awsiam.IPrincipal{b.role}
	for _, role := range b.jobRoles {
		users = append(users, role)
	}
	s.grant(users, nil, []string{"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"},
		[]string{"s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket"}, []string{
			"kms:Decrypt",
			"kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey",
		})
	if b.definition.Trigger == pipeline.PullRequest {
		return s // nothing in it is ever deployed
	}
	for _, env := range b.Environments {
		roles := bootstrapRoleARNs(b.Pipeline.Bootstrap.Qualifier, env, pipeline.DeployPermission.Roles())
		account := []awsiam.IPrincipal{awsiam.NewAccountPrincipal(jsii.String(env.ID))}
		// The principal is the account, and its roles are a condition: a policy that names a role does not apply to a new
		// role of the same name.
		s.grant(account, &map[string]any{"ArnEquals": map[string]any{"aws:PrincipalArn": roles}},
			[]string{"s3:GetObject", "s3:GetObjectVersion"}, nil, []string{"kms:Decrypt", "kms:DescribeKey"})
	}
	return s
}

// grant allows actions on the objects, on the bucket itself and on the key.
func (s artifactStore) grant(principals []awsiam.IPrincipal, conditions *map[string]any, objects, bucket,
	key []string,
) {
	allow := func(actions []string, resource *string) awsiam.PolicyStatement {
		return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Principals: &principals,
			Actions:    jsii.Strings(actions...), Resources: &[]*string{resource}, Conditions: conditions,
		})
	}
	s.bucket.AddToResourcePolicy(allow(objects, s.bucket.ArnForObjects(jsii.String("*"))))
	if bucket != nil {
		s.bucket.AddToResourcePolicy(allow(bucket, s.bucket.BucketArn()))
	}
	s.key.AddToResourcePolicy(allow(key, jsii.String("*")), nil)
}
