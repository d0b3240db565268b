package compare

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/resolve"
)

// inertSections are the sections of a template that change no resource and no output by themselves. Rules only refuse
// values.
var inertSections = []string{"AWSTemplateFormatVersion", "Description", "Metadata", "Rules"}

// compareTemplates compares the text of a deployed template with the wanted one. It also returns what the resources and
// outputs of both refer to.
func compareTemplates(before, after string) ([]Difference, references) {
	next, err := assembly.ParseDocument(after)
	if err != nil {
		return []Difference{{Section: "Template"}}, references{all: true}
	}
	old, err := assembly.ParseDocument(before)
	if err != nil { // it may be YAML
		return []Difference{{Section: "Template"}}, references{all: true}
	}
	refs := findReferences(old, next)
	var out []Difference
	for _, section := range unionOfKeys(old, next) {
		if reflect.DeepEqual(old[section], next[section]) {
			continue
		}
		out = append(out, compareSection(section, old[section], next[section], refs)...)
	}
	return out, refs
}

// compareSection compares a section whose two values are not equal.
func compareSection(section string, before, after any, refs references) []Difference {
	if slices.Contains(inertSections, section) {
		return []Difference{{Class: Inert, Section: section}}
	}
	a, isMapA := before.(map[string]any)
	b, isMapB := after.(map[string]any)
	if !isMapA && before != nil || !isMapB && after != nil {
		return []Difference{{Class: classify(reduce(before), reduce(after)), Section: section}}
	}
	var out []Difference
	for _, name := range unionOfKeys(a, b) {
		if reflect.DeepEqual(a[name], b[name]) {
			continue
		}
		d := Difference{Section: section, Name: name}
		switch section {
		case Resources:
			d.Class = classify(reduceResource(a[name]), reduceResource(b[name]))
		case Parameters:
			d.Name += ".Type"
			d.Class = classifyParameter(a[name], b[name], refs.toParameter(name))
		case "Mappings":
			d.Class = classifyReferenced(a[name], b[name], refs.toMapping(name))
		case "Conditions":
			d.Class = classifyReferenced(a[name], b[name], refs.toCondition(name))
		default:
			d.Class = classify(reduce(a[name]), reduce(b[name]))
		}
		out = append(out, d)
	}
	return out
}

// classify returns the class of a difference between two values that were reduced.
func classify(before, after any) Class {
	if reflect.DeepEqual(before, after) {
		return Inert
	}
	return Changed
}

// classifyReferenced returns the class of a difference in what resources and outputs may refer to.
func classifyReferenced(before, after any, isReferenced bool) Class {
	if !isReferenced {
		return Inert
	}
	return classify(reduce(before), reduce(after))
}

// classifyParameter returns the class of a difference in the declaration of a parameter. Its value is compared on its
// own, and only its type decides what that stands for.
func classifyParameter(before, after any, isReferenced bool) Class {
	a, isMapA := before.(map[string]any)
	b, isMapB := after.(map[string]any)
	if !isReferenced || !isMapA || !isMapB || a["Type"] == b["Type"] {
		return Inert
	}
	return Changed
}

// reduceResource returns a resource without what does not change it. That DependsOn alone is no update:
// https://github.com/aws/aws-cdk/issues/21496.
func reduceResource(value any) any {
	resource, ok := value.(map[string]any)
	if !ok {
		return reduce(value)
	}
	out := map[string]any{}
	for key, v := range resource {
		if key != "Metadata" && key != "DependsOn" {
			out[key] = reduce(v)
		}
	}
	return out
}

// reduce returns a value as CloudFormation resolves it, as far as that is certain, with the characters beyond ASCII as
// GetTemplate answers them.
func reduce(value any) any {
	switch v := value.(type) {
	case string:
		return assembly.MaskNonASCII(v)
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = reduce(item)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[assembly.MaskNonASCII(key)] = reduce(item)
		}
		return resolveIntrinsic(out)
	}
	return value
}

// resolveIntrinsic returns the value of an intrinsic function whose arguments are literal, or the object itself.
func resolveIntrinsic(object map[string]any) any {
	if len(object) != 1 {
		return object
	}
	if text, ok := resolve.Join(object["Fn::Join"], literalText); ok {
		return text
	}
	if text, ok := object["Fn::Sub"].(string); ok && !strings.Contains(text, "${") {
		return text
	}
	if text, ok := object["Fn::GetAtt"].(string); ok {
		resource, attribute, _ := strings.Cut(text, ".")
		return map[string]any{"Fn::GetAtt": []any{resource, attribute}}
	}
	return object
}

// literalText returns the text of an item of Fn::Join; ok is false unless it is literal.
func literalText(item any) (text string, ok bool) {
	switch v := item.(type) {
	case string:
		return v, true
	case json.Number:
		return v.String(), true
	}
	return "", false
}
