package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
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
		"no-mod", "output", "profile", "progress", "quiet", "scale-out", "silent", "verbose", "web", "workdir", "workspace",
		"x-release",
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
	elsewhere := map[string]string{
		"plan-file": "environment plan", "rollback-file": "environment rollback-plan", "publish-metrics": "", "graph": "",
		"board": "",
	}
	for function, flags := range functions {
		if !slices.Contains(flags, "--env") || strings.Contains(function, " ") {
			continue
		}
		twin, isNamed := elsewhere[function]
		if !isNamed {
			twin = "environment " + function
		}
		_, exists := functions[twin]
		check(t, exists || twin == "", "%s has no counterpart without --env: %s", function, twin)
	}
}

// What every call shares selects the environment of each function that takes --env, as dagger.toml does on 1.0. Without
// either, the function says that it needs one, or is about all.
func TestEnvironment_OfAllCallsHoldsForEachFunction(t *testing.T) {
	aboutAll := []string{"status", "board"}
	for function, flags := range functionFlags() {
		if !slices.Contains(flags, "--env") || strings.Contains(function, " ") {
			continue
		}
		for _, environment := range []string{"act", ""} {
			if function == "graph" && environment == "" {
				continue // it draws all, in the format that is Dagger's default here
			}
			_, m := newRecorder(t, "")
			m.DefaultEnvironment = environment
			err := callWithoutArguments(t, m, function)
			switch {
			case environment != "":
				contains(t, errorText(err), `"act"`)
			case slices.Contains(aboutAll, function):
				check(t, err == nil, "%s: %v", function, err)
			default:
				contains(t, errorText(err), "which environment? Write --env with one of")
			}
		}
	}
}

// callWithoutArguments calls a function of the module as Dagger does if the caller passes nothing.
func callWithoutArguments(t *testing.T, m *Lockstep, function string) error {
	t.Helper()
	name := ""
	for part := range strings.SplitSeq(function, "-") {
		name += strings.ToUpper(part[:1]) + part[1:]
	}
	method := reflect.ValueOf(m).MethodByName(name)
	arguments := []reflect.Value{reflect.ValueOf(t.Context())}
	for i := 1; i < method.Type().NumIn(); i++ {
		arguments = append(arguments, reflect.Zero(method.Type().In(i)))
	}
	results := method.Call(arguments)
	err, _ := results[len(results)-1].Interface().(error)
	return err
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
