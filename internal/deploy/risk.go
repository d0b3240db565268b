package deploy

import (
	"slices"
	"strings"
)

// flagsOf says what of a stack's changes has to be allowed. Before is the template that is deployed, empty for a stack that is not there.
func flagsOf(stack string, changes []Change, before, after string) ([]Flag, error) {
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
