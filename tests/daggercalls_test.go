package tests

import (
	"errors"
	"fmt"
	"go/ast"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A daggerModule is what the Dagger module in ci offers, under the names that the command line of Dagger gives it.
type daggerModule struct {
	// arguments are those of each function. The constructor, whose name is empty, has those of all calls.
	arguments map[string][]string
	// returns is the name of what each function returns, without its package.
	returns map[string]string
	// objects are the functions and fields of each of its objects.
	objects map[string]map[string]daggerMember
}

// readModule reads the module from its sources.
func readModule(t *testing.T, files fs.FS) daggerModule {
	t.Helper()
	module := daggerModule{map[string][]string{}, map[string]string{}, readObjects(t, files)}
	sources, err := fs.Glob(files, "ci/*.go")
	require.NoError(t, err)
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".gen.go") {
			continue
		}
		for _, declared := range parseGo(t, files, name).Decls {
			if f, ok := declared.(*ast.FuncDecl); ok {
				module.add(f)
			}
		}
	}
	require.Contains(t, module.arguments, "deploy")
	return module
}

// add adds a function if Dagger offers it: an exported method of the module's type, or its constructor.
func (m daggerModule) add(f *ast.FuncDecl) {
	name := kebabCase(f.Name.Name)
	switch {
	case f.Recv == nil && f.Name.Name == "New":
		name = ""
	case f.Recv == nil || !f.Name.IsExported():
		return
	default:
		star, ok := f.Recv.List[0].Type.(*ast.StarExpr)
		if !ok || fmt.Sprint(star.X) != "Lockstep" {
			return
		}
	}
	m.arguments[name] = nil
	for _, parameter := range f.Type.Params.List {
		for _, p := range parameter.Names {
			if p.Name != "ctx" {
				m.arguments[name] = append(m.arguments[name], kebabCase(p.Name))
			}
		}
	}
	if f.Type.Results != nil {
		result := f.Type.Results.List[0].Type
		if star, ok := result.(*ast.StarExpr); ok {
			result = star.X
		}
		if selector, ok := result.(*ast.SelectorExpr); ok {
			result = selector.Sel
		}
		m.returns[name] = fmt.Sprint(result)
	}
}

var wordStart = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// kebabCase returns the name that the command line of Dagger gives to a function or an argument.
func kebabCase(name string) string { return strings.ToLower(wordStart.ReplaceAllString(name, "$1-$2")) }

// daggerCommands are the commands of Dagger's command line that pages name, besides call.
var daggerCommands = []string{"install", "functions", "check", "core", "version", "login", "query", "generate"}

// callFlags are the flags of `dagger call` itself.
var callFlags = []string{"help", "mod", "progress", "silent", "output", "json", "debug", "quiet", "verbose"}

// folderFunctions are functions of Dagger's own that return or write what is in a folder or file.
var folderFunctions = []string{"export", "entries", "file", "directory", "contents"}

// check checks the arguments of `dagger`.
func (m daggerModule) check(args []string, inline bool) error {
	if len(args) > 2 && slices.Contains([]string{"-m", "--mod", "--env"}, args[0]) { // the last one is of 1.0
		args = args[2:]
	}
	if len(args) > 1 && args[0] == "-c" {
		function := strings.Fields(args[1])[0]
		if _, ok := m.arguments[function]; !ok {
			return fmt.Errorf("the module has no function %s", function)
		}
		return nil
	}
	if args[0] != "call" {
		if !slices.Contains(daggerCommands, args[0]) {
			return fmt.Errorf("dagger has no command %s", args[0])
		}
		return nil
	}
	function, named := "", false
	for i := 1; i < len(args); i++ {
		flag, isFlag := strings.CutPrefix(args[i], "--")
		flag, _, hasValue := strings.Cut(flag, "=")
		switch {
		case isFlag && slices.Contains(callFlags, flag):
		case isFlag && slices.Contains(m.arguments[function], flag):
			if !hasValue && flag != "ci" {
				i++
			}
		case isFlag:
			return fmt.Errorf("%s has no argument --%s", strings.TrimSpace("dagger call "+function), flag)
		case placeholder.MatchString(args[i]) && inline:
			return nil
		case named:
			return m.checkChained(function, args[i:])
		default:
			if _, ok := m.arguments[args[i]]; !ok {
				return fmt.Errorf("the module has no function %s", args[i])
			}
			function, named = args[i], true
		}
	}
	if !named && !inline {
		return errors.New("dagger call names no function")
	}
	return nil
}

// checkChained checks a function that is called on what another one returned.
func (m daggerModule) checkChained(function string, args []string) error {
	returned := m.returns[function]
	if m.objects[returned] != nil {
		return followChain(m.objects, returned, args)
	}
	if returned == "Service" && args[0] == "up" {
		return nil
	}
	if !slices.Contains([]string{"Directory", "File"}, returned) {
		return fmt.Errorf("%s returns no folder and no file, so %s cannot follow", function, args[0])
	}
	if !slices.Contains(folderFunctions, args[0]) {
		return fmt.Errorf("%s is no function of a folder or file", args[0])
	}
	return nil
}

// hasArgument reports whether a function has an argument of that name.
func (m daggerModule) hasArgument(name string) bool {
	for _, arguments := range m.arguments {
		if slices.Contains(arguments, name) {
			return true
		}
	}
	return false
}
