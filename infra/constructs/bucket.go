// Package constructs owns the building blocks of stacks: resources with the settings that all of the platform's have.
// It knows nothing of stacks or environments.
package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// abandonedUploadDays is how many days the parts of an unfinished upload are kept.
const abandonedUploadDays = 7

// NewKey returns a KMS key that is rotated every year. It outlives its stack, because what it encrypted may.
func NewKey(scope constructs.Construct, id, description string) awskms.Key {
	return awskms.NewKey(scope, jsii.String(id), &awskms.KeyProps{
		Description: jsii.String(description), EnableKeyRotation: jsii.Bool(true),
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE,
	})
}

// NewSigningKey returns an asymmetric key that only signs. Its public key is exported, so that anybody can verify. It
// has
// an alias, and outlives its stack: without it, nobody can sign with that key any more. KMS does not rotate such keys.
func NewSigningKey(scope constructs.Construct, id, alias, description string) awskms.Key {
	return awskms.NewKey(scope, jsii.String(id), &awskms.KeyProps{
		Description: jsii.String(description), Alias: jsii.String(alias),
		KeySpec: awskms.KeySpec_ECC_NIST_P256, KeyUsage: awskms.KeyUsage_SIGN_VERIFY,
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE,
	})
}

// BucketProps are the properties of a bucket.
type BucketProps struct {
	// Key encrypts the bucket. If it is nil, S3's own key does, which a bucket of access logs needs
	// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html).
	Key awskms.IKey
	// AccessLogs is the bucket of the access logs; nil for none.
	AccessLogs     awss3.IBucket
	LifecycleRules []*awss3.LifecycleRule
}

// NewBucket returns a private bucket. It is encrypted and versioned, refuses requests without TLS, and outlives its
// stack.
func NewBucket(scope constructs.Construct, id string, props BucketProps) awss3.Bucket {
	encryption := awss3.BucketEncryption_S3_MANAGED
	if props.Key != nil {
		encryption = awss3.BucketEncryption_KMS
	}
	p := &awss3.BucketProps{
		Encryption: encryption, EncryptionKey: props.Key, BucketKeyEnabled: jsii.Bool(props.Key != nil),
		Versioned: jsii.Bool(true), EnforceSSL: jsii.Bool(true), MinimumTLSVersion: jsii.Number(1.2),
		BlockPublicAccess: awss3.BlockPublicAccess_BLOCK_ALL(), ObjectOwnership: awss3.ObjectOwnership_BUCKET_OWNER_ENFORCED,
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE, ServerAccessLogsBucket: props.AccessLogs,
	}
	rules := append([]*awss3.LifecycleRule{{
		Id: jsii.String("abandoned-uploads"), AbortIncompleteMultipartUploadAfter: days(abandonedUploadDays),
	}}, props.LifecycleRules...)
	p.LifecycleRules = &rules
	return awss3.NewBucket(scope, jsii.String(id), p)
}

func days(n int) awscdk.Duration { return awscdk.Duration_Days(jsii.Number(n)) }

// ArchiveRule returns a rule that moves objects to Glacier after the first number of days, and deletes replaced
// versions after the second.
func ArchiveRule(afterDays, noncurrentExpireAfterDays int) *awss3.LifecycleRule {
	return &awss3.LifecycleRule{
		Id: jsii.String("archive"),
		Transitions: &[]*awss3.Transition{{
			StorageClass: awss3.StorageClass_GLACIER(), TransitionAfter: days(afterDays),
		}},
		NoncurrentVersionExpiration: days(noncurrentExpireAfterDays),
	}
}

// ExpireRule returns a rule that deletes objects and their versions after a number of days.
func ExpireRule(afterDays int) *awss3.LifecycleRule {
	return &awss3.LifecycleRule{
		Id: jsii.String("expire"), Expiration: days(afterDays), NoncurrentVersionExpiration: days(afterDays),
	}
}
