// Package module vets and tests the Dagger module in ci/ without an engine. An engine would generate the module's
// bindings. Here a copy of the module gets bindings with the same names: aliases of every exported name of Dagger's own
// library, and a client that tests connect to a recorder.
package module

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"lockstep/tests/harness"
)

// daggerLibrary is the one whose names the generated bindings have.
const daggerLibrary = "dagger.io/dagger"

// generatedImports are the packages outside the standard library that generated bindings import. The module's go.mod
// names their modules.
var generatedImports = []string{
	"github.com/Khan/genqlient/graphql", "github.com/dagger/otel-go", "github.com/dagger/querybuilder",
	"github.com/vektah/gqlparser/v2/gqlerror", "go.opentelemetry.io/otel", "go.opentelemetry.io/otel/propagation",
	"go.opentelemetry.io/otel/sdk/resource", "go.opentelemetry.io/otel/semconv/v1.40.0", "go.opentelemetry.io/otel/trace",
}

// Compose copies the module into a new folder and adds bindings. The packages that the module shares with the
// repository are not copied.
func Compose(repository, into string) error {
	if err := os.CopyFS(into, os.DirFS(filepath.Join(repository, "ci"))); err != nil {
		return err
	}
	// An engine may have generated bindings there.
	if err := os.RemoveAll(filepath.Join(into, "internal")); err != nil {
		return err
	}
	if _, err := runCommand(into, "go", "mod", "edit", "-replace", "lockstep="+repository); err != nil {
		return err
	}
	dir, err := runCommand(into, "go", "list", "-f", "{{.Dir}}", daggerLibrary) // downloads the module if need be
	if err != nil {
		return err
	}
	names, err := exportedNames(strings.TrimSpace(dir))
	if err != nil {
		return err
	}
	for file, text := range map[string]string{
		"internal/dagger/dagger.gen.go": aliases(names),
		"dagger.gen.go":                 clientSource,
	} {
		source, err := format.Source([]byte(text))
		if err != nil {
			return err
		}
		if err := harness.WriteFile(filepath.Join(into, filepath.FromSlash(file)), string(source)); err != nil {
			return err
		}
	}
	return nil
}

// ProjectVariable names the project that the module's tests work on.
const ProjectVariable = "LOCKSTEP_REPOSITORY"

// ownStep is a step of the repository's own.
const ownStep = `steps:
  - name: contracts
    stage: test
    image: node
    command: node --version
    inputs: [docs/*.md, "!docs/gates.md"]
    needs: [config]
    caches: [npm]
`

// CopyProject copies the repository into a new folder as the project of the module's tests. It has a step of its own.
func CopyProject(into string) error {
	if err := harness.CopyProject(into); err != nil {
		return err
	}
	file := filepath.Join(into, "config", "pipeline.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	return harness.WriteFile(file, string(text)+ownStep)
}

// clientSource declares the client that the module's functions call. Tests set it.
const clientSource = `package main

import "lockstep/ci/internal/dagger"

var dag *dagger.Client

func main() {}
`

// runCommand runs a program in a folder and returns its standard output. The error holds all that it printed.
func runCommand(dir string, argv ...string) (string, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", strings.Join(argv, " "), err, stdout.String(), stderr.String())
	}
	return stdout.String(), nil
}

// exportedNames returns the exported names of the package in a folder by the keyword that declares them.
func exportedNames(dir string) (map[string][]string, error) {
	sources, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	names := map[string][]string{}
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, declared := range file.Decls {
			keyword, all := declaredNames(declared)
			for _, name := range all {
				if name.IsExported() {
					names[keyword] = append(names[keyword], name.Name)
				}
			}
		}
	}
	return names, nil
}

// declaredNames returns the names of a declaration that an alias can stand for. Methods and generic names have none.
func declaredNames(declared ast.Decl) (keyword string, names []*ast.Ident) {
	switch d := declared.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil && d.Type.TypeParams == nil {
			return "func", []*ast.Ident{d.Name}
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				if s.TypeParams == nil {
					names = append(names, s.Name)
				}
			case *ast.ValueSpec:
				names = append(names, s.Names...)
			}
		}
		return d.Tok.String(), names
	}
	return "", nil
}

// aliases returns the source of a package that has the names of Dagger's library.
func aliases(names map[string][]string) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "package dagger\n\nimport lib %q\n", daggerLibrary)
	for _, name := range generatedImports {
		fmt.Fprintf(&b, "import _ %q\n", name)
	}
	for _, keyword := range []string{"type", "const", "var", "func"} {
		alias := keyword
		if keyword == "func" {
			alias = "var"
		}
		for _, name := range slices.Sorted(slices.Values(names[keyword])) {
			fmt.Fprintf(&b, "%s %s = lib.%s\n", alias, name, name)
		}
	}
	return b.String()
}
