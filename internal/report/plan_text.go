package report

import (
	"fmt"
	"strings"

	"lockstep/internal/deploy"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/display"
	"lockstep/internal/redact"
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
			strings.Join(displayLines(r.OrphanedStacks), ", ")))
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
	fmt.Fprintf(&b, "%s: %s", display.Line(s.Name), display.Line(string(s.Outcome)))
	if s.Reason != "" {
		fmt.Fprintf(&b, ": %s", display.Line(s.Reason))
	}
	if s.Outcome == change.Deferred && s.UnseenResources > 0 {
		fmt.Fprintf(&b, "; its template has %s", resourceCount(s.UnseenResources))
	}
	for _, note := range s.Notes {
		fmt.Fprintf(&b, "\n  %s", display.Line(note))
	}
	for _, c := range s.Changes {
		fmt.Fprintf(&b, "\n  %-4s %s (%s)", c.Action.Symbol(), display.Line(c.LogicalID), display.Line(c.Type))
		if c.Action != change.Add && c.PhysicalID != "" {
			fmt.Fprintf(&b, " %s", display.Line(c.PhysicalID))
		}
		for _, p := range shownProperties(c) {
			fmt.Fprintf(&b, "\n         %s", strings.Join(propertyLines(p), "\n           "))
		}
	}
	for _, f := range s.Flags {
		fmt.Fprintf(&b, "\n  !    %s: %s: %s",
			display.Line(string(f.Permit)), display.Line(f.LogicalID), display.Line(f.Reason()))
	}
	return b.String()
}

// displayLines returns each text as one line.
func displayLines(texts []string) []string {
	out := make([]string, len(texts))
	for i, text := range texts {
		out[i] = display.Line(text)
	}
	return out
}

// shownProperties returns the properties of a change that a reader compares. A resource that is added or removed has
// none.
func shownProperties(c change.Change) []change.Property {
	if c.Action == change.Add || c.Action == change.Remove {
		return nil
	}
	return c.Properties
}

// propertyLines returns the name of a property, how its value changes, and whether that replaces the resource. The
// statements of a policy that are removed and added follow, a line each.
func propertyLines(p change.Property) []string {
	text := display.Line(p.Name)
	var statements []string
	removed, added, isPolicy := redact.PolicyDifference(p.Before, p.After)
	for _, s := range removed {
		statements = append(statements, "- "+display.Line(s))
	}
	for _, s := range added {
		statements = append(statements, "+ "+display.Line(s))
	}
	before, after := display.Line(p.Before), display.Line(p.After)
	switch {
	case isPolicy:
		text += ": statements"
	case before != "" && after != "":
		text += fmt.Sprintf(": %s -> %s", before, after)
	case after != "":
		text += ": " + after
	case before != "":
		text += fmt.Sprintf(": %s -> nothing", before)
	}
	switch p.Recreation {
	case "Always":
		text += ", which replaces the resource"
	case "Conditionally":
		text += ", which may replace the resource"
	}
	return append([]string{text}, statements...)
}
