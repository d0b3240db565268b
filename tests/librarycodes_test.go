package tests

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/go/packages"
)

// The reasons why an error of another module has a code although nobody gives it one where it is returned.
const (
	byItsType = "fault.CodeOf knows the types of its errors"
	passesOn  = "it returns the error of the reader, the writer or the function that it was given"
	byClient  = "the middleware of internal/awsclient has wrapped it"
	noFailure = "it fails only if Lockstep itself is wrong, which has the code of such a fault"
)

// codedSources says why errors of packages, types and functions outside of this module need no code where they are
// returned. A key that ends with a slash is for all packages below, and the longest key counts. What is not listed, as
// all parsers, gets a code at the call: nobody who reads "invalid syntax" knows of what.
var codedSources = map[string]string{
	"context": byItsType, "embed": byItsType, "io/fs": byItsType, "net": byItsType, "os": byItsType, "os/exec": byItsType,
	"path/filepath": byItsType, "syscall": byItsType, "golang.org/x/sys/unix": byItsType, "net/http.Client.Do": byItsType,
	"github.com/gofrs/flock": byItsType,

	"bufio": passesOn, "bytes": passesOn, "compress/flate": passesOn, "errors": passesOn, "fmt": passesOn, "io": passesOn,
	"strings": passesOn, "text/tabwriter": passesOn, "html/template": passesOn, "archive/zip.Writer": passesOn,
	"encoding/json.Encoder": passesOn, "encoding/xml.Encoder": passesOn, "golang.org/x/sync/errgroup": passesOn,
	"github.com/CycloneDX/cyclonedx-go.BOMEncoder": passesOn, "github.com/goyek/goyek/v2": passesOn,
	"github.com/secure-systems-lab/go-securesystemslib/dsse.EnvelopeSigner.SignPayload": passesOn,
	"github.com/spf13/cobra": passesOn, "github.com/aws/smithy-go/middleware": passesOn,

	"github.com/aws/aws-sdk-go-v2/":               byClient,
	"github.com/go-json-experiment/json/jsontext": "internal/jsonx, which alone uses it, gives it a code",

	"crypto/ecdsa": noFailure, "crypto/x509.CreateCertificate": noFailure, "crypto/x509.MarshalPKCS8PrivateKey": noFailure,
	"crypto/x509.MarshalPKIXPublicKey": noFailure, "encoding/pem.Encode": noFailure, "encoding/json.Marshal": noFailure,
	"encoding/json.MarshalIndent": noFailure, "encoding/json.Compact": noFailure,
	"github.com/goccy/go-yaml.MarshalWithOptions":           noFailure,
	"google.golang.org/protobuf/encoding/protojson.Marshal": noFailure,
	"net/http.NewRequestWithContext":                        noFailure, "path/filepath.Glob": noFailure,
	"github.com/santhosh-tekuri/jsonschema/v6": noFailure, "path/filepath.Rel": noFailure,
	"github.com/secure-systems-lab/go-securesystemslib/dsse.NewEnvelopeSigner": noFailure,

	"github.com/aws/aws-sdk-go-v2/aws/arn": "", "github.com/aws/aws-sdk-go-v2/config": "", "os.UserCacheDir": "",
}

// Whoever returns an error of a library gives it a code, unless its type says what it is. So only a fault of Lockstep
// itself is reported as one.
func TestFault_ErrorOfLibraryHasACode(t *testing.T) {
	loaded, err := packages.Load(&packages.Config{
		Dir: repository,
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedImports | packages.NeedTypes | packages.NeedTypesInfo |
			packages.NeedSyntax,
	}, ".", "./config", "./internal/...", "./tools")
	require.NoError(t, err)
	for _, p := range loaded {
		require.Empty(t, p.Errors)
		if uncodedFolders[path.Base(p.PkgPath)] != "" || p.PkgPath == "lockstep/internal/fault" {
			continue
		}
		for _, file := range p.Syntax {
			for _, problem := range uncodedReturns(p.Fset, p.TypesInfo, file) {
				assert.Fail(t, problem)
			}
		}
	}
}

// A returnChecker finds the errors of libraries that a file returns as they are.
type returnChecker struct {
	info *types.Info
	// sources are the functions from which the errors of variables come, in the order of the source.
	sources map[types.Object][]errorSource
}

// An errorSource is a place at which a variable gets an error. The function is nil for an error that is not the result
// of a call.
type errorSource struct {
	at       token.Pos
	function *types.Func
}

// uncodedReturns returns where a file returns an error of another module that has no code. It follows an error from a
// call through one variable to the return, also through fmt.Errorf and errors.Join, which keep the code that it has.
func uncodedReturns(set *token.FileSet, info *types.Info, file *ast.File) []string {
	c := &returnChecker{info, map[types.Object][]errorSource{}}
	var found []string
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			c.assign(n)
		case *ast.ReturnStmt:
			at := set.Position(n.Pos())
			for _, name := range c.uncoded(n) {
				found = append(found, fmt.Sprintf("%s:%d: an error of %s has no code: use fault.Errorf or fault.Wrap",
					at.Filename, at.Line, name))
			}
		}
		return true
	})
	return found
}

// assign notes where the errors on the left side come from.
func (c *returnChecker) assign(a *ast.AssignStmt) {
	var function *types.Func
	if call, ok := a.Rhs[0].(*ast.CallExpr); ok && len(a.Rhs) == 1 {
		function = c.callee(call)
	}
	for _, left := range a.Lhs {
		name, ok := left.(*ast.Ident)
		if !ok {
			continue
		}
		if object := c.info.ObjectOf(name); object != nil && isError(object.Type()) {
			c.sources[object] = append(c.sources[object], errorSource{a.Pos(), function})
		}
	}
}

// uncoded returns the functions of other modules whose errors a statement returns without giving them a code.
func (c *returnChecker) uncoded(statement *ast.ReturnStmt) (names []string) {
	ast.Inspect(statement, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit, *ast.BinaryExpr: // the latter is of another type
			return false
		case *ast.CallExpr:
			function := c.callee(n)
			if name := sourceName(function); name == "fmt.Errorf" || name == "errors.Join" {
				return true
			} else if needsCode(function) {
				names = append(names, name)
			}
			return false
		case *ast.Ident:
			if function := c.lastSource(c.info.Uses[n], statement.Pos()); needsCode(function) {
				names = append(names, sourceName(function))
			}
		}
		return true
	})
	return names
}

// lastSource returns the function from which a variable has its error at a place.
func (c *returnChecker) lastSource(variable types.Object, at token.Pos) *types.Func {
	var last *types.Func
	for _, source := range c.sources[variable] {
		if source.at < at {
			last = source.function
		}
	}
	return last
}

// callee returns the function or method that is called; nil for a value.
func (c *returnChecker) callee(call *ast.CallExpr) *types.Func {
	var name *ast.Ident
	switch function := call.Fun.(type) {
	case *ast.Ident:
		name = function
	case *ast.SelectorExpr:
		name = function.Sel
	}
	function, _ := c.info.Uses[name].(*types.Func)
	return function
}

// needsCode reports whether a function is of another module and returns errors that have no code of themselves.
func needsCode(function *types.Func) bool {
	if function == nil || function.Pkg() == nil || strings.HasPrefix(function.Pkg().Path()+"/", "lockstep/") {
		return false
	}
	results := function.Signature().Results()
	if results.Len() == 0 || !isError(results.At(results.Len()-1).Type()) {
		return false
	}
	name, longest := sourceName(function), ""
	for key := range codedSources {
		rest, ok := strings.CutPrefix(name, key)
		if ok && (strings.HasSuffix(key, "/") || rest == "" || rest[0] == '.') && len(key) > len(longest) {
			longest = key
		}
	}
	return codedSources[longest] == ""
}

// sourceName returns the name of a function as path.Function, and of a method as path.Type.Method; empty for none.
func sourceName(function *types.Func) string {
	if function == nil {
		return ""
	}
	return strings.NewReplacer("(", "", ")", "", "*", "").Replace(function.FullName())
}

func isError(t types.Type) bool {
	return t != nil && types.Identical(t, types.Universe.Lookup("error").Type())
}

func TestFault_ReturnedErrorOfLibraryIsReported(t *testing.T) {
	const remedy = " has no code: use fault.Errorf or fault.Wrap"
	const uncoded = "x.go:7: an error of strconv.Atoi" + remedy
	imports := loadImports(t, "errors", "fmt", "os", "strconv")
	for name, test := range map[string]struct{ body, want string }{
		"a parser":            {`n, err := strconv.Atoi("x"); return n, err`, uncoded},
		"a parser alone":      {`return strconv.Atoi("x")`, uncoded},
		"a parser in an if":   {`if _, err := strconv.Atoi("x"); err != nil { return 0, err }; return 0, nil`, uncoded},
		"a parser in context": {`_, err := strconv.Atoi("x"); return 0, fmt.Errorf("size: %w", err)`, uncoded},
		"a parser, joined":    {`_, err := strconv.Atoi("x"); return 0, errors.Join(nil, err)`, uncoded},
		"a coded parser":      {`_, err := strconv.Atoi("x"); return 0, Wrap(err)`, ""},
		"a file":              {`_, err := os.Stat("x"); return 0, err`, ""},
		"a text of os": {
			`_, err := os.UserCacheDir(); return 0, err`, "x.go:7: an error of os.UserCacheDir" + remedy,
		},
		"the next error":  {`_, err := strconv.Atoi("x"); _, err = os.Stat("x"); return 0, err`, ""},
		"an own function": {`return f()`, ""},
		"no error":        {`n, _ := strconv.Atoi("x"); return n, nil`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			set := token.NewFileSet()
			file, err := parser.ParseFile(set, "x.go", "package x\n\nimport (\"errors\"; \"fmt\"; \"os\"; \"strconv\")\n\n"+
				"var _, _, _, _ = errors.New, fmt.Errorf, os.Stat, strconv.Atoi; func Wrap(err error) error { return err }\n"+
				"func f() (int, error) {\n"+test.body+" }\n", 0)
			require.NoError(t, err)
			info := &types.Info{
				Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{},
				Uses: map[*ast.Ident]types.Object{},
			}
			_, err = (&types.Config{Importer: imports}).Check("lockstep/x", set, []*ast.File{file}, info)
			require.NoError(t, err)
			assert.Equal(t, test.want, strings.Join(uncodedReturns(set, info, file), "; "))
		})
	}
}

// An importMap imports the packages that it has.
type importMap map[string]*types.Package

func (m importMap) Import(path string) (*types.Package, error) { return m[path], nil }

func loadImports(t *testing.T, paths ...string) importMap {
	t.Helper()
	loaded, err := packages.Load(&packages.Config{Mode: packages.NeedName | packages.NeedTypes}, paths...)
	require.NoError(t, err)
	m := importMap{}
	for _, p := range loaded {
		m[p.PkgPath] = p.Types
	}
	return m
}
