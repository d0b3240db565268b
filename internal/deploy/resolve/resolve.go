// Package resolve owns what the expressions of a template come to before AWS has made anything: with the values of
// parameters and pseudo parameters, mappings and conditions. What only AWS can tell becomes a mark in the text, and a
// condition that cannot be known is decided both ways. It knows nothing of what a resource is for, and of no account.
package resolve

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The edges of a mark: characters for private use, which no text of AWS has.
const (
	markStart = "\ue000"
	markEnd   = "\ue001"
)

// Mark returns the text that stands for a value that cannot be known. Equal expressions have equal marks.
func Mark(expression string) string { return markStart + clean(expression) + markEnd }

// IsMarked reports whether anything in a text cannot be known.
func IsMarked(text string) bool { return strings.Contains(text, markStart) }

// Show returns a text with its marks as a person reads them, such as ${Role.Arn}.
func Show(text string) string {
	return strings.NewReplacer(markStart, "${", markEnd, "}").Replace(text)
}

// clean returns a text without the edges of marks: a template that holds them cannot pose as an expression.
func clean(text string) string { return strings.NewReplacer(markStart, "", markEnd, "").Replace(text) }

// A World decides conditions that cannot be known, by their expressions.
type World map[string]bool

// A Parameter is the value of a parameter.
type Parameter struct {
	Value string
	// IsUnknown says that the value cannot be known. Value then identifies it: equal texts stand for equal values.
	IsUnknown bool
}

// Values are what a template is resolved with.
type Values struct {
	// Parameters are the values by name. A parameter that is not among them has its default.
	Parameters map[string]Parameter
	// Pseudo are the values of pseudo parameters by name, such as AWS::Region. The others cannot be known.
	Pseudo map[string]string
	// Outputs returns an output of a nested stack, and false if it cannot be known. It may be nil.
	Outputs func(world World, logicalID, name string) (value any, undecided string, ok bool)
	// Prefix is before the logical ids in marks: the path of a nested stack.
	Prefix string
}

// A Template is a template with the values that it is resolved with.
type Template struct {
	document map[string]any
	values   Values
}

// New returns a template. The document's numbers are json.Number or float64.
func New(document map[string]any, values Values) *Template { return &Template{document, values} }

// LogicalIDs returns the logical ids of the template's resources, sorted.
func (t *Template) LogicalIDs() []string {
	return slices.Sorted(maps.Keys(t.section("Resources")))
}

// A Resource is a resource as it comes to be. Its fields are as in assembly.Resource.
type Resource struct {
	Type                                string
	Properties                          any
	DeletionPolicy, UpdateReplacePolicy any
}

// Resource returns what a resource comes to in a world, and false if the template has none or its condition does not
// hold. If a condition is neither known nor decided by the world, undecided is that condition, and the rest is useless.
func (t *Template) Resource(world World, logicalID string) (r Resource, exists bool, undecided string) {
	raw, ok := t.section("Resources")[logicalID].(map[string]any)
	if !ok {
		return Resource{}, false, ""
	}
	e := &evaluation{template: t, world: world}
	if condition, has := raw["Condition"]; has && !e.isTrue(condition) {
		return Resource{}, false, e.undecided
	}
	kind, _ := raw["Type"].(string)
	r = Resource{
		Type: kind, Properties: markDynamic(e.value(raw["Properties"])),
		DeletionPolicy: e.value(raw["DeletionPolicy"]), UpdateReplacePolicy: e.value(raw["UpdateReplacePolicy"]),
	}
	for key, value := range raw { // a macro or a loop beside the properties
		if strings.HasPrefix(key, "Fn::") {
			r.Properties = map[string]any{key: Mark(Text(value)), "Properties": r.Properties}
		}
	}
	return r, true, e.undecided
}

// Output returns the value of an output in a world.
func (t *Template) Output(world World, name string) (value any, undecided string, ok bool) {
	output, ok := t.section("Outputs")[name].(map[string]any)
	if !ok {
		return nil, "", false
	}
	e := &evaluation{template: t, world: world}
	value = markDynamic(e.value(output["Value"]))
	return value, e.undecided, true
}

// HasMacro reports whether a macro expands the template, or a part of it, before it is deployed.
func (t *Template) HasMacro() bool {
	return t.document["Transform"] != nil || hasTransform(t.document)
}

func hasTransform(value any) bool {
	switch v := value.(type) {
	case map[string]any:
		if _, ok := v["Fn::Transform"]; ok {
			return true
		}
		for _, item := range v {
			if hasTransform(item) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, hasTransform)
	}
	return false
}

// RefersTo returns the logical ids of the resources that a property of the template names, sorted.
func (t *Template) RefersTo(logicalID, property string) []string {
	raw, _ := t.section("Resources")[logicalID].(map[string]any)
	properties, _ := raw["Properties"].(map[string]any)
	found := map[string]bool{}
	collectReferences(properties[property], found)
	return slices.Sorted(maps.Keys(found))
}

func collectReferences(value any, found map[string]bool) {
	switch v := value.(type) {
	case map[string]any:
		if id, ok := v["Ref"].(string); ok {
			found[id] = true
		}
		if id, _, ok := attribute(v["Fn::GetAtt"]); ok {
			found[id] = true
		}
		for _, item := range v {
			collectReferences(item, found)
		}
	case []any:
		for _, item := range v {
			collectReferences(item, found)
		}
	}
}

func (t *Template) section(name string) map[string]any {
	section, _ := t.document[name].(map[string]any)
	return section
}

// Worlds calls judge with a world for every way in which the conditions that it comes upon may turn out. judge returns
// the condition that its world does not decide, or "" if it has judged. Worlds returns false if there are more worlds
// than the limit.
func Worlds(limit int, judge func(World) (undecided string)) bool {
	judged := 0
	var visit func(World) bool
	visit = func(world World) bool {
		undecided := judge(world)
		if undecided == "" {
			judged++
			return judged <= limit
		}
		for _, holds := range []bool{true, false} {
			next := maps.Clone(world)
			next[undecided] = holds
			if !visit(next) {
				return false
			}
		}
		return true
	}
	return visit(World{})
}

// Text returns a text that is the same for equal values: a string as it is, all else as JSON with sorted keys.
func Text(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case json.Number:
		return v.String()
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// Fingerprint returns a short text that is the same for equal values only.
func Fingerprint(value any) string {
	sum := sha256.Sum256([]byte(Text(value)))
	return hex.EncodeToString(sum[:6])
}
