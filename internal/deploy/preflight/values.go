package preflight

import (
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/resolve"
)

// A scope holds what references in a stack's template stand for, as far as that is known before the deployment.
type scope map[string]string

// newScope returns the pseudo parameters of a stack, and its parameters.
func newScope(s *assembly.Stack) scope {
	known := scope{
		"AWS::StackName": s.Name, "AWS::AccountId": s.Account, "AWS::Region": s.Region,
		"AWS::Partition": assembly.Partition(s.Region),
	}
	for name, p := range s.Template.Parameters {
		if p.IsFromSSM() || p.IsSecret() {
			continue
		}
		if value, ok := s.Parameters[name]; ok {
			known[name] = value
		} else if text, ok := p.Default.(string); ok {
			known[name] = text
		}
	}
	return known
}

// resolve returns the text that a value stands for, if all of it is known.
func (s scope) resolve(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, !strings.Contains(v, "{{resolve:")
	case map[string]any:
		if len(v) != 1 {
			return "", false
		}
		for function, argument := range v {
			return s.resolveFunction(function, argument)
		}
	}
	return "", false
}

func (s scope) resolveFunction(function string, argument any) (string, bool) {
	switch function {
	case "Ref":
		name, _ := argument.(string)
		return s.resolveRef(name)
	case "Fn::Sub":
		return resolve.Substitute(argument, s.resolve, s.resolveRef)
	case "Fn::Join":
		return resolve.Join(argument, s.resolve)
	}
	return "", false
}

func (s scope) resolveRef(name string) (string, bool) {
	text, ok := s[name]
	return text, ok
}

// exportsOf returns the outputs of a stack that are exported, by the name of the export. It is complete if every name
// is known and no output has a condition.
func exportsOf(s *assembly.Stack) (exports map[string]assembly.Output, isComplete bool) {
	exports = map[string]assembly.Output{}
	isComplete = len(s.Template.Transforms) == 0
	for _, name := range exportNames(s) {
		if !name.isKnown {
			isComplete = false
			continue
		}
		exports[name.text] = s.Template.Outputs[name.key]
	}
	return exports, isComplete
}

// An exportName is the name under which an output is exported.
type exportName struct {
	key, text string
	isKnown   bool
}

// exportNames returns the names of a stack's exports, in the order of their outputs.
func exportNames(s *assembly.Stack) []exportName {
	known := newScope(s)
	var names []exportName
	for _, key := range sortedKeys(s.Template.Outputs) {
		export, ok := s.Template.Outputs[key].Export.(map[string]any)
		if !ok {
			continue
		}
		text, isKnown := known.resolve(export["Name"])
		names = append(names, exportName{key, text, isKnown})
	}
	return names
}

// duplicateExports returns the names that two outputs of one template export without a condition.
func duplicateExports(s *assembly.Stack) []string {
	var seen, twice []string
	for _, name := range exportNames(s) {
		if !name.isKnown || s.Template.Outputs[name.key].Condition != nil {
			continue
		}
		if slices.Contains(seen, name.text) {
			twice = append(twice, name.text)
		}
		seen = append(seen, name.text)
	}
	return twice
}

// mayImport reports whether a stack's template imports an export, or may do so: not all names are known.
func mayImport(s *assembly.Stack, export string) bool {
	names, isComplete := importsOf(s)
	return !isComplete || slices.Contains(names, export)
}

// certainlyImports reports whether a stack's template imports an export.
func certainlyImports(s *assembly.Stack, export string) bool {
	names, _ := importsOf(s)
	return slices.Contains(names, export)
}

// importsOf returns the names that a stack imports. They are complete if every name is known.
func importsOf(s *assembly.Stack) (names []string, isComplete bool) {
	known := newScope(s)
	isComplete = len(s.Template.Transforms) == 0
	var collect func(value any)
	collect = func(value any) {
		switch v := value.(type) {
		case map[string]any:
			for _, key := range sortedKeys(v) {
				if key != "Fn::ImportValue" {
					collect(v[key])
				} else if name, ok := known.resolve(v[key]); ok {
					names = append(names, name)
				} else {
					isComplete = false
				}
			}
		case []any:
			for _, item := range v {
				collect(item)
			}
		}
	}
	for _, id := range sortedKeys(s.Template.Resources) {
		collect(s.Template.Resources[id].Properties)
	}
	for _, key := range sortedKeys(s.Template.Outputs) {
		collect(s.Template.Outputs[key].Value)
	}
	return names, isComplete
}

// identified returns the logical id of the resource in a template whose identity a value is: its Ref, or an ARN of it.
// Two resources never have the same. Nothing is known of what the app's own programs create.
func identified(t assembly.Template, value any) (id string, ok bool) {
	object, _ := value.(map[string]any)
	id, ok = object["Ref"].(string)
	if !ok {
		id, ok = arnSubject(object["Fn::GetAtt"])
	}
	r, exists := t.Resources[id]
	return id, ok && exists && !isCustom(r.Type) && r.Type != "AWS::CloudFormation::Stack"
}

// arnSubject returns the logical id of the resource whose ARN is the attribute in Fn::GetAtt, in either of its forms.
func arnSubject(attribute any) (id string, ok bool) {
	if text, isText := attribute.(string); isText {
		id, name, _ := strings.Cut(text, ".")
		return id, strings.HasSuffix(name, "Arn")
	}
	list := asList(attribute)
	if len(list) != 2 {
		return "", false
	}
	id, _ = list[0].(string)
	name, _ := list[1].(string)
	return id, strings.HasSuffix(name, "Arn")
}
