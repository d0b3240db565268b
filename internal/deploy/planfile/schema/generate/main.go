// Command generate writes the JSON schema of the plan file from the Go types in package planfile. It is a program of
// its own so that the product does not link the library that reflects over the types. Run it with `go generate
// ./internal/deploy/planfile`.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"github.com/invopop/jsonschema"

	"lockstep/internal/deploy/planfile"
)

func main() {
	if err := writeSchema("schema/plan.json"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func writeSchema(file string) error {
	schema, err := generateSchema()
	if err != nil {
		return err
	}
	return os.WriteFile(file, schema, 0o644) //nolint:gosec // a source file, readable by all
}

// generateSchema makes the schema. It reads the comments of package planfile from the working directory, which has to
// be that package's folder.
func generateSchema() ([]byte, error) {
	reflector := &jsonschema.Reflector{Anonymous: true, ExpandedStruct: true}
	for _, folder := range []string{".", "../change"} {
		if err := reflector.AddGoComments("lockstep/internal/deploy/planfile",
			folder, jsonschema.WithFullComment()); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	err := encoder.Encode(reflector.Reflect(planfile.File{}))
	return out.Bytes(), err
}
