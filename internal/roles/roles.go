// Package roles owns the names of the roles and buckets that the bootstrap of an account creates. It knows nothing of
// what a role may do or of who assumes it.
package roles

import (
	"cmp"
	"fmt"
	"strings"
)

// A Kind is what a role is for.
type Kind string

// The roles of `cdk bootstrap`.
const (
	// Deploy creates and executes change sets.
	Deploy Kind = "deploy-role"
	// FilePublishing writes assets. Where Lockstep has bootstrapped the account, it is denied the ledger.
	FilePublishing Kind = "file-publishing-role"
	// ImagePublishing writes container images, and reads them back.
	ImagePublishing Kind = "image-publishing-role"
	// Lookup reads resources.
	Lookup Kind = "lookup-role"
	// Execution is the role that CloudFormation itself works with.
	Execution Kind = "cfn-exec-role"
)

// The roles that Lockstep itself adds.
const (
	// Planner creates and deletes change sets, and executes none. In the ledger it registers plans.
	Planner Kind = "planner"
	// LedgerReader reads the ledger, and LedgerWriter also writes it.
	LedgerReader Kind = "ledger-reader"
	LedgerWriter Kind = "ledger-writer"
)

// Name returns the name of a role. IAM allows 64 characters, which leaves 14 for the region.
func (k Kind) Name(qualifier, account, region string) string {
	owner := "cdk"
	switch k {
	case Planner, LedgerReader, LedgerWriter:
		owner = "lockstep"
	}
	return fmt.Sprintf("%s-%s-%s-%s-%s", owner, qualifier, k, account, region)
}

// StagingBucket returns the name of the bucket that `cdk bootstrap` creates for assets.
func StagingBucket(qualifier, account, region string) string {
	return fmt.Sprintf("cdk-%s-assets-%s-%s", qualifier, account, region)
}

// StagingRepository returns the name of the repository of ECR that `cdk bootstrap` creates for container images.
func StagingRepository(qualifier, account, region string) string {
	return fmt.Sprintf("cdk-%s-container-assets-%s-%s", qualifier, account, region)
}

// LedgerBucket returns the name of the bucket that Lockstep adds for the ledger. It is a bucket of its own, because
// `cdk gc` deletes what it does not know from the CDK's. S3 allows 63 characters, which leaves 30 for the region.
func LedgerBucket(qualifier, account, region string) string {
	return fmt.Sprintf("lockstep-%s-%s-%s", qualifier, account, region)
}

// ARN returns the ARN of a role.
func (k Kind) ARN(partition, qualifier, account, region string) string {
	return fmt.Sprintf("arn:%s:iam::%s:role/%s", partition, account, k.Name(qualifier, account, region))
}

// Names are names of a bootstrap that differ from those of `cdk bootstrap`; an empty one is the CDK's own. As in the
// CDK's DefaultStackSynthesizer, ${Qualifier}, ${AWS::AccountId} and ${AWS::Region} in a name stand for their values.
type Names struct {
	// ToolkitStack is the stack of `cdk bootstrap`.
	ToolkitStack string `json:"toolkitStack,omitempty"`
	// Bucket is the bucket of the assets.
	Bucket string `json:"bucket,omitempty"`
	// Repository is the repository of the container images.
	Repository string `json:"repository,omitempty"`
	// The roles, by their names in the account.
	DeployRole          string `json:"deployRole,omitempty"`
	PublishingRole      string `json:"publishingRole,omitempty"`
	ImagePublishingRole string `json:"imagePublishingRole,omitempty"`
	LookupRole          string `json:"lookupRole,omitempty"`
	ExecutionRole       string `json:"executionRole,omitempty"`
}

// HasRoles reports whether a role has a name of its own.
func (n Names) HasRoles() bool {
	n.ToolkitStack, n.Bucket, n.Repository = "", "", ""
	return n != Names{}
}

// The names of the stacks of a bootstrap, unless the configuration gives the first a name of its own.
const (
	toolkitStack = "CDKToolkit"
	rolesStack   = "LockstepToolkit"
)

// Toolkit returns the name of the stack of `cdk bootstrap`.
func (n Names) Toolkit() string { return cmp.Or(n.ToolkitStack, toolkitStack) }

// RolesStack returns the name of the stack with the roles and the bucket that Lockstep itself adds. It is a stack of
// its own, so that `cdk bootstrap` neither knows nor removes them. Beside a stack of the CDK that has a name of its own
// it has one too, because there may be a second bootstrap in the account.
func (n Names) RolesStack(qualifier string) string {
	if n.Toolkit() == toolkitStack {
		return rolesStack
	}
	return rolesStack + "-" + qualifier
}

// Role returns the name of a role.
func (n Names) Role(k Kind, qualifier, account, region string) string {
	own := map[Kind]string{
		Deploy: n.DeployRole, FilePublishing: n.PublishingRole, ImagePublishing: n.ImagePublishingRole,
		Lookup: n.LookupRole, Execution: n.ExecutionRole,
	}[k]
	return cmp.Or(fill(own, qualifier, account, region), k.Name(qualifier, account, region))
}

// RoleARN returns the ARN of a role.
func (n Names) RoleARN(k Kind, partition, qualifier, account, region string) string {
	return fmt.Sprintf("arn:%s:iam::%s:role/%s", partition, account, n.Role(k, qualifier, account, region))
}

// StagingBucket returns the name of the bucket of the assets.
func (n Names) StagingBucket(qualifier, account, region string) string {
	return cmp.Or(fill(n.Bucket, qualifier, account, region), StagingBucket(qualifier, account, region))
}

// StagingRepository returns the name of the repository of the container images.
func (n Names) StagingRepository(qualifier, account, region string) string {
	return cmp.Or(fill(n.Repository, qualifier, account, region), StagingRepository(qualifier, account, region))
}

// fill replaces the placeholders in a name.
func fill(name, qualifier, account, region string) string {
	return strings.NewReplacer(
		"${Qualifier}", qualifier, "${AWS::AccountId}", account, "${AWS::Region}", region).Replace(name)
}
