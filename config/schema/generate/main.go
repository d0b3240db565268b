// Command generate writes the JSON schemas of the configuration's files from the Go types in package config. It
// is a program of its own so that the product does not link the library that reflects over the types.
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

// writeSchemas puts every schema into the folder of package config.
func writeSchemas(folder string) error {
	schemas, err := generateSchemas()
	if err != nil {
		return err
	}
	for kind, schema := range schemas {
		if err := os.WriteFile(filepath.Join(folder, "schema", kind+".json"), schema, 0o644); err != nil { //nolint:gosec // a source file, readable by all
			return err
		}
	}
	return nil
}

// generateSchemas makes each kind's schema. It reads the comments of package config from the working directory, which
// has to be that package's folder: so `go generate` runs it, and so does the test.
func generateSchemas() (map[string][]byte, error) {
	reflector := &jsonschema.Reflector{Anonymous: true, DoNotReference: true}
	for _, folder := range []string{".", "../infra/plugins"} {
		if err := reflector.AddGoComments("lockstep/config", folder, jsonschema.WithFullComment()); err != nil {
			return nil, err
		}
	}
	comments := reflector.CommentMap
	reflector.LookupComment = func(t reflect.Type, field string) string { return fieldComment(comments, t, field) }

	environment := reflectSchema(reflector, config.Environment{})
	addPlugins(environment, reflector)
	schemas := map[string][]byte{}
	for kind, schema := range map[string]*jsonschema.Schema{"pipeline": reflectSchema(reflector, config.Pipeline{}), "environment": environment, "waivers": reflectSchema(reflector, config.Waivers{})} {
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(schema); err != nil {
			return nil, err
		}
		schemas[kind] = out.Bytes()
	}
	return schemas, nil
}

// addPlugins says which plugins there are and what their options may be, from the plugins themselves.
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

// reflectSchema is the schema of a type.
func reflectSchema(reflector *jsonschema.Reflector, value any) *jsonschema.Schema {
	schema := reflector.Reflect(value)
	addEmptyDefaults(reflect.TypeOf(value), schema)
	return schema
}

// addEmptyDefaults gives the parts that are there even if nobody writes them an empty default, which the defaults of what is in them fill.
// Those are the ones that Go has as a value and not as a pointer, and in which nothing has to be written.
func addEmptyDefaults(t reflect.Type, schema *jsonschema.Schema) {
	for field := range t.Fields() {
		key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		property, known := schema.Properties.Get(key)
		if !known {
			continue
		}
		switch {
		case field.Type.Kind() == reflect.Struct:
			if len(property.Required) == 0 {
				property.Default = struct{}{}
			}
			addEmptyDefaults(field.Type, property)
		case field.Type.Kind() == reflect.Pointer && field.Type.Elem().Kind() == reflect.Struct:
			addEmptyDefaults(field.Type.Elem(), property)
		}
	}
}

// fieldComment gives a field's Go comment with the Go name at its beginning replaced by the key that an editor of
// the YAML sees.
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
