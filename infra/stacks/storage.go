package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"

	"lockstep/config"
	"lockstep/infra/constructs"
)

// StorageProps are what the storage stack is made from.
type StorageProps struct {
	config.Storage
	Imports config.Imports
}

// Storage is the environment's object storage: a bucket that archives what is old, and one for its access logs.
func Storage(stack awscdk.Stack, props StorageProps) {
	logs := constructs.Bucket(stack, "AccessLogs", constructs.BucketProps{
		Rules: []*awss3.LifecycleRule{constructs.Expire(props.AccessLogDays)},
	})
	bucket := constructs.Bucket(stack, "Objects", constructs.BucketProps{
		Key: constructs.KeyFor(stack, props.Imports, "encrypts the objects of "+*stack.StackName()), Logs: logs,
		Rules: []*awss3.LifecycleRule{constructs.Archive(props.ArchiveAfterDays, props.NoncurrentExpireAfterDays)},
	})
	output(stack, "BucketName", bucket.BucketName(), "the bucket for objects")
	output(stack, "AccessLogBucketName", logs.BucketName(), "the bucket for access logs")
}
