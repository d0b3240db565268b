// Package risk owns the judgement which changes of a stack lose data or widen access. It is made of pure functions over
// templates and changes, and knows nothing of AWS's API.
package risk

import (
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

// Flags returns the changes of a stack that need a permit. The deployed template is empty for a stack that does not
// exist.
func Flags(stack string, changes []change.Change, deployed, template string) ([]change.Flag, error) {
	old, err := assembly.ParseTemplate(deployed)
	if err != nil {
		// People write templates in YAML. Nothing is known of such a one but that it has resources, so that whatever is
		// removed needs a permit, and whatever is granted.
		old.Resources = resources{"": {}}
	}
	next, err := assembly.ParseTemplate(template)
	if err != nil {
		return nil, err
	}
	flags := slices.Concat(
		dataLossFlags(changes, old.Resources, next.Resources), permissionFlags(changes, old.Resources, next.Resources),
	)
	for i := range flags {
		flags[i].Stack = stack
	}
	return flags, nil
}

// CheckAllowed refuses flags without their permits, and names both.
func CheckAllowed(flags []change.Flag, permits []change.Permit) error {
	var lines, options []string
	for _, f := range flags {
		if slices.Contains(permits, f.Permit) {
			continue
		}
		lines = append(lines, "  "+f.String())
		if option := "--allow " + string(f.Permit); !slices.Contains(options, option) {
			options = append(options, option)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return refusal.Newf(fault.ChangesNotNamed, nil,
		"these changes have to be allowed by name:\n%s\nsee that they are meant, then add %s",
		strings.Join(lines, "\n"), strings.Join(options, " "))
}
