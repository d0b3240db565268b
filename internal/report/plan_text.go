package report

import (
	"fmt"
	"strings"

	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/planfile"

	"lockstep/internal/deploy"
)

// PlanText returns what a plan, or its execution, does to each stack and each resource, as a person reads it on a
// terminal.
func PlanText(r deploy.Record) string {
	var parts []string
	for _, s := range r.Stacks {
		parts = append(parts, stackText(s))
	}
	if unseen := unseenOf(r); unseen.Stacks > 0 {
		parts = append(parts, fmt.Sprintf("not seen: %s, because what they need does not exist yet", unseen))
	}
	if len(r.OrphanedStacks) > 0 {
		parts = append(parts, fmt.Sprintf("orphaned, because the assembly no longer has them: %s; "+
			"when nobody needs one any more, remove it with `aws cloudformation delete-stack --stack-name NAME`",
			strings.Join(r.OrphanedStacks, ", ")))
	}
	return strings.Join(parts, "\n")
}

// unseenOf returns what a plan does not show.
func unseenOf(r deploy.Record) planfile.Unseen {
	var unseen planfile.Unseen
	for _, s := range r.Stacks {
		if s.Outcome == change.Deferred {
			unseen.Add(s.UnseenResources)
		}
	}
	return unseen
}

func stackText(s deploy.StackRecord) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", s.Name, s.Outcome)
	if s.Reason != "" {
		fmt.Fprintf(&b, ": %s", s.Reason)
	}
	if s.Outcome == change.Deferred && s.UnseenResources > 0 {
		fmt.Fprintf(&b, "; its template has %s", plural(s.UnseenResources, "resource"))
	}
	for _, note := range s.Notes {
		fmt.Fprintf(&b, "\n  %s", note)
	}
	for _, c := range s.Changes {
		fmt.Fprintf(&b, "\n  %-4s %s (%s)", c.Action.Symbol(), c.LogicalID, c.Type)
		if c.Action != change.Add && c.PhysicalID != "" {
			fmt.Fprintf(&b, " %s", c.PhysicalID)
		}
		for _, p := range shownProperties(c) {
			fmt.Fprintf(&b, "\n         %s", propertyText(p))
		}
	}
	for _, f := range s.Flags {
		fmt.Fprintf(&b, "\n  !    %s: %s: %s", f.Permit, f.LogicalID, f.Why)
	}
	return b.String()
}

// shownProperties returns the properties of a change that a reader compares. A resource that is added or removed has
// none.
func shownProperties(c change.Change) []change.Property {
	if c.Action == change.Add || c.Action == change.Remove {
		return nil
	}
	return c.Properties
}

// propertyText returns the name of a property, how its value changes, and whether that replaces the resource.
func propertyText(p change.Property) string {
	text := p.Name
	switch {
	case p.Before != "" && p.After != "":
		text += fmt.Sprintf(": %s -> %s", p.Before, p.After)
	case p.After != "":
		text += ": " + p.After
	case p.Before != "":
		text += fmt.Sprintf(": %s -> nothing", p.Before)
	}
	switch p.Recreation {
	case "Always":
		text += ", which replaces the resource"
	case "Conditionally":
		text += ", which may replace the resource"
	}
	return text
}
