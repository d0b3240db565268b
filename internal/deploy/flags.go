package deploy

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
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

// flagsOf says what of a stack's changes has to be allowed. Before is the template that is deployed, empty for a stack that is not there.
func flagsOf(stack string, changes []Change, before, after string) ([]Flag, error) {
	old, err := assembly.ParseTemplate(before)
	if err != nil {
		old.Resources = unknownResources
	}
	next, err := assembly.ParseTemplate(after)
	if err != nil {
		return nil, err
	}
	flags := slices.Concat(dataLossFlags(changes, old.Resources, next.Resources), permissionFlags(changes, old.Resources, next.Resources))
	for i := range flags {
		flags[i].Stack = stack
	}
	return flags, nil
}

// unknownResources stands for a deployed template in YAML, as people write them. Nothing is known of its resources but that there are some, so whatever goes has to be
// allowed, and whatever is granted.
var unknownResources = resources{"": {}}

// disallowedFlags are the flags whose permit was not given.
func disallowedFlags(flags []Flag, given []Permit) []Flag {
	var out []Flag
	for _, f := range flags {
		if !slices.Contains(given, f.Permit) {
			out = append(out, f)
		}
	}
	return out
}

// checkAllowed refuses what was flagged and not allowed.
func checkAllowed(flags []Flag, given []Permit) error {
	left := disallowedFlags(flags, given)
	if len(left) == 0 {
		return nil
	}
	var lines, names []string
	for _, f := range left {
		lines = append(lines, "  "+f.String())
		if name := "--allow " + string(f.Permit); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return refuse(nil, "these changes have to be allowed by name:\n%s\nsee that they are meant, then add %s", strings.Join(lines, "\n"), strings.Join(names, " "))
}
