package deploy

import (
	"encoding/json"
	"fmt"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/ledger"
)

// bootstrapRole is a role of the account's bootstrap, by the name that `cdk bootstrap` gives it.
func bootstrapRole(t awsclient.Target, kind string) awsclient.Role {
	return awsclient.Role{ARN: fmt.Sprintf("arn:%s:iam::%s:role/cdk-%s-%s-role-%s-%s", assembly.Partition(t.Region), t.Account, t.Qualifier, kind, t.Account, t.Region)}
}

// The kinds of bootstrap roles that are assumed without an assembly that names them.
const (
	deployKind     = "deploy"
	publishingKind = "file-publishing"
	lookupKind     = "lookup"
)

// stagingBucket is the staging bucket of the account's bootstrap.
func stagingBucket(t awsclient.Target) string {
	return fmt.Sprintf("cdk-%s-assets-%s-%s", t.Qualifier, t.Account, t.Region)
}

// ledgerRole is the one role of the bootstrap that may write to the staging bucket, for this session narrowed down to what is ours in it.
func ledgerRole(t awsclient.Target) (awsclient.Role, error) {
	role := bootstrapRole(t, publishingKind)
	arn := "arn:" + assembly.Partition(t.Region) + ":s3:::" + stagingBucket(t)
	policy, err := json.Marshal(map[string]any{
		"Version": "2012-10-17",
		"Statement": []map[string]any{
			{"Effect": "Allow", "Action": []string{"s3:GetObject", "s3:PutObject", "s3:DeleteObject"}, "Resource": arn + "/" + ledger.KeyPrefix + "*"},
			{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": arn},
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
