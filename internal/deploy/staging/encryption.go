package staging

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// An encryption is how a bucket encrypts what is written without saying how; the zero value where that is not known.
type encryption struct {
	algorithm types.ServerSideEncryption
	// key is the key of KMS; empty for the one that AWS keeps.
	key string
}

// encrypt lets a request say how the object is to be encrypted, as the bucket does it anyway. Policies of organisations
// refuse requests that do not say it. Without the right to read the setting, which bootstraps before version 9 lack,
// the bucket decides alone. Source: cdk-assets-lib, handlers/files.ts.
func (b *Bucket) encrypt(ctx context.Context, in *s3.PutObjectInput) {
	b.encryptionOnce.Do(func() { b.encryption = b.readEncryption(ctx) })
	in.ServerSideEncryption = b.encryption.algorithm
	if b.encryption.key != "" {
		in.SSEKMSKeyId = &b.encryption.key
	}
}

// readEncryption returns how the bucket encrypts. What stops it from reading that does not stop the request itself,
// whose own error says more.
func (b *Bucket) readEncryption(ctx context.Context) encryption {
	out, err := b.api.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{
		Bucket: &b.name, ExpectedBucketOwner: &b.owner,
	})
	if err != nil || out.ServerSideEncryptionConfiguration == nil {
		return encryption{}
	}
	for _, rule := range out.ServerSideEncryptionConfiguration.Rules {
		if by := rule.ApplyServerSideEncryptionByDefault; by != nil {
			return encryption{by.SSEAlgorithm, aws.ToString(by.KMSMasterKeyID)}
		}
	}
	return encryption{}
}
