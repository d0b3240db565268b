package cfn

import (
	"encoding/json"
	"maps"
	"slices"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
)

// StackLevelChanges returns what would change of an existing stack itself, which no change set shows: its outputs, its
// policy and its protection. It is one change with the stack's own name, or none.
func StackLevelChanges(want *assembly.Stack, state State) []change.Change {
	if state.Phase != Updatable {
		return nil
	}
	properties := outputChanges(state.Template, want.Template.Body)
	if state.policyDiffers(want) {
		properties = append(properties, change.Property{Name: "StackPolicy", Recreation: "Never"})
	}
	if state.protectionDiffers(want) {
		properties = append(properties, change.Property{Name: "TerminationProtection", Recreation: "Never"})
	}
	if len(properties) == 0 {
		return nil
	}
	return []change.Change{{Action: change.Modify, LogicalID: want.Name, Type: change.StackType, Properties: properties}}
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
	same := func(a, b any) bool { return assembly.MaskNonASCII(valueText(a)) == assembly.MaskNonASCII(valueText(b)) }
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
			Name: "Outputs." + name, Before: valueText(before), After: valueText(after), Recreation: "Never",
		})
	}
	return out
}

// valueText returns a value of a template as text: a string as it is, all else as JSON.
func valueText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "" // a value that was read from JSON can be written as JSON
	}
	return string(text)
}
