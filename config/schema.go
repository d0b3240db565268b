package config

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

//go:generate go run ./schema/generate

//go:embed schema/*.json
var schemas embed.FS

// Schema is the JSON schema of a kind of configuration file, environment or pipeline, as editors read it.
func Schema(name string) ([]byte, error) {
	data, err := schemas.ReadFile("schema/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("there is no schema %q; write environment or pipeline", name)
	}
	return data, nil
}

// validators are made once: every file of a kind is held against the same one.
var validators = map[string]func() (*jsonschema.Schema, error){
	"pipeline": compileOnce("pipeline"), "environment": compileOnce("environment"), "waivers": compileOnce("waivers"),
}

func compileOnce(name string) func() (*jsonschema.Schema, error) {
	return sync.OnceValues(func() (*jsonschema.Schema, error) { return compileSchema(name) })
}

// compileSchema makes a validator of an embedded schema.
func compileSchema(name string) (*jsonschema.Schema, error) {
	data, err := Schema(name)
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(name, doc); err != nil {
		return nil, err
	}
	return c.Compile(name)
}

// validateDocument holds a document against its schema, and says of every difference where it is and what to write instead. Values that differ are
// taken out of the document, and defaults filled in for what is not there.
func validateDocument(d *document, name string) Problems {
	schema, err := validators[name]()
	if err != nil {
		return Problems{{File: d.file, Message: "the schema of this program is broken: " + err.Error()}}
	}
	defer fillDefaults(schema, d.values)
	var invalid *jsonschema.ValidationError
	if !errors.As(schema.Validate(toJSONTypes(d.values)), &invalid) {
		return nil
	}
	var problems Problems
	for _, leaf := range leafErrors(invalid) {
		problems = append(problems, d.explain(leaf, subschema(schema, leaf.InstanceLocation))...)
	}
	for _, leaf := range leafErrors(invalid) {
		switch leaf.ErrorKind.(type) {
		case *kind.AdditionalProperties, *kind.Required: // what else is there is right
		default:
			d.removeValue(leaf.InstanceLocation)
		}
	}
	return problems
}

// leafErrors are the errors that have no narrower cause.
func leafErrors(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var all []*jsonschema.ValidationError
	for _, cause := range e.Causes {
		all = append(all, leafErrors(cause)...)
	}
	return all
}

// subschema is the part of the schema that is about the value at a path.
func subschema(s *jsonschema.Schema, path []string) *jsonschema.Schema {
	for s.Ref != nil {
		s = s.Ref
	}
	if len(path) == 0 {
		return s
	}
	if property, ok := s.Properties[path[0]]; ok {
		return subschema(property, path[1:])
	}
	if more, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
		return subschema(more, path[1:])
	}
	if items := s.Items2020; items != nil {
		if item := subschema(items, path[1:]); item != items || item.Title != "" {
			return item
		}
		named := *items
		named.Title = s.Title // a list's title is about its items
		return &named
	}
	return s
}

// explain puts a validator's error into words.
func (d *document) explain(e *jsonschema.ValidationError, s *jsonschema.Schema) Problems {
	at, node := d.locate(e.InstanceLocation...)
	what := strings.Join(e.InstanceLocation, ".")
	one := func(message, hint string) Problems { return Problems{d.newProblem(at, message, hint)} }
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		var problems Problems
		for _, key := range slices.Sorted(slices.Values(k.Properties)) {
			problems = append(problems, d.newProblem(d.keyPosition(e.InstanceLocation, key), fmt.Sprintf("unknown key %q", key), keyHint(key, s)))
		}
		return problems
	case *kind.Required:
		var problems Problems
		for _, key := range k.Missing {
			problems = append(problems, d.newProblem(at, fmt.Sprintf("%s is missing", joinPath(what, key)), "add it: "+describeWithExample(subschema(s, []string{key}))))
		}
		return problems
	case *kind.Type:
		if slices.Contains(k.Want, "string") && (k.Got == "number" || k.Got == "boolean" || k.Got == "integer") {
			return one(fmt.Sprintf("%s is a %s, not text", what, k.Got), fmt.Sprintf("write %q in quotes", node.GetToken().Value))
		}
		return one(fmt.Sprintf("%s is a %s", what, k.Got), fmt.Sprintf("write a %s", typeNames(k.Want)))
	case *kind.Format:
		return one(fmt.Sprintf("%s: %q is not %s", what, k.Got, describeExpected(s)), "write "+describeWithExample(s))
	case *kind.Pattern:
		return one(fmt.Sprintf("%s: %q is not %s", what, k.Got, describeExpected(s)), "write "+describeWithExample(s))
	}
	return one(fmt.Sprintf("%s %s", what, describeViolation(e.ErrorKind)), "write "+describeWithExample(s))
}

// describeViolation says how a value lies outside what the schema allows.
func describeViolation(of jsonschema.ErrorKind) string {
	number := func(r *big.Rat) string { f, _ := r.Float64(); return fmt.Sprintf("%g", f) }
	switch k := of.(type) {
	case *kind.Minimum:
		return fmt.Sprintf("is %s, less than %s", number(k.Got), number(k.Want))
	case *kind.Maximum:
		return fmt.Sprintf("is %s, more than %s", number(k.Got), number(k.Want))
	case *kind.MultipleOf:
		return fmt.Sprintf("is %s, between the steps of %s", number(k.Got), number(k.Want))
	case *kind.MinItems:
		return fmt.Sprintf("has %d of at least %d", k.Got, k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("has %d of at most %d", k.Got, k.Want)
	case *kind.UniqueItems:
		return "names something twice"
	case *kind.Enum:
		return fmt.Sprintf("is %v", k.Got)
	}
	return "is wrong: " + of.LocalizedString(message.NewPrinter(language.English))
}

func joinPath(parent, key string) string { return strings.TrimPrefix(parent+"."+key, ".") }

func typeNames(want []string) string {
	names := map[string]string{"object": "mapping", "array": "list", "integer": "whole number", "boolean": "true or false value", "string": "text"}
	var out []string
	for _, w := range want {
		out = append(out, names[w])
	}
	return strings.Join(out, " or ")
}

// keyHint names the key that was probably meant, or all that are allowed.
func keyHint(key string, s *jsonschema.Schema) string {
	known := slices.Sorted(maps.Keys(s.Properties))
	if near := closestMatch(key, known); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "the keys here are " + strings.Join(known, ", ")
}

// describeExpected says in words what the schema wants, which its title holds.
func describeExpected(s *jsonschema.Schema) string {
	switch {
	case s.Title != "":
		return s.Title
	case s.Description != "":
		return s.Description
	}
	return "what the schema wants"
}

// describeWithExample adds an example.
func describeWithExample(s *jsonschema.Schema) string {
	if len(s.Examples) > 0 {
		return fmt.Sprintf("%s, such as %q", describeExpected(s), fmt.Sprint(s.Examples[0]))
	}
	return describeExpected(s)
}

// toJSONTypes makes the parser's values the validator's: it knows JSON's own types only.
func toJSONTypes(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, inner := range v {
			out[key] = toJSONTypes(inner)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, inner := range v {
			out[i] = toJSONTypes(inner)
		}
		return out
	case uint64:
		return float64(v)
	case int64:
		return float64(v)
	case int:
		return v
	}
	return value
}
