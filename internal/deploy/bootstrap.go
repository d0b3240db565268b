package deploy

import (
	"encoding/json"
	"fmt"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/jsonx"
	"lockstep/internal/roles"
)

// An Access is what a run needs to do in an account. It decides which roles the run assumes.
type Access int

// The accesses. Each needs no more rights than the one after it.
const (
	// ReadAccess reads stacks, resources and the ledger, and changes nothing.
	ReadAccess Access = iota
	// PlanAccess also publishes assets, creates and deletes change sets, and registers plans. It executes no change set.
	PlanAccess
	// DeployAccess deploys, and writes the ledger.
	DeployAccess
)

// accessRoles are the roles of a run.
type accessRoles struct {
	// stacks is the role that the run works on stacks with, unless the assembly names it.
	stacks roles.Kind
	// ledger is the role that the run uses the ledger with.
	ledger roles.Kind
}

// roles returns the roles that a run with the access assumes.
func (a Access) roles() accessRoles {
	switch a {
	case ReadAccess:
		return accessRoles{stacks: roles.Lookup, ledger: roles.LedgerReader}
	case PlanAccess:
		return accessRoles{stacks: roles.Planner, ledger: roles.Planner}
	}
	return accessRoles{stacks: roles.Deploy, ledger: roles.LedgerWriter}
}

// bootstrapRole returns a role of the account's bootstrap. This is where the names of the roles come from.
func bootstrapRole(t awsclient.Target, kind roles.Kind) awsclient.Role {
	partition := assembly.Partition(t.Region)
	return awsclient.Role{ARN: t.Names.RoleARN(kind, partition, t.Qualifier, t.Account, t.Region)}
}

// stackRole returns the role that this run works on a stack with. A deployment works with the role that the assembly
// names for the stack. Whoever only reads or plans has a role that can do no more, whatever the assembly names.
func (d *Deployment) stackRole(s *assembly.Stack) awsclient.Role {
	if d.Access == DeployAccess {
		return assumedRole(s.DeployRole)
	}
	return bootstrapRole(d.targetOf(s), d.Access.roles().stacks)
}

// accountRole returns the role that this run works on stacks with that the assembly does not have.
func (d *Deployment) accountRole() awsclient.Role {
	return bootstrapRole(d.target, d.Access.roles().stacks)
}

// stagingBucketName returns the name of the staging bucket of the account's bootstrap.
func stagingBucketName(t awsclient.Target) string {
	return t.Names.StagingBucket(t.Qualifier, t.Account, t.Region)
}

// ledgerBucketName returns the name of the bucket that the ledger is in.
func ledgerBucketName(t awsclient.Target) string {
	return roles.LedgerBucket(t.Qualifier, t.Account, t.Region)
}

// A statement is a statement of a session's policy.
type statement map[string]any

// sessionPolicy returns the policy that narrows a session down to statements.
func sessionPolicy(statements ...any) (string, error) {
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	return string(policy), err
}

// publishingRole returns a role that publishes files, narrowed down to what is no object of the ledger. A policy of the
// assembly's own narrows it further. A bucket that is encrypted with a key of its own is read and written through S3.
func publishingRole(r assembly.Role, t awsclient.Target) (awsclient.Role, error) {
	role := assumedRole(r)
	bucket := "arn:" + assembly.Partition(t.Region) + ":s3:::" + stagingBucketName(t)
	objects := []string{"s3:GetObject", "s3:PutObject", "s3:DeleteObject"}
	statements := []any{
		statement{"Effect": "Allow", "Action": objects, "Resource": bucket + "/*"},
		statement{
			"Effect": "Allow", "Action": []string{"s3:ListBucket", "s3:GetEncryptionConfiguration"}, "Resource": bucket,
		},
		statement{"Effect": "Allow", "Action": []string{"kms:Decrypt", "kms:GenerateDataKey*"}, "Resource": "*"},
	}
	if role.Policy != "" {
		var own struct{ Statement json.RawMessage }
		if err := jsonx.UnmarshalForeign([]byte(role.Policy), &own); err != nil {
			return role, fmt.Errorf("the session policy of role %s is no policy: %w", r.ARN, err)
		}
		statements = []any{own.Statement}
		if list := []any(nil); jsonx.UnmarshalForeign(own.Statement, &list) == nil {
			statements = list
		}
	}
	var err error
	role.Policy, err = sessionPolicy(append(statements,
		statement{"Effect": "Deny", "Action": "s3:*", "Resource": bucket + "/" + ledger.KeyPrefix + "*"})...)
	return role, err
}

// assumedRole returns a role of the assembly as it is assumed.
func assumedRole(r assembly.Role) awsclient.Role {
	out := awsclient.Role{
		ARN: r.ARN, ExternalID: r.ExternalID, TransitiveTagKeys: r.Options.TransitiveTagKeys,
		SourceIdentity: r.Options.SourceIdentity, Policy: r.Options.Policy,
	}
	for _, policy := range r.Options.PolicyARNs {
		out.PolicyARNs = append(out.PolicyARNs, policy.ARN)
	}
	for _, tag := range r.Options.Tags {
		out.Tags = append(out.Tags, awsclient.Tag{Key: tag.Key, Value: tag.Value})
	}
	return out
}
