// Package change owns the words of a plan: what a deployment does to a stack and to each of its resources, and which of
// that has to be permitted by name. It knows nothing of AWS, of templates or of how a change comes about.
package change

import "fmt"

// An Outcome is the result for a stack, or for the account as a whole.
type Outcome string

// The outcomes.
const (
	Planned   Outcome = "planned"  // there are changes, none was executed
	Deferred  Outcome = "deferred" // its change set cannot be created before another stack exists
	Created   Outcome = "created"
	Updated   Outcome = "updated"
	Unchanged Outcome = "unchanged"
	Failed    Outcome = "failed"
	Untouched Outcome = "untouched" // not reached because an earlier one failed
	Orphaned  Outcome = "left"      // the assembly no longer has it, and it stays as it is
)

// A Change is what a change set does to one resource, or what a deployment does to the stack itself.
type Change struct {
	Action    Action `json:"action"`
	LogicalID string `json:"logicalId"`
	Type      string `json:"type"`
	// PhysicalID is the resource's physical id; empty when it does not exist yet.
	PhysicalID string `json:"physicalId,omitempty"`
	// Properties are the changed properties that CloudFormation names.
	Properties []Property `json:"properties,omitempty"`
	// PolicyAction is what CloudFormation does with the resource that goes, in its own words: Delete, Retain or Snapshot,
	// or one of them with ReplaceAnd before it. It is empty where CloudFormation does not say.
	PolicyAction string `json:"policy,omitempty"`
}

// A Property is one property, or attribute, of a resource that changes.
type Property struct {
	Name string `json:"name"`
	// Recreation says whether the change of this property replaces the resource: Never, Conditionally or Always.
	Recreation string `json:"recreation,omitempty"`
	// Before and After are its values, where CloudFormation shows them and they are not secret.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// An Action is how a change set treats a resource.
type Action string

// The actions. ReplaceMaybe is CloudFormation's conditional replacement: it depends on a value that is known only when
// the change set is executed.
const (
	Add          Action = "add"
	Modify       Action = "modify"
	Replace      Action = "replace"
	ReplaceMaybe Action = "replace, perhaps"
	Remove       Action = "remove"
)

// Actions are all actions, in the order in which a plan counts them.
var Actions = []Action{Add, Modify, Replace, ReplaceMaybe, Remove}

// actionSymbols are the marks of actions, as Terraform's plans have them.
var actionSymbols = map[Action]string{Add: "+", Modify: "~", Replace: "-/+", ReplaceMaybe: "-/+?", Remove: "-"}

// Symbol returns the mark of an action in a plan.
func (a Action) Symbol() string { return actionSymbols[a] }

// String returns the property, its values before and after, and whether its change replaces the resource.
func (p Property) String() string {
	out := p.Name
	switch {
	case p.Before != "" && p.After != "":
		out += fmt.Sprintf(": %s -> %s", p.Before, p.After)
	case p.After != "":
		out += ": " + p.After
	case p.Before != "":
		out += fmt.Sprintf(": %s -> nothing", p.Before)
	}
	switch p.Recreation {
	case "Always":
		out += ", which replaces the resource"
	case "Conditionally":
		out += ", which may replace the resource"
	}
	return out
}

// StackType is the type of a stack as a resource.
const StackType = "AWS::CloudFormation::Stack"

// isStackLevel reports whether a change is of the stack itself, which no change set shows.
func (c Change) isStackLevel(stack string) bool {
	return c.LogicalID == stack && c.Type == StackType
}

// OfResources returns the changes of a stack's resources, which its change set shows.
func OfResources(stack string, changes []Change) []Change {
	var out []Change
	for _, c := range changes {
		if !c.isStackLevel(stack) {
			out = append(out, c)
		}
	}
	return out
}
