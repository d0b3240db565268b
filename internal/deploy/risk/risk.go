// Package risk owns the judgement which changes of a stack lose data or widen access. It is made of pure functions over
// templates and changes, and knows nothing of AWS's API.
package risk

import (
	"slices"
	"strings"

	"lockstep/internal/deploy/change"
	"lockstep/internal/refusal"
)

// Flags says what of a stack's changes has to be allowed. Before is the template that is deployed, empty for a stack
// that is not there.
func Flags(stack string, changes []change.Change, before, after string) ([]change.Flag, error) {
	old, err := parseResources(before)
	if err != nil {
		old = unknownResources
	}
	next, err := parseResources(after)
	if err != nil {
		return nil, err
	}
	flags := slices.Concat(dataLossFlags(changes, old, next), permissionFlags(changes, old, next))
	for i := range flags {
		flags[i].Stack = stack
	}
	return flags, nil
}

// unknownResources stands for a deployed template in YAML, as people write them. Nothing is known of its resources but
// that there are some, so whatever goes has to be allowed, and whatever is granted.
var unknownResources = resources{"": {}}

// disallowedFlags are the flags whose permit was not given.
func disallowedFlags(flags []change.Flag, given []change.Permit) []change.Flag {
	var out []change.Flag
	for _, f := range flags {
		if !slices.Contains(given, f.Permit) {
			out = append(out, f)
		}
	}
	return out
}

// CheckAllowed refuses what was flagged and not allowed.
func CheckAllowed(flags []change.Flag, given []change.Permit) error {
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
	return refusal.Newf(nil, "these changes have to be allowed by name:\n%s\nsee that they are meant, then add %s",
		strings.Join(lines, "\n"), strings.Join(names, " "))
}
