package cfn

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/compare"
	"lockstep/internal/deploy/resolve"
	"lockstep/internal/redact"
)

// StackLevelChanges returns what would change of an existing stack itself: its outputs, parameters, tags, topics,
// policy and protection. Change sets show none of them, or only what comes of them. It is one change with the stack's
// own name, or none.
func StackLevelChanges(want *assembly.Stack, state State, result compare.Result) []change.Change {
	if state.Phase != Updatable {
		return nil
	}
	var properties []change.Property
	for _, p := range StackProperties(want, state, result) {
		section, _, _ := strings.Cut(p.Name, ".")
		switch section {
		case compare.Outputs, compare.Parameters, compare.Tags, compare.NotificationARNs,
			compare.StackPolicy, compare.TerminationProtection:
			properties = append(properties, p)
		}
	}
	if len(properties) == 0 {
		return nil
	}
	return []change.Change{{Action: change.Modify, LogicalID: want.Name, Type: change.StackType, Properties: properties}}
}

// StackProperties returns the differences of a stack that an update removes, with their values where they may be shown.
func StackProperties(want *assembly.Stack, state State, result compare.Result) []change.Property {
	outputs := map[string]change.Property{}
	for _, p := range outputChanges(state.Template, want.Template.Body) {
		outputs[p.Name] = p
	}
	var out []change.Property
	for _, d := range result.Changed() {
		p, isOutput := outputs[d.Path()]
		if !isOutput {
			p = newStackProperty(d)
		}
		out = append(out, p)
	}
	return out
}

// newStackProperty returns a difference as a property of the stack.
func newStackProperty(d compare.Difference) change.Property {
	p := change.Property{
		Name: d.Path(), Before: redact.Value(d.Name, d.Before), After: redact.Value(d.Name, d.After), Recreation: "Never",
	}
	if d.IsSecret {
		p.Before = redact.Hidden
		p.After = redact.Hidden
	}
	return p
}

// KeptParameters returns a sentence for each parameter whose value an update keeps, or on which nothing depends.
func KeptParameters(result compare.Result) []string {
	var out []string
	for _, d := range result.Kept() {
		p := newStackProperty(d)
		if d.IsUnset {
			out = append(out, fmt.Sprintf("%s stays %s: neither the assembly nor a default gives it a value", p.Name, p.Before))
			continue
		}
		out = append(out, fmt.Sprintf("%s is %s and not %s: no resource and no output depends on it",
			p.Name, valueOrNothing(p.Before), valueOrNothing(p.After)))
	}
	return out
}

// UncountedChanges returns a sentence for each parameter, tag and topic that differs, for a stack of which
// CloudFormation says that nothing changes.
func UncountedChanges(result compare.Result) []string {
	var out []string
	for _, d := range result.Changed() {
		switch d.Section {
		case compare.Parameters, compare.Tags, compare.NotificationARNs:
			out = append(out, fmt.Sprintf("%s: CloudFormation does not count that as a change", newStackProperty(d)))
		}
	}
	return out
}

// outputChanges compares the outputs of two templates, whose values are shown as they are written. It returns nil if
// one of the templates cannot be read: the deployed one may be YAML.
func outputChanges(before, after string) []change.Property {
	old, oldErr := assembly.ParseTemplate(before)
	next, nextErr := assembly.ParseTemplate(after)
	if oldErr != nil || nextErr != nil {
		return nil
	}
	names := slices.AppendSeq(slices.Collect(maps.Keys(old.Outputs)), maps.Keys(next.Outputs))
	slices.Sort(names)
	same := func(a, b any) bool {
		return assembly.MaskNonASCII(resolve.Text(a)) == assembly.MaskNonASCII(resolve.Text(b))
	}
	var out []change.Property
	for _, name := range slices.Compact(names) {
		a, b := old.Outputs[name], next.Outputs[name]
		if same(a, b) {
			continue
		}
		before, after := a.Value, b.Value
		if same(before, after) {
			before, after = a.Export, b.Export // or the description, which has no other place in a plan
		}
		out = append(out, change.Property{
			Name: "Outputs." + name, Recreation: "Never",
			Before: redact.Value(name, resolve.Text(before)), After: redact.Value(name, resolve.Text(after)),
		})
	}
	return out
}
