package awsmodel

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"lockstep/internal/jsonx"
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
// which CloudFormation converts. Dynamic references are not known either. Alternatives (oneOf, anyOf, allOf) are not
// judged, nor is a type that Lookup does not know.
func Validate(name string, properties map[string]any) []Violation {
	schema, ok := compiled(name)
	if !ok {
		return nil
	}
	instance := judged(plain(properties))
	if object, ok := instance.(map[string]any); ok && isIntrinsic(object) { // the properties as a whole
		return nil
	}
	if properties == nil {
		instance = map[string]any{}
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(schema.Validate(instance), &invalid) {
		return nil
	}
	c := collector{schema: schema, instance: instance}
	c.collect(invalid)
	slices.SortStableFunc(c.found, func(a, b Violation) int { return strings.Compare(a.Path, b.Path) })
	return slices.Compact(c.found)
}

// plain returns the value as encoding/json gives it, whatever types of maps and numbers it is made of.
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

// judged returns a value with an intrinsic function for each text that holds a dynamic reference. What such a text
// stands for is not known either.
func judged(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			v[key] = judged(inner)
		}
	case []any:
		for i, inner := range v {
			v[i] = judged(inner)
		}
	case string:
		if strings.Contains(v, "{{resolve:") {
			return map[string]any{"Ref": v}
		}
	}
	return value
}

// intrinsicPattern matches the only key of an object that CloudFormation resolves.
var intrinsicPattern = regexp.MustCompile(`^(Ref|Fn::[A-Za-z0-9:]+|Condition)$`)

// isIntrinsic reports whether an object is an intrinsic function.
func isIntrinsic(object map[string]any) bool {
	for key := range object {
		return len(object) == 1 && intrinsicPattern.MatchString(key)
	}
	return false
}

// A collector turns what a schema does not take of an instance into violations.
type collector struct {
	schema   *jsonschema.Schema
	instance any
	found    []Violation
}

// collect adds the errors that have no further causes: those name the value.
func (c *collector) collect(e *jsonschema.ValidationError) {
	for _, cause := range e.Causes {
		c.collect(cause)
	}
	if len(e.Causes) > 0 {
		return
	}
	path := strings.Join(e.InstanceLocation, "/")
	switch k := e.ErrorKind.(type) {
	case *kind.Group:
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			c.add(joinPath(path, name), c.unknownName(e.InstanceLocation))
		}
	case *kind.Required:
		for _, name := range k.Missing {
			c.add(joinPath(path, name), "it is required and missing")
		}
	case *kind.MinItems, *kind.MaxItems, *kind.UniqueItems:
		if !c.hasUnknownItems(e.InstanceLocation) {
			c.add(path, e.ErrorKind.LocalizedString(printer))
		}
	case *kind.Enum:
		c.add(path, fmt.Sprintf("%s is none of %s", shown(path, k.Got), listed(k.Want)))
	case *kind.Pattern:
		c.add(path, fmt.Sprintf("%s does not match %s", shown(path, k.Got), k.Want))
	default:
		c.add(path, e.ErrorKind.LocalizedString(printer))
	}
}

// unknownName says why an object does not take a name: its names are those of properties, or have a pattern.
func (c *collector) unknownName(location []string) string {
	schema := ofLiteral(c.schema)
	for _, key := range location {
		if schema = ofLiteral(child(schema, key)); schema == nil {
			break
		}
	}
	if schema == nil || len(schema.PatternProperties) == 0 {
		return "there is no such property"
	}
	var patterns []string
	for pattern := range schema.PatternProperties {
		patterns = append(patterns, pattern.String())
	}
	slices.Sort(patterns)
	return "the name does not match " + strings.Join(patterns, " or ")
}

// child returns the schema of what an object has under a key, or a list at an index; nil if it is not known.
func child(schema *jsonschema.Schema, key string) *jsonschema.Schema {
	if property := schema.Properties[key]; property != nil {
		return property
	}
	for pattern, property := range schema.PatternProperties {
		if pattern.MatchString(key) {
			return property
		}
	}
	items, _ := schema.Items.(*jsonschema.Schema)
	return items
}

// ofLiteral returns the schema that judges a value which is no intrinsic function.
func ofLiteral(schema *jsonschema.Schema) *jsonschema.Schema {
	for schema != nil && (schema.Ref != nil || schema.Else != nil) {
		schema = cmp.Or(schema.Ref, schema.Else)
	}
	return schema
}

func (c *collector) add(path, reason string) {
	c.found = append(c.found, Violation{Path: path, Reason: reason})
}

// hasUnknownItems reports whether a list has intrinsic functions among its items, which may stand for no value.
func (c *collector) hasUnknownItems(location []string) bool {
	value := c.instance
	for _, key := range location {
		switch v := value.(type) {
		case map[string]any:
			value = v[key]
		case []any:
			i, err := strconv.Atoi(key)
			if err != nil || i >= len(v) {
				return false
			}
			value = v[i]
		}
	}
	list, _ := value.([]any)
	return slices.ContainsFunc(list, func(item any) bool {
		object, ok := item.(map[string]any)
		return ok && isIntrinsic(object)
	})
}

var printer = message.NewPrinter(language.English)

// secretPattern matches the paths of properties whose values are not shown.
var secretPattern = regexp.MustCompile(`(?i)passw|secret|token|credential|private|authorization`)

// shown returns a value as a message may show it.
func shown(path string, value any) string {
	if secretPattern.MatchString(path) {
		return "the value"
	}
	return fmt.Sprintf("%.80q", fmt.Sprint(value))
}

// maxListed is how many values of an enumeration are shown.
const maxListed = 12

// listed returns the values of an enumeration. Those that only spell another one as text are left out.
func listed(values []any) string {
	var texts []string
	for _, value := range values {
		if text := fmt.Sprint(value); !slices.Contains(texts, text) {
			texts = append(texts, text)
		}
	}
	if more := len(texts) - maxListed; more > 0 {
		texts = append(texts[:maxListed], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(texts, ", ")
}

func joinPath(path, name string) string { return strings.TrimPrefix(path+"/"+name, "/") }

// compiled returns the schema of a type, and false for one without.
func compiled(name string) (*jsonschema.Schema, bool) {
	t, ok := Lookup(name)
	if !ok || len(t.Schema) == 0 {
		return nil, false
	}
	return t.validator(), true
}

// compile compiles the schema of the type of that name.
func (t *Type) compile(name string) *jsonschema.Schema {
	document, err := jsonx.UnmarshalSchema(t.Schema)
	if err != nil {
		panic(fmt.Sprintf("the embedded schema of %s cannot be read: %v", name, err))
	}
	root := relax(document, writable(t)).(map[string]any)
	root["type"] = "object"
	schema, err := jsonx.CompileSchema(root, func(c *jsonschema.Compiler) { c.DefaultDraft(jsonschema.Draft7) })
	if err != nil {
		panic(fmt.Sprintf("the embedded schema of %s cannot be used: %v", name, err))
	}
	return schema
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
	if !judgesNames(schema) {
		delete(relaxed, "additionalProperties")
	}
	return relaxed
}

// judgesNames reports whether each pattern of names of a schema can be compiled. If one cannot, then a name that no
// other one matches may be one of its own.
func judgesNames(schema map[string]any) bool {
	patterns, _ := schema["patternProperties"].(map[string]any)
	for pattern := range patterns {
		if !isExpression(pattern) {
			return false
		}
	}
	return true
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
	"propertyNames": map[string]any{"pattern": intrinsicPattern.String()},
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
