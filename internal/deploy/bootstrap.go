package deploy

import (
	"fmt"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
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

// stackRole returns the role that a run works on stacks with, unless the assembly names it.
func (a Access) stackRole() roles.Kind {
	switch a {
	case ReadAccess:
		return roles.Lookup
	case PlanAccess:
		return roles.Planner
	}
	return roles.Deploy
}

// ledgerRole returns the role that a run uses the ledger with.
func (a Access) ledgerRole() roles.Kind {
	switch a {
	case ReadAccess:
		return roles.LedgerReader
	case PlanAccess:
		return roles.Planner
	}
	return roles.LedgerWriter
}

// bootstrapRole returns a role of the account's bootstrap.
func bootstrapRole(t awsclient.Target, kind roles.Kind) awsclient.Role {
	return awsclient.Role{ARN: kind.ARN(assembly.Partition(t.Region), t.Qualifier, t.Account, t.Region)}
}

// stackRole returns the role that this run works on a stack with. A deployment works with the role that the assembly
// names for the stack. Whoever only reads or plans has a role that can do no more, whatever the assembly names.
func (d *Deployment) stackRole(s *assembly.Stack) awsclient.Role {
	if d.Access == DeployAccess {
		return assumedRole(s.DeployRole)
	}
	return bootstrapRole(d.target, d.Access.stackRole())
}

// accountRole returns the role that this run works on stacks with that the assembly does not have.
func (d *Deployment) accountRole() awsclient.Role {
	return bootstrapRole(d.target, d.Access.stackRole())
}

// stagingBucketName returns the name of the staging bucket of the account's bootstrap.
func stagingBucketName(t awsclient.Target) string {
	return fmt.Sprintf("cdk-%s-assets-%s-%s", t.Qualifier, t.Account, t.Region)
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
