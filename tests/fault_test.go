package tests

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault"
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
	"assemblytest": "tests",
	"displaytest":  "tests",
	"faulttest":    "tests",
}

// fileWithConstructors makes the errors of all other packages.
const fileWithConstructors = "internal/fault/fault.go"

// Whoever reports an error without a code is named here, so that `lockstep explain` knows every message.
func TestFault_EveryErrorHasACode(t *testing.T) {
	files := os.DirFS(repository)
	for _, name := range goFiles(t, files, ".", slices.Collect(maps.Keys(uncodedFolders))...) {
		if name == fileWithConstructors {
			continue
		}
		source, err := fs.ReadFile(files, name)
		require.NoError(t, err)
		for _, problem := range uncodedErrors(t, name, source) {
			assert.Fail(t, problem)
		}
	}
}

// uncodedErrors returns where a file makes an error without a code: by errors.New, by fmt.Errorf without an error that
// it wraps, by the literal of a refusal, or as a type without the method Code. It also returns where the constructor of
// an error does not lead to the exit status that the table has for its code.
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
			if problem := exitProblem(n); problem != "" {
				report(n, problem)
			}
		case *ast.FuncDecl:
			if n.Recv != nil && n.Name.Name == "Error" && len(n.Type.Params.List) == 0 {
				if receiver := receiverName(n); !hasMethod(file, receiver, "Code") {
					report(n, "the error type "+receiver+" has no method Code")
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

// constructorExits are the exit statuses to which the constructors of errors lead. An error of this program has another
// one only where main.go says so.
var constructorExits = map[string]int{"refusal.Newf": 3, "usagef": 2}

// exitProblem returns what is wrong with the code that the constructor of an error is given; empty if nothing is.
func exitProblem(call *ast.CallExpr) string {
	name := calledName(call)
	if function, ok := call.Fun.(*ast.Ident); ok {
		name = function.Name
	}
	want, ok := constructorExits[name]
	if !ok || len(call.Args) == 0 {
		return ""
	}
	selector, ok := call.Args[0].(*ast.SelectorExpr)
	if !ok {
		return name + " has no constant as its code"
	}
	if got := exitOf(selector.Sel.Name); got != want {
		return fmt.Sprintf("%s exits with %d, and the table says %d of fault.%s", name, want, got, selector.Sel.Name)
	}
	return ""
}

// exitOf returns the exit status of the code that a constant of the package fault names; 0 if there is none.
func exitOf(constant string) int {
	file, err := parser.ParseFile(token.NewFileSet(), repository+"/internal/fault/codes.go", nil, 0)
	if err != nil {
		return 0
	}
	object := file.Scope.Lookup(constant)
	if object == nil {
		return 0
	}
	spec := object.Decl.(*ast.ValueSpec)
	entry, _ := fault.Lookup(fault.Code(strings.Trim(stringLiterals(spec.Values[0]), `"`)))
	return entry.Exit
}

// receiverName returns the type of a method's receiver.
func receiverName(method *ast.FuncDecl) string {
	receiver := method.Recv.List[0].Type
	if pointer, ok := receiver.(*ast.StarExpr); ok {
		receiver = pointer.X
	}
	if name, ok := receiver.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

// hasMethod reports whether a file declares the method of a type.
func hasMethod(file *ast.File, receiver, method string) bool {
	return slices.ContainsFunc(file.Decls, func(d ast.Decl) bool {
		f, ok := d.(*ast.FuncDecl)
		return ok && f.Recv != nil && f.Name.Name == method && receiverName(f) == receiver
	})
}

func TestFault_UncodedErrorIsReported(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a coded error":        {`var e = fault.New(fault.LockHeld, "x")`, ""},
		"context for an error": {`var e = fmt.Errorf("x: %w", err)`, ""},
		"errors.New":           {`var e = errors.New("x")`, "x.go:3: errors.New has no code: use fault.New"},
		"fmt.Errorf": {
			`var e = fmt.Errorf("x", z)`, "x.go:3: fmt.Errorf without %w has no code: use fault.Errorf",
		},
		"the literal of refusal": {`var e = &refusal.Error{}`, "x.go:3: a refusal without a code: use refusal.Newf"},
		"a refusal":              {`var e = refusal.Newf(fault.LockHeld, nil, "x")`, ""},
		"a usage error":          {`var e = usagef(fault.FlagValue, "x")`, ""},
		"a code of another exit": {
			`var e = usagef(fault.LockHeld, "x")`, "x.go:3: usagef exits with 2, and the table says 3 of fault.LockHeld",
		},
		"a code that is computed": {`var e = refusal.Newf(c, nil, "x")`, "x.go:3: refusal.Newf has no constant as its code"},
		"an unknown code": {
			`var e = refusal.Newf(fault.No, nil, "x")`, "x.go:3: refusal.Newf exits with 3, and the table says 0 of fault.No",
		},
		"an error type": {
			`func (e *myError) Error() string { return "" }`, "x.go:3: the error type myError has no method Code",
		},
		"an error type with a code": {
			"func (e *a) Error() string { return \"\" }\nfunc (e *a) Code() fault.Code { return fault.LockHeld }", "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			problems := uncodedErrors(t, "x.go", []byte("package x\n\n"+test.text+"\n"))
			assert.Equal(t, test.want, strings.Join(problems, "; "))
		})
	}
}
