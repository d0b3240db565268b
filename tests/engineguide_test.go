package tests

import (
	"fmt"
	"go/ast"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/tests/harness"
)

// The guide to a remote engine needs a cluster or an instance, which no test has. What its commands name has to be in
// the manifest beside it, and its script has to be one that a shell understands.
func TestDocument_EngineCommandsMatchManifest(t *testing.T) {
	files := os.DirFS(repository)
	objects := manifestObjects(t, files, "docs/remote-engine.yaml")
	module := readModule(t, files)
	for _, b := range markedBlocks(t, "docs/remote-engine.md") {
		commands, err := splitCommands(b.text)
		require.NoError(t, err, b)
		for _, args := range commands {
			if args[0] == "kubectl" {
				assert.NoError(t, kubectlProblem(files, objects, args[1:]), "%s: %v", b, args)
			}
			assert.NoError(t, commandTable{files, module}.problem(commandLine{args: args}), b)
		}
	}
	for command, want := range map[string]string{
		"apply -f docs/remote-engine.yaml":                "",
		"-n dagger get service engine":                    "",
		"-n dagger rollout status statefulset/engine":     "",
		"apply -f docs/engine.yaml":                       "there is no file docs/engine.yaml",
		"-n engines get service engine":                   "the manifest has no namespace engines",
		"-n dagger get service dagger":                    "the manifest has no service dagger",
		"-n dagger rollout status deployment/engine":      "the manifest has no deployment engine",
		"-n dagger port-forward statefulset/engines 8080": "the manifest has no statefulset engines",
	} {
		err := kubectlProblem(files, objects, strings.Fields(command))
		if want == "" {
			assert.NoError(t, err, command)
		} else {
			assert.ErrorContains(t, err, want, command)
		}
	}
}

// manifestObjects returns the objects of a manifest as KIND/NAME, in lower case.
func manifestObjects(t *testing.T, files fs.FS, name string) []string {
	t.Helper()
	text, err := fs.ReadFile(files, name)
	require.NoError(t, err)
	var objects []string
	for document := range strings.SplitSeq(string(text), "\n---\n") {
		var object struct {
			Kind     string
			Metadata struct{ Name string }
		}
		require.NoError(t, yaml.Unmarshal([]byte(document), &object))
		objects = append(objects, strings.ToLower(object.Kind)+"/"+object.Metadata.Name)
	}
	return objects
}

// kubectlProblem returns what the arguments of kubectl name and the manifest does not have.
func kubectlProblem(files fs.FS, objects, args []string) error {
	for i, arg := range args {
		kind, name, isObject := strings.Cut(arg, "/")
		last := i == len(args)-1
		switch {
		case arg == "-f" && !last:
			if !exists(files, args[i+1]) {
				return fmt.Errorf("there is no file %s", args[i+1])
			}
			continue
		case arg == "-n" && !last:
			kind, name, isObject = "namespace", args[i+1], true
		case arg == "get" && i+2 < len(args):
			kind, name, isObject = args[i+1], args[i+2], true
		case i > 0 && args[i-1] == "-f":
			continue
		}
		if isObject && !slices.Contains(objects, kind+"/"+name) {
			return fmt.Errorf("the manifest has no %s %s", kind, name)
		}
	}
	return nil
}

// Each line of the file of defaults is an argument of the module: of one function, or of all. The file lies outside of
// the repository, where Dagger wants the module's name before it.
func TestDocument_DaggerDefaultsExist(t *testing.T) {
	module := readModule(t, os.DirFS(repository))
	for _, b := range markedBlocks(t, "docs/dagger.md") {
		assert.Empty(t, unknownDefaults(module, b.text), b)
	}
	assert.Equal(t, []string{"lockstep_deploy_environment", "lockstep_deplyo_env", "deploy_env", "lockstep_env"},
		unknownDefaults(module, "lockstep_deploy_env=acc\nlockstep_deploy_environment=acc\nlockstep_deplyo_env=acc\n"+
			"deploy_env=acc\nlockstep_ci=true\nlockstep_env=acc\n"))
}

// unknownDefaults returns the names in a file of defaults that are no argument of the module.
func unknownDefaults(module daggerModule, text string) []string {
	var unknown []string
	for line := range strings.Lines(text) {
		name, _, _ := strings.Cut(strings.TrimSpace(line), "=")
		argumentOf, hasModule := strings.CutPrefix(name, "lockstep_")
		function, argument, found := strings.Cut(argumentOf, "_")
		if !found {
			function, argument = "", argumentOf
		}
		if !hasModule || !slices.Contains(module.arguments[function], kebabCase(argument)) {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

// The calls that chain objects name functions and fields that the objects have.
func TestDocument_DaggerObjectsExist(t *testing.T) {
	objects := readObjects(t, os.DirFS(repository))
	for _, b := range markedBlocks(t, "docs/dagger.md") {
		for line := range strings.Lines(b.text) {
			assert.NoError(t, followChain(objects, "Lockstep", strings.Fields(line)[2:]), line)
		}
	}
	for chain, want := range map[string]string{
		"environment --name acc plan abridged":     "Plan has no abridged",
		"environment --nam acc plan":               "environment has no --nam",
		"environment --name acc deploy number two": "number is no object",
	} {
		assert.ErrorContains(t, followChain(objects, "Lockstep", strings.Fields(chain)), want)
	}
}

// A daggerMember is a function or a field of an object of the Dagger module.
type daggerMember struct {
	arguments []string
	// returns is the name of the type that it has, without its package.
	returns string
}

// readObjects reads the functions and fields of each object of the Dagger module, in Dagger's spelling.
func readObjects(t *testing.T, files fs.FS) map[string]map[string]daggerMember {
	t.Helper()
	objects := map[string]map[string]daggerMember{}
	add := func(object, name string, m daggerMember) {
		if objects[object] == nil {
			objects[object] = map[string]daggerMember{}
		}
		objects[object][kebabCase(name)] = m
	}
	sources, err := fs.Glob(files, "ci/*.go")
	require.NoError(t, err)
	for _, source := range sources {
		ast.Inspect(parseGo(t, files, source), func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv != nil && n.Name.IsExported() && n.Type.Results != nil {
					m := daggerMember{returns: typeName(n.Type.Results.List[0].Type)}
					for _, parameter := range n.Type.Params.List {
						for _, name := range parameter.Names {
							m.arguments = append(m.arguments, kebabCase(name.Name))
						}
					}
					add(typeName(n.Recv.List[0].Type), n.Name.Name, m)
				}
			case *ast.TypeSpec:
				structure, isStruct := n.Type.(*ast.StructType)
				if !isStruct {
					return true
				}
				for _, field := range structure.Fields.List {
					for _, name := range field.Names {
						add(n.Name.Name, name.Name, daggerMember{returns: typeName(field.Type)})
					}
				}
			}
			return true
		})
	}
	return objects
}

// typeName returns the name of a type, or of what it points to or lists.
func typeName(expression ast.Expr) string {
	switch e := expression.(type) {
	case *ast.StarExpr:
		return typeName(e.X)
	case *ast.ArrayType:
		return typeName(e.Elt)
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return fmt.Sprint(expression)
}

// followChain returns an error unless each word of a chain is a member of the object before it. The first word is one
// of the object that is named.
func followChain(objects map[string]map[string]daggerMember, object string, words []string) error {
	last := daggerMember{}
	for i, word := range words {
		if flag, isFlag := strings.CutPrefix(word, "--"); isFlag {
			if !slices.Contains(last.arguments, flag) {
				return fmt.Errorf("%s has no %s", words[i-1], word)
			}
			continue
		}
		if i > 0 && strings.HasPrefix(words[i-1], "--") {
			continue // the value of a flag
		}
		if objects[object] == nil {
			return fmt.Errorf("%s is no object", words[i-1])
		}
		member, exists := objects[object][word]
		if !exists {
			return fmt.Errorf("%s has no %s", object, word)
		}
		object, last = member.returns, member
	}
	return nil
}

// The commands of the page on the code's size are run in a copy of the repository, because one of them writes the page.
func TestDocument_CodePageCommandsRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, harness.CopyProject(dir))
	r := newReader(t)
	out, status := r.shell("cd '" + dir + "'")
	require.Zero(t, status, out)
	r.follow(markedBlocks(t, "docs/code.md"))
}
