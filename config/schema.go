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

	"github.com/goccy/go-yaml/ast"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"lockstep/internal/fault"
)

//go:generate go run ./schema/generate

//go:embed schema/*.json
var schemas embed.FS

// Schema returns the JSON schema of a kind of configuration file: environment, pipeline or waivers.
func Schema(name string) ([]byte, error) {
	data, err := schemas.ReadFile("schema/" + name + ".json")
	if err != nil {
		return nil, fault.Errorf(fault.UnknownName, "there is no schema %q; write environment, pipeline or waivers", name)
	}
	return data, nil
}

// validators compile each schema when it is first used.
var validators = map[string]func() (*jsonschema.Schema, error){
	"pipeline":    compileOnce("pipeline"),
	"environment": compileOnce("environment"),
	"waivers":     compileOnce("waivers"),
}

func compileOnce(name string) func() (*jsonschema.Schema, error) {
	return sync.OnceValues(func() (*jsonschema.Schema, error) { return compileSchema(name) })
}

// compileSchema returns the validator of an embedded schema.
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
	url := "urn:lockstep:" + name // a relative name would be taken for a file in the current folder
	if err := c.AddResource(url, doc); err != nil {
		return nil, err
	}
	return c.Compile(url)
}

// validateDocument validates a document by its schema and returns a problem for each difference. Values that differ are
// removed from the document, and defaults are added for keys that are left out.
func validateDocument(d *document, name string) ValidationErrors {
	schema, err := validators[name]()
	if err != nil {
		return ValidationErrors{{File: d.file, Message: "the schema of this program is broken: " + err.Error()}}
	}
	defer fillDefaults(schema, d.values)
	problems := d.checkScalars(schema)
	var invalid *jsonschema.ValidationError
	if !errors.As(schema.Validate(toJSONTypes(d.values)), &invalid) {
		return problems
	}
	for _, leaf := range leafErrors(invalid) {
		problems = append(problems, d.explain(leaf, subschema(schema, leaf.InstanceLocation))...)
	}
	for _, leaf := range leafErrors(invalid) {
		switch leaf.ErrorKind.(type) {
		case *kind.AdditionalProperties, *kind.Required: // the other keys of the mapping are right
		default:
			d.removeValue(leaf.InstanceLocation)
		}
	}
	return problems
}

// leafErrors returns the errors that have no narrower cause.
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

// subschema returns the schema of the value at a path, or of the nearest value around it that the schema knows.
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
	if additional, ok := s.AdditionalProperties.(*jsonschema.Schema); ok {
		return subschema(additional, path[1:])
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

// explain returns the problems behind an error of the validator. The schema is that of the value.
func (d *document) explain(e *jsonschema.ValidationError, s *jsonschema.Schema) ValidationErrors {
	at, node := d.locate(e.InstanceLocation...)
	name := joinPath(e.InstanceLocation...)
	one := func(message, hint string) ValidationErrors {
		return ValidationErrors{d.newProblem(fault.ConfigValue, at, message, hint)}
	}
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		return d.explainUnknownKeys(e.InstanceLocation, k.Properties, s)
	case *kind.Required:
		return d.explainMissingKeys(e.InstanceLocation, k.Missing, s)
	case *kind.Type:
		message, hint := explainType(k, node)
		if len(k.Want) > 1 && s.Title != "" {
			hint = "write " + s.Title
		}
		return one(name+message, hint)
	case *kind.Format:
		return one(fmt.Sprintf("%s: %q is not %s", name, k.Got, describeExpected(s)), "write "+describeWithExample(s))
	case *kind.Pattern:
		return one(fmt.Sprintf("%s: %q is not %s", name, k.Got, describeExpected(s)), "write "+describeWithExample(s))
	}
	return one(fmt.Sprintf("%s %s", name, describeViolation(e.ErrorKind)), "write "+describeWithExample(s))
}

// explainUnknownKeys returns a problem for each key that the schema of the mapping does not have.
func (d *document) explainUnknownKeys(path, keys []string, s *jsonschema.Schema) ValidationErrors {
	var problems ValidationErrors
	for _, key := range slices.Sorted(slices.Values(keys)) {
		at := d.keyPosition(path, key)
		problems = append(problems, d.newProblem(fault.ConfigKey, at, fmt.Sprintf("unknown key %q", key), keyHint(key, s)))
	}
	return problems
}

// explainMissingKeys returns a problem for each required key that is missing, unless it was removed as invalid.
func (d *document) explainMissingKeys(path, keys []string, s *jsonschema.Schema) ValidationErrors {
	at, _ := d.locate(path...)
	var problems ValidationErrors
	for _, key := range keys {
		full := append(slices.Clone(path), key)
		if d.isIntact(full...) {
			hint := "add it: " + describeWithExample(subschema(s, []string{key}))
			problems = append(problems, d.newProblem(fault.ConfigMissing, at, joinPath(full...)+" is missing", hint))
		}
	}
	return problems
}

// explainType returns what a value of the wrong type is and what to write. The message begins with " is".
func explainType(k *kind.Type, node ast.Node) (message, hint string) {
	wanted := typeNames(k.Want)
	got := typeNames([]string{k.Got})
	text, isPlain := plainText(node)
	switch {
	case k.Got == "null":
		return " is empty", "write " + wanted + ", or leave the key out"
	case slices.Contains(k.Want, "string") && (k.Got == "number" || k.Got == "boolean"):
		return " is " + got + ", not text", fmt.Sprintf("write %q in quotes", node.GetToken().Value)
	case k.Got == "string" && wanted != "text" && !isPlain && decimalPattern.MatchString(text):
		return " is text", "write " + text + " without quotes"
	}
	return " is " + got, "write " + wanted
}

// describeViolation returns how a value lies outside the limits of the schema, beginning with a verb.
func describeViolation(of jsonschema.ErrorKind) string {
	number := func(r *big.Rat) string { f, _ := r.Float64(); return fmt.Sprintf("%g", f) }
	switch k := of.(type) {
	case *kind.Minimum:
		return fmt.Sprintf("is %s, less than %s", number(k.Got), number(k.Want))
	case *kind.Maximum:
		return fmt.Sprintf("is %s, more than %s", number(k.Got), number(k.Want))
	case *kind.MultipleOf:
		return fmt.Sprintf("is %s, between the steps of %s", number(k.Got), number(k.Want))
	case *kind.MinLength:
		return fmt.Sprintf("has %d of at least %d characters", k.Got, k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("has %d of at most %d characters", k.Got, k.Want)
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

// joinPath returns the path as people write it: keys and indices with dots between them.
func joinPath(path ...string) string { return strings.Join(path, ".") }

// typeNames returns the JSON types in words, with their articles.
func typeNames(types []string) string {
	names := map[string]string{
		"object": "a mapping", "array": "a list", "string": "text", "number": "a number",
		"integer": "a whole number", "boolean": "true or false", "null": "nothing",
	}
	var out []string
	for _, t := range types {
		out = append(out, names[t])
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

// describeExpected returns in words what the schema wants.
func describeExpected(s *jsonschema.Schema) string {
	switch {
	case s.Title != "":
		return s.Title
	case s.Description != "":
		return s.Description
	}
	return "a value that the schema allows"
}

// describeWithExample returns in words what the schema wants, with an example if the schema has one.
func describeWithExample(s *jsonschema.Schema) string {
	if len(s.Examples) == 0 {
		return describeExpected(s)
	}
	return fmt.Sprintf("%s, such as %q", describeExpected(s), fmt.Sprint(s.Examples[0]))
}

// toJSONTypes returns a copy of the parser's values in the types that the validator knows.
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
	}
	return value
}
