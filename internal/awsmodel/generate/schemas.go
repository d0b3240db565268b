package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"lockstep/internal/awsmodel"
	"lockstep/tools/generated"
)

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
		if err := generated.ReadJSON(provider, &hashes); err != nil {
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

// providerOrder returns the text that the file of a region is sorted by.
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
var dropped = []string{
	"description", "$comment", "markdownDescription", "examples", "title", "sourceUrl", "documentationUrl",
	"relationshipRef",
}

// keptKeywords are the keywords of a type's schema that describe its properties.
var keptKeywords = []string{"properties", "definitions", "required", "additionalProperties", "patternProperties"}

// readSchema returns what the schema in a file says of a type.
func readSchema(path string) (*awsmodel.Type, error) {
	var schema map[string]any
	if err := generated.ReadJSON(path, &schema); err != nil {
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
	for _, keyword := range keptKeywords {
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

// permissions returns the IAM actions that the handlers of a type call, by the handler's name.
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

// text returns a text, and "" for another value.
func text(value any) string {
	s, _ := value.(string)
	return s
}
