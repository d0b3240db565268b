package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"

	"lockstep/config"
	"lockstep/infra/constructs"
)

// StorageProps are the properties of the storage stack.
type StorageProps struct {
	config.Storage
	Imports config.Imports
}

// AddStorage adds the environment's object storage: a bucket that archives old objects, and a bucket of its access
// logs.
func AddStorage(stack awscdk.Stack, props StorageProps) {
	logs := constructs.NewBucket(stack, "AccessLogs", constructs.BucketProps{
		LifecycleRules: []*awss3.LifecycleRule{constructs.ExpireRule(props.AccessLogDays)},
	})
	bucket := constructs.NewBucket(stack, "Objects", constructs.BucketProps{
		Key:        constructs.ImportedOrNewKey(stack, props.Imports, "encrypts the objects of "+*stack.StackName()),
		AccessLogs: logs,
		LifecycleRules: []*awss3.LifecycleRule{constructs.ArchiveRule(props.ArchiveAfterDays,
			props.NoncurrentExpireAfterDays)},
	})
	addOutput(stack, "BucketName", bucket.BucketName(), "the bucket for objects")
	addOutput(stack, "AccessLogBucketName", logs.BucketName(), "the bucket for access logs")
}
