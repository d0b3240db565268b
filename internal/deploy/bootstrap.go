package deploy

import (
	"encoding/json"
	"fmt"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/ledger"
)

// The kinds of bootstrap roles that are assumed although no assembly names them.
const (
	deployKind     = "deploy"
	publishingKind = "file-publishing"
	lookupKind     = "lookup"
)

// bootstrapRole returns a role of the account's bootstrap, by the name that `cdk bootstrap` gives it.
func bootstrapRole(t awsclient.Target, kind string) awsclient.Role {
	return awsclient.Role{ARN: fmt.Sprintf("arn:%s:iam::%s:role/cdk-%s-%s-role-%s-%s",
		assembly.Partition(t.Region), t.Account, t.Qualifier, kind, t.Account, t.Region)}
}

// stagingBucketName returns the name of the staging bucket of the account's bootstrap.
func stagingBucketName(t awsclient.Target) string {
	return fmt.Sprintf("cdk-%s-assets-%s-%s", t.Qualifier, t.Account, t.Region)
}

// ledgerRole returns the one role of the bootstrap that may write to the staging bucket, narrowed down to the ledger's
// objects.
func ledgerRole(t awsclient.Target) (awsclient.Role, error) {
	role := bootstrapRole(t, publishingKind)
	bucket := "arn:" + assembly.Partition(t.Region) + ":s3:::" + stagingBucketName(t)
	policy, err := json.Marshal(map[string]any{
		"Version": "2012-10-17",
		"Statement": []map[string]any{
			{
				"Effect": "Allow", "Action": []string{"s3:GetObject", "s3:PutObject", "s3:DeleteObject"},
				"Resource": bucket + "/" + ledger.KeyPrefix + "*",
			},
			{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": bucket},
			// A bucket that is encrypted with a key of its own is read and written through S3 alone.
			{"Effect": "Allow", "Action": []string{"kms:Decrypt", "kms:GenerateDataKey*"}, "Resource": "*"},
		},
	})
	role.Policy = string(policy)
	return role, err
}

// assumedRole returns a role of the assembly as it is assumed.
func assumedRole(r assembly.Role) awsclient.Role {
	out := awsclient.Role{
		ARN: r.ARN, ExternalID: r.ExternalID, TransitiveTagKeys: r.Options.TransitiveTagKeys,
		SourceIdentity: r.Options.SourceIdentity, Policy: r.Options.Policy,
	}
	for _, tag := range r.Options.Tags {
		out.Tags = append(out.Tags, awsclient.Tag{Key: tag.Key, Value: tag.Value})
	}
	return out
}
