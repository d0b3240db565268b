package deploy

import (
	"time"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/readiness"
	"lockstep/internal/fault"
)

// A Record is the result of one plan or deployment, as it is written to a step's output and shown in the summary.
type Record struct {
	awsclient.Target
	// AssemblyDigest is the SHA-256 of the cloud assembly's files, in hexadecimal.
	AssemblyDigest digest.Account `json:"assemblyDigest"`
	// PlanDigest is that of the plan file that was written or applied; empty for none.
	PlanDigest digest.Plan `json:"planDigest,omitempty"`
	// Release is the number of the release that was recorded; 0 for none.
	Release int `json:"release,omitempty"`
	// SignedBy is the id of the key that has signed the release; empty if it was not recorded or is unsigned.
	SignedBy string         `json:"signedBy,omitempty"`
	Outcome  change.Outcome `json:"outcome"`
	Stacks   []StackRecord  `json:"stacks"`
	// Readiness are the answers of the checks before the first write.
	Readiness []readiness.Answer `json:"readiness,omitempty"`
	// OrphanedStacks are the names of the stacks that an earlier release created and the assembly no longer has.
	OrphanedStacks []string  `json:"left,omitempty"`
	Started        time.Time `json:"started"`
	Millis         int64     `json:"ms"`
	// Error is the first failure, empty unless Outcome is failed, and Code is its code.
	Error string     `json:"error,omitempty"`
	Code  fault.Code `json:"code,omitempty"`
}

// A StackRecord is the result of a plan or deployment for one stack.
type StackRecord struct {
	Name    string          `json:"name"`
	Account string          `json:"account"`
	Region  string          `json:"region"`
	Outcome change.Outcome  `json:"outcome"`
	Changes []change.Change `json:"changes,omitempty"`
	// Flags are the changes that need a permit.
	Flags []change.Flag `json:"flags,omitempty"`
	// UnseenResources is how many resources the template of a deferred stack declares, whose changes the plan does not
	// show; 0 if the stack is not deferred or its template does not say.
	UnseenResources int `json:"unseenResources,omitempty"`
	// Outputs are the stack's outputs by key.
	Outputs map[string]string `json:"outputs,omitempty"`
	// Reason says why the stack failed: the first resource that failed and what CloudFormation said of it. Code is the
	// code of the failure.
	Reason string     `json:"reason,omitempty"`
	Code   fault.Code `json:"code,omitempty"`
	// Causes are why CloudFormation failed, the first one first.
	Causes []change.Cause `json:"causes,omitempty"`
	// Notes are what a person should know of a stack besides its changes.
	Notes  []string `json:"notes,omitempty"`
	Millis int64    `json:"ms"`
}
