package change

import (
	"fmt"
)

// A Permit is a kind of change that is not made unless it is allowed by name.
type Permit string

// The permits.
const (
	// DataLoss is a resource that keeps data and is replaced or removed.
	DataLoss Permit = "data-loss"
	// Permissions is access that is wider than before, for people, programs or the network.
	Permissions Permit = "permissions"
)

// Permits are all permits, in the order in which they are shown.
var Permits = []Permit{DataLoss, Permissions}

// A Flag is a change that has to be allowed.
type Flag struct {
	Permit    Permit `json:"permit"`
	Stack     string `json:"stack"`
	LogicalID string `json:"logicalId"`
	Type      string `json:"type"`
	// Why says what is lost, or what is wider.
	Why string `json:"why"`
}

func (f Flag) String() string {
	return fmt.Sprintf("%s: %s (%s) in %s: %s", f.Permit, f.LogicalID, f.Type, f.Stack, f.Why)
}
