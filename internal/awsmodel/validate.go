package awsmodel

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// A Violation is a value that the registry's schema does not take.
type Violation struct {
	// Path is where it stands below Properties, such as Tags/0/Key; empty for the properties as a whole.
	Path   string
	Reason string
}

func (v Violation) String() string {
	if v.Path == "" {
		return v.Reason
	}
	return v.Path + ": " + v.Reason
}

// Validate returns what the registry's schema does not take of a resource's properties, as CloudFormation's
// validation before a deployment does
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/validate-stack-deployments.html). What an intrinsic
// function stands for is not known and is taken, and so is text where a number or a boolean that it spells is wanted,
// which CloudFormation converts. Alternatives (oneOf, anyOf, allOf) are not judged, nor is a type that Lookup does
// not know.
func Validate(name string, properties map[string]any) []Violation {
	schema, ok := compiled(name)
	if !ok {
		return nil
	}
	if properties == nil {
		properties = map[string]any{}
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(schema.Validate(plain(properties)), &invalid) {
		return nil
	}
	var found []Violation
	collect(invalid, &found)
	slices.SortStableFunc(found, func(a, b Violation) int { return strings.Compare(a.Path, b.Path) })
	return slices.Compact(found)
}

// plain is the value as encoding/json gives it, whatever types of maps and numbers it is made of.
func plain(value any) any {
	data, err := json.Marshal(value)
	if err != nil {
		return value
	}
	read, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return value
	}
	return read
}

var printer = message.NewPrinter(language.English)

// collect gathers the errors that have no further causes: those name the value.
func collect(e *jsonschema.ValidationError, found *[]Violation) {
	for _, cause := range e.Causes {
		collect(cause, found)
	}
	if len(e.Causes) > 0 {
		return
	}
	if _, group := e.ErrorKind.(*kind.Group); group {
		return
	}
	path := strings.Join(e.InstanceLocation, "/")
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			*found = append(*found, Violation{Path: joinPath(path, name), Reason: "there is no such property"})
		}
	case *kind.Required:
		for _, name := range k.Missing {
			*found = append(*found, Violation{Path: joinPath(path, name), Reason: "it is required and missing"})
		}
	default:
		*found = append(*found, Violation{Path: path, Reason: k.LocalizedString(printer)})
	}
}

func joinPath(path, name string) string { return strings.TrimPrefix(path+"/"+name, "/") }

var schemas sync.Map // of *jsonschema.Schema by the name of the type

func compiled(name string) (*jsonschema.Schema, bool) {
	if found, ok := schemas.Load(name); ok {
		return found.(*jsonschema.Schema), true
	}
	t, ok := Lookup(name)
	if !ok || len(t.Schema) == 0 {
		return nil, false
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(t.Schema))
	if err != nil {
		panic(fmt.Sprintf("the embedded schema of %s cannot be read: %v", name, err))
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft7)
	root := relax(document, writable(t)).(map[string]any)
	root["type"] = "object"
	if err := compiler.AddResource("type.json", root); err != nil {
		panic(fmt.Sprintf("the embedded schema of %s is damaged: %v", name, err))
	}
	schema, err := compiler.Compile("type.json")
	if err != nil {
		panic(fmt.Sprintf("the embedded schema of %s cannot be used: %v", name, err))
	}
	found, _ := schemas.LoadOrStore(name, schema)
	return found.(*jsonschema.Schema), true
}

// writable reports of a required property whether a template can give it: what AWS sets is not asked of it.
func writable(t *Type) func(string) bool {
	return func(property string) bool { return !slices.Contains(t.ReadOnly, property) }
}

// relax changes a schema of the registry into one of what a template may hold: every value may be an intrinsic
// function, and a number or a boolean may be spelt as text.
func relax(value any, asked func(string) bool) any {
	schema, ok := value.(map[string]any)
	if !ok {
		return value
	}
	relaxed := map[string]any{}
	for keyword, inner := range schema {
		switch keyword {
		case "properties", "definitions", "patternProperties":
			relaxed[keyword] = relaxEach(inner, keyword)
		case "items", "additionalProperties":
			relaxed[keyword] = orIntrinsic(inner)
		case "type":
			relaxed[keyword] = convertible(inner)
		case "pattern":
			if isExpression(inner) {
				relaxed[keyword] = inner
			}
		case "required":
			relaxed[keyword] = slices.DeleteFunc(slices.Clone(inner.([]any)), func(name any) bool {
				return asked != nil && !asked(name.(string))
			})
		case "enum", "const":
			relaxed["enum"] = spellings(inner)
		case "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minimum", "maximum", "exclusiveMinimum",
			"exclusiveMaximum", "$ref", "minProperties", "maxProperties", "multipleOf":
			relaxed[keyword] = inner
		}
	}
	return relaxed
}

// relaxEach relaxes the schemas of properties, which hold values, or of definitions. Patterns of names that cannot be
// compiled are left out.
func relaxEach(value any, keyword string) any {
	schemas, ok := value.(map[string]any)
	if !ok {
		return value
	}
	relaxed := map[string]any{}
	for name, schema := range schemas {
		switch {
		case keyword == "definitions":
			relaxed[name] = relax(schema, nil)
		case keyword == "properties" || isExpression(name):
			relaxed[name] = orIntrinsic(schema)
		}
	}
	return relaxed
}

// intrinsic is the schema of what CloudFormation resolves: an object of one member, Ref, Condition or a function's
// name.
var intrinsic = map[string]any{
	"type": "object", "minProperties": 1, "maxProperties": 1,
	"propertyNames": map[string]any{"pattern": `^(Ref|Fn::[A-Za-z0-9:]+|Condition)$`},
}

// orIntrinsic is a schema that judges a value unless it is an intrinsic function.
func orIntrinsic(value any) any {
	if allowed, ok := value.(bool); ok {
		return allowed
	}
	return map[string]any{"if": intrinsic, "then": true, "else": relax(value, nil)}
}

// convertible adds the types that CloudFormation converts into the wanted one: between text, numbers and booleans.
func convertible(value any) any {
	var types []any
	add := func(name any) {
		if !slices.Contains(types, name) {
			types = append(types, name)
		}
	}
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	for _, name := range list {
		add(name)
		switch name {
		case "string", "number", "integer", "boolean":
			for _, other := range []string{"string", "number", "boolean"} {
				add(other)
			}
		case "object":
			add("string") // a document may be given as text
		}
	}
	return types
}

// spellings are the values of an enumeration, and each that is no text as text too.
func spellings(value any) any {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	all := slices.Clone(list)
	for _, v := range list {
		if _, text := v.(string); !text {
			all = append(all, fmt.Sprint(v))
		}
	}
	return all
}

// isExpression reports whether a pattern can be compiled here. Those with look-ahead, which Go has not, are not judged.
func isExpression(pattern any) bool {
	text, ok := pattern.(string)
	if !ok {
		return false
	}
	_, err := regexp.Compile(text)
	return err == nil
}
