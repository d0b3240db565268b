// Command generate writes the model of AWS's resource types, types.zip, from two published sources: the CloudFormation
// registry's schemas, which the pinned cfn-lint carries, and the resource database of the CDK,
// @aws-cdk/aws-service-spec. It installs both at their pinned versions. `go generate ./internal/awsmodel` runs it.
package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"slices"

	"lockstep/internal/awsmodel"
	"lockstep/internal/pipeline"
	"lockstep/tools"
	"lockstep/tools/generated"
)

func main() { generated.Main("types.zip", generate) }

// generate installs the sources and returns what is generated from them.
func generate(ctx context.Context, installer *tools.Installer) ([]byte, error) {
	linter, err := installer.Install(ctx, pipeline.ToolCfnLint)
	if err != nil {
		return nil, err
	}
	schemas, err := schemaFolder(linter)
	if err != nil {
		return nil, err
	}
	spec, err := installer.InstallData(ctx, tools.AWSServiceSpec)
	if err != nil {
		return nil, err
	}
	types, err := readTypes(schemas, spec)
	if err != nil {
		return nil, err
	}
	data, err := pack(types, versions())
	if err != nil {
		return nil, err
	}
	return data, nil
}

// schemaFolder returns the folder of the registry's schemas in an installed cfn-lint.
func schemaFolder(linter string) (string, error) {
	found, err := filepath.Glob(filepath.Join(linter, "venv/lib/python*/site-packages/cfnlint/data/schemas"))
	if err != nil {
		return "", err
	}
	if len(found) != 1 {
		return "", errors.New(linter + " has no folder cfnlint/data/schemas")
	}
	return found[0], nil
}

// versions returns the pinned versions of the sources.
func versions() map[string]string {
	spec := tools.DataSources[tools.AWSServiceSpec]
	return map[string]string{
		pipeline.ToolCfnLint: pipeline.Tools[pipeline.ToolCfnLint].Version,
		spec.Package:         spec.Version,
	}
}

// readTypes returns what both sources publish. Types that the registry does not have are left out.
func readTypes(schemas, spec string) (map[string]*awsmodel.Type, error) {
	types, err := readSchemas(schemas)
	if err != nil {
		return nil, err
	}
	entities, err := readSpec(spec)
	if err != nil {
		return nil, err
	}
	for name, e := range entities {
		if t, ok := types[name]; ok {
			e.addTo(t)
		}
	}
	return types, nil
}

// pack writes the types and the versions of their sources, sorted and without times, so that the same input gives the
// same bytes.
func pack(types map[string]*awsmodel.Type, versions map[string]string) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	w.RegisterCompressor(zip.Deflate, func(o io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(o, flate.BestCompression)
	})
	write := func(file string, value any) error {
		entry, err := w.CreateHeader(&zip.FileHeader{Name: file, Method: zip.Deflate})
		if err != nil {
			return err
		}
		return json.NewEncoder(entry).Encode(value)
	}
	if err := write(awsmodel.VersionsFile, versions); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(types)) {
		if err := write(awsmodel.FileName(name), types[name]); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return out.Bytes(), err
}
