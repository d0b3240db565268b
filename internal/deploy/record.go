package deploy

import (
	"fmt"
	"strings"
	"time"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/change"
)

// A Record is the result of one plan or deployment, as it is written to a step's output and shown in the summary.
type Record struct {
	awsclient.Target
	// AssemblyDigest is the SHA-256 of the cloud assembly's files, in hexadecimal.
	AssemblyDigest string `json:"assemblyDigest"`
	// PlanDigest is that of the plan file that was written or applied; empty for none.
	PlanDigest string `json:"planDigest,omitempty"`
	// Release is the number of the release that was recorded; 0 for none.
	Release int            `json:"release,omitempty"`
	Outcome change.Outcome `json:"outcome"`
	Stacks  []StackRecord  `json:"stacks"`
	// OrphanedStacks are the names of the stacks that an earlier release created and the assembly no longer has.
	OrphanedStacks []string  `json:"left,omitempty"`
	Started        time.Time `json:"started"`
	Millis         int64     `json:"ms"`
	// Error is the first failure, empty unless Outcome is failed.
	Error string `json:"error,omitempty"`
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
	// Outputs are the stack's outputs by key.
	Outputs map[string]string `json:"outputs,omitempty"`
	// Reason says why the stack failed: the first resource that failed and what CloudFormation said of it.
	Reason string `json:"reason,omitempty"`
	Millis int64  `json:"ms"`
}

// Text returns what a plan, or its application, does to each stack and each resource.
func (r Record) Text() string {
	var parts []string
	for _, s := range r.Stacks {
		parts = append(parts, s.text())
	}
	if len(r.OrphanedStacks) > 0 {
		parts = append(parts, orphanedText(r.OrphanedStacks))
	}
	return strings.Join(parts, "\n")
}

func (r StackRecord) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", r.Name, r.Outcome)
	if r.Reason != "" {
		fmt.Fprintf(&b, ": %s", r.Reason)
	}
	for _, c := range r.Changes {
		fmt.Fprintf(&b, "\n  %-4s %s (%s)", c.Action.Symbol(), c.LogicalID, c.Type)
		if c.Action != change.Add && c.PhysicalID != "" {
			fmt.Fprintf(&b, " %s", c.PhysicalID)
		}
		if c.Action == change.Add || c.Action == change.Remove {
			continue
		}
		for _, p := range c.Properties {
			fmt.Fprintf(&b, "\n         %s", p)
		}
	}
	for _, f := range r.Flags {
		fmt.Fprintf(&b, "\n  !    %s: %s: %s", f.Permit, f.LogicalID, f.Why)
	}
	return b.String()
}

// orphanedText names the stacks that the assembly no longer has.
func orphanedText(names []string) string {
	return fmt.Sprintf("orphaned, because the assembly no longer has them: %s; when nobody needs one any more, remove "+
		"it with `aws cloudformation delete-stack --stack-name NAME`", strings.Join(names, ", "))
}
