package change

import "fmt"

// A Permit is the name of a kind of change that is made only with permission.
type Permit string

// The permits.
const (
	// DataLoss permits to replace or remove a resource that keeps data.
	DataLoss Permit = "data-loss"
	// Permissions permits access that is wider than before, for people, programs or the network.
	Permissions Permit = "permissions"
	// ImportExisting permits to take over resources that exist and belong to no stack, such as those that a deleted stack
	// has kept. It is needed when the plan is made.
	ImportExisting Permit = "import-existing"
	// Synthesizer permits to deploy a stack for which the app names no role with the roles of the account's bootstrap.
	Synthesizer Permit = "synthesizer"
)

// Permits are all permits, in the order in which they are shown.
var Permits = []Permit{DataLoss, Permissions, ImportExisting, Synthesizer}

// A Flag is a change that needs a permit, in a live deployment at least.
type Flag struct {
	Permit    Permit `json:"permit"`
	Stack     string `json:"stack"`
	LogicalID string `json:"logicalId"`
	Type      string `json:"type"`
	// Why says what is lost, or what is wider.
	Why string `json:"why"`
	// LiveOnly says that only a live deployment asks for the permit: a rehearsal has nothing yet that could be widened.
	LiveOnly bool `json:"liveOnly,omitempty"`
}

// Reason returns why the change needs the permit and, if only a live deployment asks for it, that it does.
func (f Flag) Reason() string {
	if f.LiveOnly {
		return f.Why + "; a live deployment asks for --allow " + string(f.Permit)
	}
	return f.Why
}

// String returns the flag as one line.
func (f Flag) String() string {
	return fmt.Sprintf("%s: %s (%s) in %s: %s", f.Permit, f.LogicalID, f.Type, f.Stack, f.Reason())
}
