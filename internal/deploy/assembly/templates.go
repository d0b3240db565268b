package assembly

import (
	"cmp"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
)

// A TemplateFile is a template of a cloud assembly as a document, for those who rewrite it.
type TemplateFile struct {
	// File is the template's path in the assembly.
	File string
	// Stack is the name of the template's stack; for a nested stack, the name of the file without its extension.
	Stack string
	// Account and Region are the stack's, as the manifest has them; empty for a nested stack.
	Account string
	Region  string
	// Parameters are the values that the app gives the template's parameters.
	Parameters map[string]string
	// Document is the template. Its numbers are json.Number.
	Document map[string]any
}

// nestedTemplateSuffix ends the names of the files that the CDK writes the templates of nested stacks to.
const nestedTemplateSuffix = ".nested.template.json"

// IsNestedTemplate reports whether the CDK writes the template of a nested stack to a file of that name.
func IsNestedTemplate(file string) bool { return strings.HasSuffix(file, nestedTemplateSuffix) }

// TemplateFiles returns the files of the stack's template and of those nested in it.
func (s *Stack) TemplateFiles() []string {
	files := []string{s.Template.File}
	for _, a := range s.Assets {
		if IsNestedTemplate(a.Path) && !slices.Contains(files, a.Path) {
			files = append(files, a.Path)
		}
	}
	return files
}

// Templates returns the templates of a cloud assembly in the order of their paths: those of the stacks of every
// manifest, and those of nested stacks. What Read refuses, such as a damaged manifest or a missing template, is left
// out.
func Templates(fsys fs.FS) ([]TemplateFile, error) {
	found := map[string]TemplateFile{}
	err := walkFiles(fsys, func(name string) error {
		switch {
		case path.Base(name) == manifestFile:
			return addStackTemplates(fsys, name, found)
		case IsNestedTemplate(name):
			found[name] = TemplateFile{File: name, Stack: strings.TrimSuffix(path.Base(name), nestedTemplateSuffix)}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var out []TemplateFile
	for _, file := range slices.Sorted(maps.Keys(found)) {
		text, err := fsx.ReadFileFS(fsys, file, fsx.MaxText)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		t := found[file]
		if t.Document, err = parse(string(text)); err != nil {
			return nil, fault.Errorf(fault.TemplateUnusable, "%s is not a template in JSON: %w", file, err)
		}
		out = append(out, t)
	}
	return out, nil
}

// addStackTemplates adds the stacks of a manifest to found, by the file of their template.
func addStackTemplates(fsys fs.FS, name string, found map[string]TemplateFile) error {
	text, err := fsx.ReadFileFS(fsys, name, fsx.MaxText)
	if err != nil {
		return err
	}
	var m manifest
	if jsonx.UnmarshalForeign(text, &m) != nil {
		return nil //nolint:nilerr // Read refuses it
	}
	for id, a := range m.Artifacts {
		if a == nil || a.Type != stackArtefact {
			continue
		}
		var p stackProperties
		if jsonx.UnmarshalForeign(a.Properties, &p) != nil || p.TemplateFile == "" {
			continue // Read refuses it
		}
		account, region, _ := strings.Cut(strings.TrimPrefix(a.Environment, environmentPrefix), "/")
		file := path.Join(path.Dir(name), p.TemplateFile)
		found[file] = TemplateFile{
			File: file, Stack: cmp.Or(p.StackName, id), Account: account, Region: region,
			Parameters: parameterStrings(p.Parameters),
		}
	}
	return nil
}

// AssetHashes returns the hashes of content that files of a cloud assembly are published under, by the files' paths.
// Assets whose id is not a SHA-256 are left out.
func AssetHashes(fsys fs.FS) (map[string]string, error) {
	hashes := map[string]string{}
	err := walkFiles(fsys, func(name string) error {
		if !strings.HasSuffix(name, ".assets.json") {
			return nil
		}
		text, err := fsx.ReadFileFS(fsys, name, fsx.MaxText)
		if err != nil {
			return err
		}
		var m assetManifest
		if err := jsonx.UnmarshalForeign(text, &m); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		for hash, asset := range m.Files {
			if len(hash) == sha256.Size*2 { // a shorter id may occur in a text by chance
				hashes[path.Join(path.Dir(name), asset.Source.Path)] = hash
			}
		}
		return nil
	})
	return hashes, err
}

// walkFiles calls visit for the files that an app writes about its stacks. It passes over assets that are folders.
func walkFiles(fsys fs.FS, visit func(name string) error) error {
	return fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), "asset."):
			return fs.SkipDir
		case entry.IsDir():
			return nil
		}
		return visit(name)
	})
}
