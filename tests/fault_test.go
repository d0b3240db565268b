package tests

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// uncodedFolders hold no code that runs in the program whose errors have codes.
var uncodedFolders = map[string]string{
	".git": "not source", ".lockstep": "not source", "testdata": "not source",
	"generate":     "run by go generate",
	"tests":        "tests",
	"bench":        "measurements",
	"ci":           "the Dagger module, which hands the program's messages on",
	"infra":        "the CDK app, whose messages the program hands on",
	"node_modules": "not ours",
	"simulated":    "an AWS for tests",
	"displaytest":  "tests",
}

// Whoever reports an error without a code is named here, so that `lockstep explain` knows every message.
func TestFault_EveryErrorHasACode(t *testing.T) {
	files := os.DirFS(repository)
	require.NoError(t, fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && uncodedFolders[entry.Name()] != "":
			return fs.SkipDir
		case entry.IsDir() || path.Ext(name) != ".go" || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		source, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		for _, problem := range uncodedErrors(t, name, source) {
			assert.Fail(t, problem)
		}
		return nil
	}))
}

// uncodedErrors returns where a file makes an error without a code: by errors.New, by fmt.Errorf without an error that
// it wraps, or by the literal of a refusal.
func uncodedErrors(t *testing.T, name string, source []byte) []string {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, name, source, parser.SkipObjectResolution)
	require.NoError(t, err)
	var out []string
	report := func(n ast.Node, problem string) {
		at := set.Position(n.Pos())
		out = append(out, fmt.Sprintf("%s:%d: %s", at.Filename, at.Line, problem))
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			switch calledName(n) {
			case "errors.New":
				report(n, "errors.New has no code: use fault.New")
			case "fmt.Errorf":
				if !strings.Contains(stringLiterals(n.Args[0]), "%w") {
					report(n, "fmt.Errorf without %w has no code: use fault.Errorf")
				}
			}
		case *ast.CompositeLit:
			if selector, ok := n.Type.(*ast.SelectorExpr); ok && selectorName(selector) == "refusal.Error" {
				report(n, "a refusal without a code: use refusal.Newf")
			}
		}
		return true
	})
	return out
}

func calledName(call *ast.CallExpr) string {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	return selectorName(selector)
}

func selectorName(selector *ast.SelectorExpr) string {
	if pkg, ok := selector.X.(*ast.Ident); ok {
		return pkg.Name + "." + selector.Sel.Name
	}
	return ""
}

// stringLiterals returns all string literals of an expression, joined.
func stringLiterals(e ast.Expr) string {
	var b strings.Builder
	ast.Inspect(e, func(n ast.Node) bool {
		if literal, ok := n.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			b.WriteString(literal.Value)
		}
		return true
	})
	return b.String()
}
