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
func newArtifactStore(scope constructs.Construct, l *pipelineBuilder, logs awss3.IBucket) artifactStore {
	s := artifactStore{key: own.NewKey(scope, "Key", "encrypts what "+l.name+" hands on")}
	rule := own.ArchiveRule(artifactArchiveDays, artifactExpireDays)
	s.bucket = own.NewBucket(scope, "Artefacts", own.BucketProps{Key: s.key, AccessLogs: logs, LifecycleRules: []*awss3.LifecycleRule{rule}})
	users := []awsiam.IPrincipal{l.role}
	for _, role := range l.jobRoles {
		users = append(users, role)
	}
	s.grant(users, nil, []string{"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"}, []string{"s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket"}, []string{"kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"})
	if l.definition.Trigger == pipeline.PullRequest {
		return s // nothing of it is ever deployed
	}
	for _, env := range l.Environments {
		roles := bootstrapRoleARNs(l.Pipeline.Bootstrap.Qualifier, env, pipeline.DeployPermission.Roles())
		account := []awsiam.IPrincipal{awsiam.NewAccountPrincipal(jsii.String(env.ID))}
		// The account is named and its roles are a condition: a role that was made anew would be another one to a policy that names it.
		s.grant(account, &map[string]any{"ArnEquals": map[string]any{"aws:PrincipalArn": roles}}, []string{"s3:GetObject", "s3:GetObjectVersion"}, nil, []string{"kms:Decrypt", "kms:DescribeKey"})
	}
	return s
}

// grant allows actions on the objects, on the bucket itself and on the key.
func (s artifactStore) grant(who []awsiam.IPrincipal, when *map[string]any, objects, bucket, key []string) {
	allow := func(actions []string, on *string) awsiam.PolicyStatement {
		return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{Principals: &who, Actions: jsii.Strings(actions...), Resources: &[]*string{on}, Conditions: when})
	}
	s.bucket.AddToResourcePolicy(allow(objects, s.bucket.ArnForObjects(jsii.String("*"))))
	if bucket != nil {
		s.bucket.AddToResourcePolicy(allow(bucket, s.bucket.BucketArn()))
	}
	s.key.AddToResourcePolicy(allow(key, jsii.String("*")), nil)
}
