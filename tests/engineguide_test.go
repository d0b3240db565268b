package tests

import (
	"fmt"
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

// The commands of the page on the code's size are run in a copy of the repository, because one of them writes the page.
func TestDocument_CodePageCommandsRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "copy")
	require.NoError(t, harness.CopyProject(dir))
	r := newReader(t)
	out, status := r.shell("cd '" + dir + "'")
	require.Zero(t, status, out)
	r.follow(markedBlocks(t, "docs/code.md"))
}
