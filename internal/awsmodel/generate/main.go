// Command generate writes the model of AWS's resource types, types.zip, from two published sources at pinned
// versions: the CloudFormation registry's schemas, which the pinned cfn-lint carries, and the resource database of
// the CDK, @aws-cdk/aws-service-spec. `go generate ./internal/awsmodel` runs it.
package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lockstep/internal/awsmodel"
)

func main() {
	schemas := flag.String("schemas", "", "the folder cfnlint/data/schemas of the pinned cfn-lint")
	spec := flag.String("spec", "", "the file db.json.gz of the pinned @aws-cdk/aws-service-spec")
	out := flag.String("out", "types.zip", "the file to write")
	flag.Parse()
	if err := run(*schemas, *spec, *out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(schemas, spec, out string) error {
	known, err := readSpec(spec)
	if err != nil {
		return err
	}
	types, err := readSchemas(schemas)
	if err != nil {
		return err
	}
	for name, fromCDK := range known {
		if t, ok := types[name]; ok {
			fromCDK.addTo(t)
		}
	}
	data, err := pack(types)
	if err != nil {
		return err
	}
	return os.WriteFile(out, data, 0o644)
}

// readSchemas reads the schema of every type of every region. Where regions differ, the first by name of those that
// has the type counts, us-east-1 before all others.
func readSchemas(dir string) (map[string]*awsmodel.Type, error) {
	providers, err := filepath.Glob(filepath.Join(dir, "providers", "*.json"))
	if err != nil {
		return nil, err
	}
	if len(providers) == 0 {
		return nil, fmt.Errorf("%s holds no providers/*.json", dir)
	}
	slices.SortFunc(providers, func(a, b string) int { return strings.Compare(providerOrder(a), providerOrder(b)) })
	types := map[string]*awsmodel.Type{}
	for _, provider := range providers {
		var hashes map[string]string
		if err := readJSON(provider, &hashes); err != nil {
			return nil, err
		}
		for name, hash := range hashes {
			if types[name] != nil {
				continue
			}
			t, err := readSchema(filepath.Join(dir, "resources", hash+".json"))
			if err != nil {
				return nil, err
			}
			types[name] = t
		}
	}
	return types, nil
}

func providerOrder(path string) string {
	switch name := filepath.Base(path); name {
	case "us-east-1.json":
		return ""
	case "sam.json":
		return "~" // the types of the SAM transform are no types of the registry
	default:
		return name
	}
}

// dropped are the keywords of a schema that say nothing about values.
var dropped = []string{"description", "$comment", "markdownDescription", "examples", "title", "sourceUrl", "documentationUrl", "relationshipRef"}

func readSchema(path string) (*awsmodel.Type, error) {
	var schema map[string]any
	if err := readJSON(path, &schema); err != nil {
		return nil, err
	}
	t := &awsmodel.Type{
		PrimaryIdentifier: pointers(schema["primaryIdentifier"]),
		CreateOnly:        pointers(schema["createOnlyProperties"]),
		MaybeCreateOnly:   pointers(schema["conditionalCreateOnlyProperties"]),
		ReadOnly:          pointers(schema["readOnlyProperties"]),
		WriteOnly:         pointers(schema["writeOnlyProperties"]),
		Permissions:       permissions(schema["handlers"]),
	}
	if tagging, ok := schema["tagging"].(map[string]any); ok {
		t.TagProperty = strings.TrimPrefix(text(tagging["tagProperty"]), "/properties/")
		t.TagsUpdatable = tagging["tagUpdatable"] != false && tagging["taggable"] != false
	}
	kept := map[string]any{}
	for _, keyword := range []string{"properties", "definitions", "required", "additionalProperties", "patternProperties"} {
		if value, ok := schema[keyword]; ok {
			kept[keyword] = strip(value, keyword == "properties" || keyword == "definitions")
		}
	}
	var err error
	t.Schema, err = json.Marshal(kept)
	return t, err
}

// strip drops the keywords that say nothing about values. In a map of properties the keys are names, of which none is
// dropped.
func strip(value any, names bool) any {
	switch v := value.(type) {
	case map[string]any:
		kept := map[string]any{}
		for key, inner := range v {
			if names || !slices.Contains(dropped, key) {
				kept[key] = strip(inner, !names && (key == "properties" || key == "definitions" || key == "patternProperties"))
			}
		}
		return kept
	case []any:
		kept := make([]any, len(v))
		for i, inner := range v {
			kept[i] = strip(inner, false)
		}
		return kept
	}
	return value
}

// pointers turns JSON pointers such as /properties/Endpoint/Address into dotted paths such as Endpoint.Address.
func pointers(value any) []string {
	list, _ := value.([]any)
	var paths []string
	for _, item := range list {
		path := strings.TrimPrefix(text(item), "/properties/")
		paths = append(paths, strings.ReplaceAll(strings.ReplaceAll(path, "/properties/", "."), "/", "."))
	}
	slices.Sort(paths)
	return paths
}

func permissions(value any) map[string][]string {
	handlers, _ := value.(map[string]any)
	found := map[string][]string{}
	for _, name := range []string{"create", "update", "delete"} {
		handler, _ := handlers[name].(map[string]any)
		list, _ := handler["permissions"].([]any)
		for _, action := range list {
			found[name] = append(found[name], text(action))
		}
		slices.Sort(found[name])
		found[name] = slices.Compact(found[name])
	}
	return found
}

func text(value any) string { s, _ := value.(string); return s }

// entity is a resource type as the CDK's database has it.
type entity struct {
	Type         string `json:"cloudFormationType"`
	Stateful     bool   `json:"isStateful"`
	Scrutinizing string `json:"scrutinizable"`
	Properties   map[string]struct {
		CausesReplacement string `json:"causesReplacement"`
		Scrutinizing      string `json:"scrutinizable"`
	} `json:"properties"`
}

func (e entity) addTo(t *awsmodel.Type) {
	t.Stateful = e.Stateful
	t.Scrutiny = scrutiny(e.Scrutinizing)
	for name, p := range e.Properties {
		if kind := scrutiny(p.Scrutinizing); kind != "" {
			if t.PropertyScrutiny == nil {
				t.PropertyScrutiny = map[string]string{}
			}
			t.PropertyScrutiny[name] = kind
		}
		switch p.CausesReplacement {
		case "yes":
			t.Replacing = append(t.Replacing, name)
		case "maybe":
			t.MaybeReplacing = append(t.MaybeReplacing, name)
		}
	}
	slices.Sort(t.Replacing)
	slices.Sort(t.MaybeReplacing)
}

func scrutiny(kind string) string {
	if kind == "None" {
		return ""
	}
	return kind
}

func readSpec(path string) (map[string]entity, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var document struct {
		Schema struct {
			Resource struct {
				Entities []entity `json:"entities"`
			} `json:"resource"`
		} `json:"schema"`
	}
	if err := json.NewDecoder(unpacked).Decode(&document); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	found := map[string]entity{}
	for _, e := range document.Schema.Resource.Entities {
		found[e.Type] = e
	}
	if len(found) == 0 {
		return nil, errors.New(path + " holds no resource types")
	}
	return found, nil
}

func readJSON(path string, into any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

// pack writes the types, sorted and without times, so that the same input gives the same bytes.
func pack(types map[string]*awsmodel.Type) ([]byte, error) {
	var names []string
	for name := range types {
		names = append(names, name)
	}
	slices.Sort(names)
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	w.RegisterCompressor(zip.Deflate, func(o io.Writer) (io.WriteCloser, error) { return flate.NewWriter(o, flate.BestCompression) })
	for _, name := range names {
		entry, err := w.CreateHeader(&zip.FileHeader{Name: awsmodel.FileName(name), Method: zip.Deflate})
		if err != nil {
			return nil, err
		}
		if err := json.NewEncoder(entry).Encode(types[name]); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}
