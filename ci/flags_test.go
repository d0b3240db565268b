package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// globalFlags are the options of Dagger's command line that hold for every call, by version. Source: the functions
// installGlobalFlags and moduleAddFlags of github.com/dagger/dagger at the tags, and the flags of `call`.
var globalFlags = map[string][]string{
	"v0.21.8": {
		"allow-llm", "auto-apply", "cloud", "debug", "dot-focus-field", "dot-output", "dot-show-internal", "eager-runtime",
		"help", "interactive", "interactive-command", "json", "lock", "mod", "no-exit", "no-mod", "output", "progress",
		"quiet", "scale-out", "silent", "verbose", "web", "workdir", "x-release",
	},
	"v1.0.0-beta.10": {
		"allow-llm", "auto-apply", "cloud", "debug", "dot-focus-field", "dot-output", "dot-show-internal", "eager-runtime",
		"env", "help", "interactive", "interactive-command", "json", "load-module", "mod", "no-exit", "no-load-module",
		"no-mod", "org", "output", "profile", "progress", "quiet", "scale-out", "silent", "verbose", "web", "workdir",
		"workspace", "x-release",
	},
}

// An argument with the name of a global option cannot be written on that version. The short functions take --env, which
// the line 1.0 took for itself: there the same is spelled with environment.
func TestArguments_DoNotClashWithOptionsOfDagger(t *testing.T) {
	for function, flags := range functionFlags() {
		for version, global := range globalFlags {
			for _, flag := range flags {
				isShort := flag == "--env" && version != "v0.21.8" && !strings.Contains(function, " ")
				isGlobal := slices.Contains(global, strings.TrimPrefix(flag, "--"))
				check(t, isShort || !isGlobal, "%s %s on %s", function, flag, version)
			}
		}
	}
}

// Whatever takes --env can be called without it, so that nothing is lost on 1.0.
func TestEnvironment_HasWhatTakesEnv(t *testing.T) {
	functions := functionFlags()
	twins := map[string]string{
		"plan-file": "environment plan", "rollback-file": "environment rollback-plan", "publish-metrics": "", "graph": "",
		"board": "",
	}
	for function, flags := range functions {
		if !slices.Contains(flags, "--env") || strings.Contains(function, " ") {
			continue
		}
		twin, isNamed := twins[function]
		if !isNamed {
			twin = "environment " + function
		}
		_, exists := functions[twin]
		check(t, exists || twin == "", "%s has no counterpart without --env: %s", function, twin)
	}
}

// Where --env clashes with an option of 1.0, its command line refuses the call and names the function's help. So the
// help says how the function is called there.
func TestEnvironment_HelpNamesSpellingOf10(t *testing.T) {
	files, _ := filepath.Glob("*.go")
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		positions := token.NewFileSet()
		file, err := parser.ParseFile(positions, name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range file.Decls {
			f, isFunction := declared.(*ast.FuncDecl)
			if !isFunction || !f.Name.IsExported() {
				continue
			}
			for _, field := range f.Type.Params.List {
				if field.Names[0].Name != "env" {
					continue
				}
				spelling := "dagger -c '" + functionName(f) + " NAME"
				comment := commentAbove(positions, file, field)
				if strings.Contains(comment, "+optional") {
					spelling = "dagger --env NAME call " + functionName(f)
				}
				contains(t, strings.Join(strings.Fields(comment), " "), "on Dagger 1.0: "+spelling)
			}
		}
	}
}

// commentAbove returns the text of the comment that ends on the line above a node.
func commentAbove(positions *token.FileSet, file *ast.File, node ast.Node) string {
	for _, group := range file.Comments {
		if positions.Position(group.End()).Line == positions.Position(node.Pos()).Line-1 {
			return group.Text()
		}
	}
	return ""
}

// The environment that every call shares, as dagger.toml sets it on 1.0, is that of each function which can be called
// without one. The functions that need --env are not among them: an argument that is needed has no name in Dagger's
// shell, where deploy acc is the same on both lines.
func TestEnvironment_OfAllCallsIsDefault(t *testing.T) {
	for name, call := range map[string]func(m *Lockstep) error{
		"status":      func(m *Lockstep) error { _, err := m.Status(t.Context(), "", nil, 0); return err },
		"board":       func(m *Lockstep) error { _, err := m.Board(t.Context(), "", nil); return err },
		"graph":       func(m *Lockstep) error { _, err := m.Graph(t.Context(), "", GraphFormatText); return err },
		"environment": func(m *Lockstep) error { _, err := m.Environment(t.Context(), "", nil, nil, "", ""); return err },
	} {
		_, m := newRecorder(t, "")
		m.DefaultEnvironment = "act"
		contains(t, errorText(call(m)), `"act"`)
		m.DefaultEnvironment = "acc"
		check(t, call(m) == nil, "%s: %v", name, call(m))
	}
	_, m := newRecorder(t, "")
	_, err := m.Environment(t.Context(), "", nil, nil, "", "")
	contains(t, errorText(err), "environment selects one: write --name with one of")
}

// hiddenQueries are those that engines of 1.0 answer, but leave out of the bindings that they generate for modules.
// Source: FieldsToIgnoreForModuleIntrospection, TypesToIgnoreForModuleIntrospection and TypesHiddenFromModuleSDKs of
// github.com/dagger/dagger at v1.0.0-beta.10.
var hiddenQueries = []string{"CurrentWorkspace", "Engine", "EngineVolume", "Host", "SshfsVolume"}

// The module is compiled with the bindings of each line. Those that the tests are compiled with have every query, so a
// call of one that 1.0 leaves out would only be seen on its engines.
func TestModule_CallsNoHiddenQuery(t *testing.T) {
	files, _ := filepath.Glob("*.go")
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, ".gen.go") {
			continue
		}
		positions := token.NewFileSet()
		file, err := parser.ParseFile(positions, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			called, isSelector := n.(*ast.SelectorExpr)
			if !isSelector {
				return true
			}
			of, _ := called.X.(*ast.Ident)
			isHidden := of != nil && of.Name == "dag" && slices.Contains(hiddenQueries, called.Sel.Name)
			check(t, !isHidden, "%s: 1.0 has no dag.%s", positions.Position(n.Pos()), called.Sel.Name)
			return true
		})
	}
}

// annotated returns the comments of the functions with an annotation, by name.
func annotated(t *testing.T, annotation string) map[string]string {
	t.Helper()
	out := map[string]string{}
	files, _ := filepath.Glob("*.go")
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range file.Decls {
			f, isFunction := declared.(*ast.FuncDecl)
			if isFunction && f.Doc != nil && slices.Contains(strings.Split(f.Doc.Text(), "\n"), annotation) {
				out[functionName(f)] = f.Doc.Text()
			}
		}
	}
	return out
}
