package awsclient

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// An Encryption is how a bucket encrypts what is written without saying how; the zero value where that is not known.
// Policies of organisations refuse requests that do not say it. Source: cdk-assets-lib, handlers/files.ts.
type Encryption struct {
	Algorithm types.ServerSideEncryption
	// Key is the key of KMS; nil for the one that AWS keeps.
	Key *string
}

// Encryption returns how a bucket of an account encrypts. What stops it from being read does not stop a request, whose
// own error says more. isAnswer reports whether the bucket has answered, so that it would answer the same again; it is
// false if the call was cancelled, or failed on its way.
func (c *S3) Encryption(ctx context.Context, bucket, owner string) (e Encryption, isAnswer bool) {
	out, err := c.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &bucket, ExpectedBucketOwner: &owner})
	if err != nil {
		// The roles of bootstraps before version 9 may not read it: the bucket decides alone.
		code := ErrorCode(err)
		return Encryption{}, code == "AccessDenied" || code == "ServerSideEncryptionConfigurationNotFoundError"
	}
	if out.ServerSideEncryptionConfiguration == nil {
		return Encryption{}, true
	}
	for _, rule := range out.ServerSideEncryptionConfiguration.Rules {
		if by := rule.ApplyServerSideEncryptionByDefault; by != nil {
			e.Algorithm = by.SSEAlgorithm
			if aws.ToString(by.KMSMasterKeyID) != "" {
				e.Key = by.KMSMasterKeyID
			}
			return e, true
		}
	}
	return Encryption{}, true
}
