package deploy

import (
	"time"

	"lockstep/internal/deploy/digest"
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
	AssemblyDigest digest.Account `json:"assemblyDigest"`
	// PlanDigest is that of the plan file that was written or applied; empty for none.
	PlanDigest digest.Plan `json:"planDigest,omitempty"`
	// Release is the number of the release that was recorded; 0 for none.
	Release int           `json:"release,omitempty"`
	Outcome Outcome       `json:"outcome"`
	Stacks  []StackRecord `json:"stacks"`
	// OrphanedStacks are the names of the stacks that an earlier release has brought, that the assembly has no more, and that stay as they are.
	OrphanedStacks []string  `json:"left,omitempty"`
	Started        time.Time `json:"started"`
	Millis         int64     `json:"ms"`
	// Error is the first failure, empty unless Outcome is failed.
	Error string `json:"error,omitempty"`
}

// An Outcome is what happened to a stack, or to the environment as a whole.
type Outcome string

// What can happen to a stack.
const (
	Planned   Outcome = "planned"  // there are changes, none was executed
	Deferred  Outcome = "deferred" // its change set cannot be made before another stack exists
	Created   Outcome = "created"
	Updated   Outcome = "updated"
	Unchanged Outcome = "unchanged"
	Failed    Outcome = "failed"
	Untouched Outcome = "untouched" // not reached because an earlier one failed
	Orphaned  Outcome = "left"      // the assembly has it no more, and it stays as it is
)

// A StackRecord is what happened to one stack.
type StackRecord struct {
	Name    string   `json:"name"`
	Account string   `json:"account"`
	Region  string   `json:"region"`
	Outcome Outcome  `json:"outcome"`
	Changes []Change `json:"changes,omitempty"`
	// Flags are the changes that have to be allowed by name.
	Flags []Flag `json:"flags,omitempty"`
	// Outputs are the stack's outputs by key.
	Outputs map[string]string `json:"outputs,omitempty"`
	// Reason says why the stack failed: the first resource that failed and what CloudFormation said of it.
	Reason string `json:"reason,omitempty"`
	Millis int64  `json:"ms"`
}

// A Change is what a change set does to one resource.
type Change struct {
	Action    Action `json:"action"`
	LogicalID string `json:"logicalId"`
	Type      string `json:"type"`
	// PhysicalID is the resource's physical id; empty when it does not exist yet.
	PhysicalID string `json:"physicalId,omitempty"`
	// Properties are the changed properties that CloudFormation names.
	Properties []Property `json:"properties,omitempty"`
	// PolicyAction is what becomes of the resource that goes, in CloudFormation's words: Delete, Retain, Snapshot and the same with ReplaceAnd
	// before it; empty where it does not say.
	PolicyAction string `json:"policy,omitempty"`
}

// A Property is one property, or attribute, of a resource that changes.
type Property struct {
	Name string `json:"name"`
	// Recreation says whether the change of this property replaces the resource: Never, Conditionally or Always.
	Recreation string `json:"recreation,omitempty"`
	// Before and After are its values where CloudFormation tells them and they are no secrets.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// An Action is how a change set treats a resource.
type Action string

// The actions, in the order in which a plan counts them. ReplaceMaybe is CloudFormation's conditional replacement:
// it depends on a value that is known only when the change set is executed.
const (
	Add          Action = "add"
	Modify       Action = "modify"
	Replace      Action = "replace"
	ReplaceMaybe Action = "replace, perhaps"
	Remove       Action = "remove"
)

// ActionSymbols are the signs of the actions in the text of a plan.
var ActionSymbols = map[Action]string{Add: "+", Modify: "~", Replace: "-/+", ReplaceMaybe: "-/+?", Remove: "-"}
