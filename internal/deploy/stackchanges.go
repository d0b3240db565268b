package deploy

import (
	"encoding/json"
	"maps"
	"slices"

	"lockstep/internal/deploy/assembly"
)

// stackLevelChanges is what would change of a stack itself, which no change set tells: its outputs, its policy, its protection. It is told as a change of the stack
// by the stack's own name; there is none for a stack that is yet to be made.
func (s *planStep) stackLevelChanges() []Change {
	if s.current.phase != updatable {
		return nil
	}
	properties := outputChanges(s.current.template, s.stack.Template.Body)
	if policyDiffers(s.stack, s.current) {
		properties = append(properties, Property{Name: "StackPolicy", Recreation: "Never"})
	}
	if s.protectionDiffers() {
		properties = append(properties, Property{Name: "TerminationProtection", Recreation: "Never"})
	}
	if len(properties) == 0 {
		return nil
	}
	return []Change{{Action: Modify, LogicalID: s.stack.Name, Type: nestedStackType, Properties: properties}}
}

// isStackLevel says whether a change is of the stack itself.
func (c Change) isStackLevel(stack string) bool {
	return c.LogicalID == stack && c.Type == nestedStackType
}

// resourceChanges are the changes that are told by a stack's change set.
func resourceChanges(stack string, changes []Change) []Change {
	var out []Change
	for _, c := range changes {
		if !c.isStackLevel(stack) {
			out = append(out, c)
		}
	}
	return out
}

// outputChanges compares the outputs of two templates. Their values are told as the templates have them. Nothing is told where one of them cannot be read: what is
// deployed may have been written in YAML.
func outputChanges(before, after string) []Property {
	old, errBefore := assembly.ParseTemplate(before)
	next, errAfter := assembly.ParseTemplate(after)
	if errBefore != nil || errAfter != nil {
		return nil
	}
	both := slices.AppendSeq(slices.Collect(maps.Keys(old.Outputs)), maps.Keys(next.Outputs))
	slices.Sort(both)
	same := func(a, b any) bool { return assembly.MaskNonASCII(valueText(a)) == assembly.MaskNonASCII(valueText(b)) }
	var out []Property
	for _, name := range slices.Compact(both) {
		a, b := old.Outputs[name], next.Outputs[name]
		switch {
		case same(a, b):
		case !same(a.Value, b.Value):
			out = append(out, Property{Name: "Outputs." + name, Before: valueText(a.Value), After: valueText(b.Value), Recreation: "Never"})
		default: // what it is exported as, or said of it
			out = append(out, Property{Name: "Outputs." + name, Before: valueText(a.Export), After: valueText(b.Export), Recreation: "Never"})
		}
	}
	return out
}

// valueText is a value of a template: text as it is, all else as JSON.
func valueText(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	text, err := json.Marshal(value)
	if err != nil {
		return "" // which a value that was read from JSON never gives
	}
	return string(text)
}
