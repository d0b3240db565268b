// Command generate writes the JSON schemas of the configuration files from the Go types in package config. It is a
// program of its own so that the product does not link the library that reflects over the types.
// Run it with `go generate ./config`.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"

	"lockstep/config"
	"lockstep/infra/plugins"
)

func main() {
	if err := writeSchemas("."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// writeSchemas writes every schema below dir, which is the folder of package config.
func writeSchemas(dir string) error {
	schemas, err := generateSchemas()
	if err != nil {
		return err
	}
	for file, schema := range schemas {
		name := filepath.Join(dir, "schema", file+".json")
		if err := os.WriteFile(name, schema, 0o644); err != nil { //nolint:gosec // a source file, readable by all
			return err
		}
	}
	return nil
}

// generateSchemas returns the schema of each kind of file, by its name. The working directory has to be the folder of
// package config, whose comments become the descriptions.
func generateSchemas() (map[string][]byte, error) {
	reflector := &jsonschema.Reflector{Anonymous: true, DoNotReference: true}
	for _, folder := range []string{".", "../infra/plugins"} {
		if err := reflector.AddGoComments("lockstep/config", folder, jsonschema.WithFullComment()); err != nil {
			return nil, err
		}
	}
	comments := reflector.CommentMap
	reflector.Mapper = mapType
	reflector.LookupComment = func(t reflect.Type, field string) string { return fieldComment(comments, t, field) }

	environment := reflectSchema(reflector, config.Environment{})
	addPlugins(environment, reflector)
	files := map[string]*jsonschema.Schema{
		"pipeline":    reflectSchema(reflector, config.Pipeline{}),
		"environment": environment,
		"waivers":     reflectSchema(reflector, config.Waivers{}),
	}
	schemas := map[string][]byte{}
	for file, schema := range files {
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(schema); err != nil {
			return nil, err
		}
		schemas[file] = out.Bytes()
	}
	return schemas, nil
}

// mapType returns the schema of a type that is not written as Go has it, and nil for all others.
func mapType(t reflect.Type) *jsonschema.Schema {
	if t != reflect.TypeFor[config.Approval]() {
		return nil
	}
	by := jsonschema.NewProperties()
	by.Set("by", &jsonschema.Schema{
		Type: "string", Enum: []any{string(config.OtherApproval)}, Title: "the word other",
		Description: "by is who has to approve: other, which is somebody who neither made the plan nor wrote its commit",
	})
	return &jsonschema.Schema{
		Extras: map[string]any{"type": []string{"boolean", "object"}}, Properties: by, Required: []string{"by"},
		AdditionalProperties: jsonschema.FalseSchema, Title: "true, false or {by: other}",
	}
}

// addPlugins adds a property for each plugin of infra/plugins, with the schema of its options.
func addPlugins(environment *jsonschema.Schema, reflector *jsonschema.Reflector) {
	property, _ := environment.Properties.Get("plugins")
	property.AdditionalProperties = jsonschema.FalseSchema
	property.Properties = jsonschema.NewProperties()
	for _, plugin := range plugins.All() {
		options := reflectSchema(reflector, plugin.Options)
		options.Version = ""
		options.Description = plugin.Description
		property.Properties.Set(plugin.Name, options)
	}
}

// reflectSchema returns the schema of a value's type.
func reflectSchema(reflector *jsonschema.Reflector, value any) *jsonschema.Schema {
	schema := reflector.Reflect(value)
	completeSchema(reflect.TypeOf(value), schema)
	return schema
}

// completeSchema adds to the schema of a struct what the reflector does not know: the kinds of the fields' values, and
// an empty default for each nested struct that has no required key, so that the defaults inside it apply when it is
// left out. A pointer to a struct has no such default: what is left out stays nil.
func completeSchema(t reflect.Type, schema *jsonschema.Schema) {
	for field := range t.Fields() {
		key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		property, known := schema.Properties.Get(key)
		switch {
		case field.Anonymous:
			completeSchema(field.Type, schema)
		case !known:
		case field.Type.Kind() == reflect.Struct:
			if len(property.Required) == 0 {
				property.Default = struct{}{}
			}
			completeSchema(field.Type, property)
		case field.Type.Kind() == reflect.Pointer && field.Type.Elem().Kind() == reflect.Struct:
			completeSchema(field.Type.Elem(), property)
		case field.Type.Kind() == reflect.Slice && field.Type.Elem().Kind() == reflect.Struct:
			completeSchema(field.Type.Elem(), property.Items)
		}
		if name := field.Tag.Get("schema"); known && name != "" {
			applyKind(property, name)
		}
	}
}

// applyKind completes a property by a row of valueKinds. It panics if there is no such row, which the test of the
// committed schemas finds.
func applyKind(property *jsonschema.Schema, name string) {
	kind, ok := valueKinds[name]
	if !ok {
		panic("no kind of value is called " + name)
	}
	property.Title = kind.Title
	if property.Default == nil {
		property.Default = kind.Default
	}
	of := property
	if property.Items != nil {
		of = property.Items
		property.UniqueItems = true
	}
	of.Pattern, of.Format, of.Enum, of.Examples = kind.Pattern, kind.Format, kind.Enum, kind.Examples
	of.MinLength, of.MaxLength = kind.MinLength, kind.MaxLength
	of.Minimum, of.Maximum, of.MultipleOf = kind.Minimum, kind.Maximum, kind.MultipleOf
}

// fieldComment returns the Go comment of a field, or of the type if field is empty. A Go name at the beginning of the
// comment is replaced by the key in YAML.
func fieldComment(comments map[string]string, t reflect.Type, field string) string {
	name := t.PkgPath() + "." + t.Name()
	if field == "" {
		return strings.Join(strings.Fields(comments[name]), " ")
	}
	comment := strings.Join(strings.Fields(comments[name+"."+field]), " ")
	f, ok := t.FieldByName(field)
	if !ok {
		return comment
	}
	key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if rest, ok := strings.CutPrefix(comment, field+" "); ok && key != "" {
		return key + " " + rest
	}
	return comment
}
