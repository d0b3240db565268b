package deploy

import (
	"time"

	"lockstep/internal/deploy/change"
)

// A Target is the environment that a deployment goes to, as it was configured.
type Target struct {
	// Project is what the platform is called, which the names of what is kept in the account begin with.
	Project     string `json:"project"`
	Environment string `json:"environment"`
	// Account is the twelve digits of the account that is deployed to.
	Account string `json:"account"`
	Region  string `json:"region"`
	// ToolingAccount is the twelve digits of the account whose principal the caller must be.
	ToolingAccount string `json:"tooling"`
	// Qualifier is the bootstrap qualifier that the account's roles are named with.
	Qualifier string `json:"qualifier"`
}

// A Record is what one plan or deployment came to, as it is written to a step's output and shown in the summary.
type Record struct {
	Target
	// AssemblyDigest is the SHA-256 of the cloud assembly's files, in hexadecimal.
	AssemblyDigest string `json:"assemblyDigest"`
	// PlanDigest is that of the plan file that was written or applied; empty for none.
	PlanDigest string `json:"planDigest,omitempty"`
	// Release is the number of the release that was recorded; 0 for none.
	Release int            `json:"release,omitempty"`
	Outcome change.Outcome `json:"outcome"`
	Stacks  []StackRecord  `json:"stacks"`
	// OrphanedStacks are the names of the stacks that an earlier release has brought, that the assembly has no more, and that stay as they are.
	OrphanedStacks []string  `json:"left,omitempty"`
	Started        time.Time `json:"started"`
	Millis         int64     `json:"ms"`
	// Error is the first failure, empty unless Outcome is failed.
	Error string `json:"error,omitempty"`
}

// A StackRecord is what happened to one stack.
type StackRecord struct {
	Name    string          `json:"name"`
	Account string          `json:"account"`
	Region  string          `json:"region"`
	Outcome change.Outcome  `json:"outcome"`
	Changes []change.Change `json:"changes,omitempty"`
	// Flags are the changes that have to be allowed by name.
	Flags []change.Flag `json:"flags,omitempty"`
	// Outputs are the stack's outputs by key.
	Outputs map[string]string `json:"outputs,omitempty"`
	// Reason says why the stack failed: the first resource that failed and what CloudFormation said of it.
	Reason string `json:"reason,omitempty"`
	Millis int64  `json:"ms"`
}
