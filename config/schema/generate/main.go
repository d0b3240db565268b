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
)

func main() {
	if err := write("."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// write puts every schema into the folder of package config.
func write(folder string) error {
	schemas, err := generate()
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

// generate makes each kind's schema. It reads the comments of package config from the working directory, which
// has to be that package's folder: so `go generate` runs it, and so does the test.
func generate() (map[string][]byte, error) {
	reflector := &jsonschema.Reflector{Anonymous: true, ExpandedStruct: true}
	if err := reflector.AddGoComments("lockstep/config", ".", jsonschema.WithFullComment()); err != nil {
		return nil, err
	}
	comments := reflector.CommentMap
	reflector.LookupComment = func(t reflect.Type, field string) string { return describe(comments, t, field) }

	schemas := map[string][]byte{}
	for kind, value := range map[string]any{"pipeline": config.Pipeline{}, "environment": config.Environment{}, "waivers": config.Waivers{}} {
		var out bytes.Buffer
		encoder := json.NewEncoder(&out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(reflector.Reflect(value)); err != nil {
			return nil, err
		}
		schemas[kind] = out.Bytes()
	}
	return schemas, nil
}

// describe gives a field's Go comment with the Go name at its beginning replaced by the key that an editor of
// the YAML sees.
func describe(comments map[string]string, t reflect.Type, field string) string {
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
