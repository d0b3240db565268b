package deploy

import "time"

// A Target is the environment that a deployment goes to, as it was configured.
type Target struct {
	Environment string `json:"environment"`
	// Account is the twelve digits of the account that is deployed to.
	Account string `json:"account"`
	Region  string `json:"region"`
	// Tooling is the twelve digits of the account whose principal the caller must be.
	Tooling string `json:"tooling"`
	// Qualifier is the bootstrap qualifier that the account's roles are named with.
	Qualifier string `json:"qualifier"`
}

// A Record is what one plan or deployment came to, as it is written to a step's output and shown in the summary.
type Record struct {
	Target
	// AssemblyDigest is the SHA-256 of the cloud assembly's files, in hexadecimal.
	AssemblyDigest string        `json:"assemblyDigest"`
	Outcome        Outcome       `json:"outcome"`
	Stacks         []StackRecord `json:"stacks"`
	Started        time.Time     `json:"started"`
	Millis         int64         `json:"ms"`
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
)

// A StackRecord is what happened to one stack.
type StackRecord struct {
	Name    string   `json:"name"`
	Account string   `json:"account"`
	Region  string   `json:"region"`
	Outcome Outcome  `json:"outcome"`
	Changes []Change `json:"changes,omitempty"`
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
	// Physical is the resource's physical id; empty when it does not exist yet.
	Physical string `json:"physicalId,omitempty"`
	// Properties are the changed properties that CloudFormation names.
	Properties []string `json:"properties,omitempty"`
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
