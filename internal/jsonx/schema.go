package jsonx

import (
	"bytes"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemaURL is what a schema is called while it is compiled. A relative name would be taken for a file in the current
// folder, and not every path of a folder makes a URL that is found again.
const schemaURL = "urn:lockstep:schema"

// UnmarshalSchema returns the document of a schema of this program.
func UnmarshalSchema(data []byte) (any, error) {
	return jsonschema.UnmarshalJSON(bytes.NewReader(data))
}

// CompileSchema returns the validator that a document of UnmarshalSchema describes. It refers to no other document.
func CompileSchema(document any, options ...func(*jsonschema.Compiler)) (*jsonschema.Schema, error) {
	c := jsonschema.NewCompiler()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	for _, set := range options {
		set(c)
	}
	if err := c.AddResource(schemaURL, document); err != nil {
		return nil, err
	}
	return c.Compile(schemaURL)
}
