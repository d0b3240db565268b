// Package module owns how the Dagger module in ci/ is vetted and tested where no engine is. The engine generates the
// module's bindings when it loads it. Here a copy of the module is given bindings of the same names: every exported
// name of Dagger's own library, and a client that the tests connect to a recorder.
package module

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// daggerLibrary is the one whose names the generated bindings have.
const daggerLibrary = "dagger.io/dagger"

// generatedImports are the packages that the bindings import which an engine generates, besides Go's own. They are why
// the module's go.mod names their modules.
var generatedImports = []string{
	"github.com/Khan/genqlient/graphql", "github.com/dagger/otel-go", "github.com/dagger/querybuilder", "github.com/vektah/gqlparser/v2/gqlerror",
	"go.opentelemetry.io/otel", "go.opentelemetry.io/otel/propagation", "go.opentelemetry.io/otel/sdk/resource", "go.opentelemetry.io/otel/semconv/v1.40.0",
	"go.opentelemetry.io/otel/trace",
}

// Compose copies the module into a new folder and gives it its bindings. The folder may lie anywhere; the packages that
// the module shares with the repository stay where they are.
func Compose(repository, into string) error {
	if err := os.CopyFS(into, os.DirFS(filepath.Join(repository, "ci"))); err != nil {
		return err
	}
	if err := os.RemoveAll(filepath.Join(into, "internal")); err != nil { // what an engine may have left
		return err
	}
	if _, err := runCommand(into, "go", "mod", "edit", "-replace", "lockstep="+repository); err != nil {
		return err
	}
	dir, err := runCommand(into, "go", "list", "-f", "{{.Dir}}", daggerLibrary) // which fetches it where it is not there yet
	if err != nil {
		return err
	}
	names, err := exportedNames(strings.TrimSpace(dir))
	if err != nil {
		return err
	}
	for file, text := range map[string]string{
		"internal/dagger/dagger.gen.go": aliases(names),
		// Tests set the client; what runs without one is a mistake that shows at once.
		"dagger.gen.go": "package main\n\nimport \"lockstep/ci/internal/dagger\"\n\nvar dag *dagger.Client\n\nfunc main() {}\n",
	} {
		source, err := format.Source([]byte(text))
		if err != nil {
			return err
		}
		made := filepath.Join(into, filepath.FromSlash(file))
		if err := os.MkdirAll(filepath.Dir(made), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(made, source, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// runCommand runs a program in a folder. Its error holds what the program printed.
func runCommand(dir string, argv ...string) (string, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w\n%s%s", strings.Join(argv, " "), err, out.String(), problems.String())
	}
	return out.String(), nil
}

// exportedNames are the exported names of a package by the keyword that declares them.
func exportedNames(dir string) (map[string][]string, error) {
	packages, err := parser.ParseDir(token.NewFileSet(), dir, func(info fs.FileInfo) bool { return !strings.HasSuffix(info.Name(), "_test.go") }, parser.SkipObjectResolution) //nolint:staticcheck // build tags play no part in it
	if err != nil {
		return nil, err
	}
	names := map[string][]string{}
	for _, file := range packages["dagger"].Files {
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

// declaredNames are the names that a declaration makes and that an alias can stand for: no methods, and nothing
// generic.
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

// aliases is the source of a package that has the names.
func aliases(names map[string][]string) string {
	var b bytes.Buffer
	fmt.Fprintf(&b, "package dagger\n\nimport lib %q\n", daggerLibrary)
	for _, name := range generatedImports {
		fmt.Fprintf(&b, "import _ %q\n", name)
	}
	for _, kind := range []struct{ declared, as string }{{"type", "type"}, {"const", "const"}, {"var", "var"}, {"func", "var"}} {
		for _, name := range slices.Sorted(slices.Values(names[kind.declared])) {
			fmt.Fprintf(&b, "%s %s = lib.%s\n", kind.as, name, name)
		}
	}
	return b.String()
}
