// Command generate writes names.json, the names that a cloud assembly may have, from the schema that the CDK publishes,
// @aws-cdk/cloud-assembly-schema, at its pinned version. `go generate ./internal/deploy/assembly` runs it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/jsonx"
	"lockstep/tools"
	"lockstep/tools/generated"
)

func main() { generated.Main("names.json", generate) }

// generate installs the schema and returns the names in it.
func generate(ctx context.Context, installer *tools.Installer) ([]byte, error) {
	file, err := installer.InstallData(ctx, tools.CloudAssemblySchema)
	if err != nil {
		return nil, err
	}
	names, err := readNames(filepath.Dir(file))
	if err != nil {
		return nil, err
	}
	text, err := json.MarshalIndent(names, "", "\t")
	if err != nil {
		return nil, err
	}
	return append(text, '\n'), nil
}

// A schema is the part of a JSON schema that says which names an object may have.
type schema struct {
	Ref         string            `json:"$ref"`
	Definitions map[string]schema `json:"definitions"`
	Properties  map[string]schema `json:"properties"`
	Additional  json.RawMessage   `json:"additionalProperties"`
	Items       json.RawMessage   `json:"items"`
	AnyOf       []schema          `json:"anyOf"`
	Enum        []string          `json:"enum"`
}

// propertiesOf are the definitions of the properties of the types of artefacts.
func propertiesOf(artefactType string) (definition string, ok bool) {
	definition, ok = map[string]string{
		"none":                     "",
		"aws:cloudformation:stack": "AwsCloudFormationStackProperties",
		"cdk:asset-manifest":       "AssetManifestProperties",
		"cdk:tree":                 "TreeArtifactProperties",
		"cdk:cloud-assembly":       "NestedCloudAssemblyProperties",
		"cdk:feature-flag-report":  "FeatureFlagReportProperties",
	}[artefactType]
	return definition, ok
}

// readNames returns the names in the schemas in a folder.
func readNames(dir string) (assembly.KnownNames, error) {
	var manifest, assets schema
	var version struct {
		Revision int `json:"revision"`
	}
	for file, into := range map[string]any{
		"cloud-assembly.schema.json": &manifest, "assets.schema.json": &assets, "version.json": &version,
	} {
		if err := generated.ReadJSON(filepath.Join(dir, file), into); err != nil {
			return assembly.KnownNames{}, err
		}
	}
	source := tools.DataSources[tools.CloudAssemblySchema]
	known := assembly.KnownNames{
		Source: source.Package + " " + source.Version, Revision: version.Revision,
		Manifest: manifest.names(manifest, "AssemblyManifest"), Artifact: manifest.names(manifest, "ArtifactManifest"),
		Properties: map[string]assembly.Names{}, AssetManifest: assets.names(assets, "AssetManifest"),
	}
	// The artefacts are checked by their type, and metadata is no part of a deployment.
	known.Manifest["artifacts"], known.Manifest["missing"], known.Manifest["runtime"] = nil, nil, nil
	known.Artifact["properties"], known.Artifact["metadata"] = nil, nil
	var used []string
	for _, artefactType := range manifest.Definitions["ArtifactType"].Enum {
		definition, ok := propertiesOf(artefactType)
		if !ok {
			return known, fmt.Errorf("there is a new type of artefact, %s: enter the definition of its properties", artefactType)
		}
		known.Properties[artefactType] = manifest.names(manifest, definition)
		used = append(used, definition)
	}
	for _, s := range manifest.Definitions["ArtifactManifest"].Properties["properties"].AnyOf {
		if name := s.definition(); !slices.Contains(used, name) {
			return known, fmt.Errorf("no type of artefact has the properties %s: enter the type", name)
		}
	}
	return known, nil
}

// definition returns the name of the definition that a schema refers to.
func (s schema) definition() string { return strings.TrimPrefix(s.Ref, "#/definitions/") }

// names returns the names that an object of a definition may have.
func (s schema) names(root schema, definition string) assembly.Names {
	return root.Definitions[definition].objectNames(root)
}

// objectNames returns the names that a value of a schema may have: nil if it is no object, or one with any names.
func (s schema) objectNames(root schema) assembly.Names {
	if s.Ref != "" {
		return s.names(root, s.definition())
	}
	var any schema
	if len(s.Properties) == 0 && jsonx.UnmarshalForeign(s.Additional, &any) == nil && any.Ref != "" {
		return assembly.Names{assembly.AnyName: any.objectNames(root)}
	}
	if len(s.Properties) == 0 {
		return nil
	}
	names := assembly.Names{}
	for name, property := range s.Properties {
		names[name] = property.objectNames(root)
	}
	return names
}
