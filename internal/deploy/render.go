package deploy

import (
	"fmt"
	"strings"
)

// signs mark what a change does, as a reader of plans knows them.
var signs = map[Action]string{Add: "+", Modify: "~", Replace: "-/+", ReplaceMaybe: "-/+?", Remove: "-"}

// Text shows what a plan, or its execution, does to each stack and each resource.
func (r Record) Text() string {
	var parts []string
	for _, s := range r.Stacks {
		parts = append(parts, text(s))
	}
	return strings.Join(parts, "\n")
}

func text(s StackRecord) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", s.Name, s.Outcome)
	if s.Reason != "" {
		fmt.Fprintf(&b, ": %s", s.Reason)
	}
	for _, c := range s.Changes {
		fmt.Fprintf(&b, "\n  %-4s %s (%s)", signs[c.Action], c.LogicalID, c.Type)
		if c.Action != Add && c.Physical != "" {
			fmt.Fprintf(&b, " %s", c.Physical)
		}
		if c.Action != Add && c.Action != Remove && len(c.Properties) > 0 {
			fmt.Fprintf(&b, ": %s", strings.Join(c.Properties, ", "))
		}
	}
	return b.String()
}
