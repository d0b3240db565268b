package deploy

import (
	"fmt"
	"strings"

	"lockstep/internal/deploy/change"
)

// Text shows what a plan, or its execution, does to each stack and each resource.
func (r Record) Text() string {
	var parts []string
	for _, s := range r.Stacks {
		parts = append(parts, stackText(s))
	}
	if len(r.OrphanedStacks) > 0 {
		parts = append(parts, orphanedText(r.OrphanedStacks))
	}
	return strings.Join(parts, "\n")
}

func stackText(s StackRecord) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", s.Name, s.Outcome)
	if s.Reason != "" {
		fmt.Fprintf(&b, ": %s", s.Reason)
	}
	for _, c := range s.Changes {
		fmt.Fprintf(&b, "\n  %-4s %s (%s)", change.ActionSymbols[c.Action], c.LogicalID, c.Type)
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
	for _, f := range s.Flags {
		fmt.Fprintf(&b, "\n  !    %s: %s: %s", f.Permit, f.LogicalID, f.Why)
	}
	return b.String()
}
