package stacks

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	own "lockstep/infra/constructs"
	"lockstep/internal/pipeline"
	"lockstep/internal/roles"
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
	// folder is the folder of the pipeline in the bucket.
	folder string
}

// newArtifactStore adds the store of a pipeline. The policies of its bucket and key name who uses it. A job reads the
// artifacts that it takes and writes its own. The accounts that the pipeline deploys to read the cloud assemblies. No
// role needs a policy with a wildcard.
func newArtifactStore(scope constructs.Construct, b *pipelineBuilder, logs awss3.IBucket) artifactStore {
	s := artifactStore{
		key: own.NewKey(scope, "Key", "encrypts what "+b.name+" hands on"), folder: truncate(b.name, maxPipelineFolder),
	}
	s.bucket = own.NewBucket(scope, "Artefacts", own.BucketProps{
		Key: s.key, AccessLogs: logs,
		LifecycleRules: []*awss3.LifecycleRule{
			own.ArchiveRule(artifactArchiveDays, artifactExpireDays), own.ExpireRule(artifactExpireDays),
		},
	})
	pipelineRole := []awsiam.IPrincipal{b.role}
	s.allow(pipelineRole, nil, s.objects("*"), "s3:GetObject", "s3:GetObjectVersion", "s3:PutObject")
	s.allow(pipelineRole, nil, s.bucket.BucketArn(), "s3:GetBucketLocation", "s3:GetBucketVersioning", "s3:ListBucket")
	s.allowKey(pipelineRole, nil, "kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey")
	s.allowJobs(b.jobRoles)
	for _, env := range b.Environments {
		if !b.deploysTo(env.Name) {
			continue // its accounts take nothing from this store
		}
		kinds := bootstrapRoleARNs(b.rights.stack, b.Pipeline, env,
			[]roles.Kind{roles.Deploy, roles.FilePublishing})
		account := []awsiam.IPrincipal{awsiam.NewAccountPrincipal(jsii.String(env.ID))}
		// The principal is the account, and its roles are a condition: a policy that names a role does not apply to a new
		// role of the same name.
		conditions := &map[string]any{"ArnEquals": map[string]any{"aws:PrincipalArn": kinds}}
		s.allow(account, conditions, s.objects(pipeline.AssemblyArtifact), "s3:GetObject", "s3:GetObjectVersion")
		s.allowKey(account, conditions, "kms:Decrypt", "kms:DescribeKey")
	}
	return s
}

// deploysTo reports whether a job of the pipeline deploys to an environment.
func (b *pipelineBuilder) deploysTo(environment string) bool {
	return slices.ContainsFunc(b.jobRoles, func(j jobRole) bool {
		return j.job.Environment == environment && j.job.Permission == pipeline.DeployPermission
	})
}

// allowJobs lets each job read its inputs and write its output. There is one statement for each artifact.
func (s artifactStore) allowJobs(jobs []jobRole) {
	readers, writers := map[string][]awsiam.IPrincipal{}, map[string][]awsiam.IPrincipal{}
	var all, writing []awsiam.IPrincipal
	for _, j := range jobs {
		all = append(all, j.role)
		for _, input := range j.job.Inputs {
			readers[input] = append(readers[input], j.role)
		}
		if j.job.Output != "" {
			writers[j.job.Output] = append(writers[j.job.Output], j.role)
			writing = append(writing, j.role)
		}
	}
	for _, artifact := range slices.Sorted(maps.Keys(readers)) {
		s.allow(readers[artifact], nil, s.objects(artifact), "s3:GetObject", "s3:GetObjectVersion")
	}
	for _, artifact := range slices.Sorted(maps.Keys(writers)) {
		s.allow(writers[artifact], nil, s.objects(artifact), "s3:PutObject")
	}
	s.allow(all, nil, s.bucket.BucketArn(), "s3:GetBucketLocation")
	s.allowKey(all, nil, "kms:Decrypt", "kms:DescribeKey")
	if len(writing) > 0 {
		s.allowKey(writing, nil, "kms:Encrypt", "kms:GenerateDataKey")
	}
}

// CodePipeline keeps an artifact below PIPELINE/ARTIFACT/, with as many characters of the names.
// Source: https://repost.aws/questions/QUI91tw7A9SUOMohJurNqmgA
const (
	maxPipelineFolder = 20
	maxArtifactFolder = 10
)

func truncate(name string, characters int) string { return name[:min(len(name), characters)] }

// objects returns the ARN pattern of an artifact's objects. The name * stands for all artifacts.
func (s artifactStore) objects(artifact string) *string {
	folder := s.folder + "/" + truncate(artifact, maxArtifactFolder) + "/*"
	if artifact == "*" {
		folder = "*"
	}
	return s.bucket.ArnForObjects(&folder)
}

// allow allows actions on a resource of the bucket.
func (s artifactStore) allow(
	principals []awsiam.IPrincipal, conditions *map[string]any, resource *string, actions ...string,
) {
	s.bucket.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &principals, Actions: jsii.Strings(actions...), Resources: &[]*string{resource}, Conditions: conditions,
	}))
}

// allowKey allows actions with the key. In a key's own policy * is that key.
func (s artifactStore) allowKey(principals []awsiam.IPrincipal, conditions *map[string]any, actions ...string) {
	s.key.AddToResourcePolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Principals: &principals, Actions: jsii.Strings(actions...), Resources: jsii.Strings("*"), Conditions: conditions,
	}), nil)
}
