package config

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"lockstep/internal/fault"
)

// App is the CDK app: a command that writes cloud assemblies, in any language.
type App struct {
	// Language is what the app is written in. It decides which programs and caches its steps have.
	Language string `json:"language,omitempty" schema:"language"`
	// Folder is the folder that the app's commands run in, relative to the repository; the repository by default.
	Folder string `json:"folder,omitempty" schema:"repositoryPath"`
	// Command is the command that runs the app; that of `app` in cdk.json by default. A shell runs it.
	Command string `json:"command,omitempty" schema:"shellCommand"`
	// Synthesis is each for an app that runs once for each account, with CDK_DEFAULT_ACCOUNT, CDK_DEFAULT_REGION and the
	// context of the environment. It is once for an app that writes the assemblies of all environments in one run, each
	// to the folder of its name below CDK_OUTDIR.
	Synthesis string `json:"synthesis,omitempty" schema:"synthesis" jsonschema:"default=each"`
	// Install is the command that installs the app's dependencies, where they are not installed.
	Install string `json:"install,omitempty" schema:"shellCommand"`
	// Build is a command that has to run before the app, such as a compilation.
	Build *Build `json:"build,omitempty"`
	// Inputs are the patterns of the files that the app reads, in which a leading ! excludes files. By default they are
	// all files of the repository but dependencies, caches and outputs.
	Inputs []string `json:"inputs,omitempty" schema:"filePattern" jsonschema:"minItems=1"`
	// Context is context of the CDK. It replaces equal keys of cdk.json and cdk.context.json.
	Context map[string]any `json:"context,omitempty"`
}

// The values of App.Synthesis.
const (
	SynthesisEach = "each"
	SynthesisOnce = "once"
)

// Build is a command that makes files which the app consists of.
type Build struct {
	// Command is the command. A shell runs it in the folder of the app.
	Command string `json:"command" schema:"shellCommand"`
	// Inputs are the patterns of the files that the command reads; by default those that the app reads.
	Inputs []string `json:"inputs,omitempty" schema:"filePattern" jsonschema:"minItems=1"`
	// Outputs are the files and folders that it writes, relative to the repository.
	Outputs []string `json:"outputs" schema:"repositoryPath" jsonschema:"minItems=1"`
}

// RunsOnce reports whether one run of the app writes the assemblies of all environments.
func (a App) RunsOnce() bool { return a.Synthesis == SynthesisOnce }

// checkApp requires paths that lie in the repository, and no secrets in the context.
func checkApp(l *loader) {
	d, a := l.documents[pipelineFile], l.pipeline.App
	if d == nil {
		return
	}
	if a.Folder != "" {
		checkRepositoryPath(l, d, a.Folder, "app", "folder")
	}
	checkPatterns(l, d, a.Inputs, "app", "inputs")
	if a.Build != nil {
		checkPatterns(l, d, a.Build.Inputs, "app", "build", "inputs")
		for i, output := range a.Build.Outputs {
			checkOutputPath(l, d, output, "app", "build", "outputs", strconv.Itoa(i))
		}
	}
	checkContext(l, d, a.Context, "app", "context")
	if l.pipeline.Source != nil && !a.RunsOnce() && d.isIntact("app") {
		l.addProblem(d, []string{"source"}, "there is a pipeline, but the app does not make its stacks",
			"leave source out and deploy from the command line, or write an app with synthesis: once that makes "+
				"the assembly "+ToolingEnvironment)
	}
}

// checkEnvironmentContext requires that the context of an environment holds no secrets.
func checkEnvironmentContext(l *loader, env Environment, d *document) {
	checkContext(l, d, env.Context, "context")
}

// checkContext refuses values of the context that look like secrets: they become part of assemblies.
func checkContext(l *loader, d *document, context map[string]any, at ...string) {
	for _, key := range slices.Sorted(maps.Keys(context)) {
		if text, isText := context[key].(string); isText && secretPattern.MatchString(text) {
			l.addCodedProblem(fault.ConfigSecret, d, append(slices.Clone(at), key),
				"the value of "+key+" looks like a secret, and context becomes part of assemblies",
				"keep it in Secrets Manager, and pass its name")
		}
	}
}

// checkRepositoryPath requires a path that leads into the repository, with slashes, and reports whether it is one.
func checkRepositoryPath(l *loader, d *document, name string, at ...string) bool {
	if fs.ValidPath(name) {
		return true
	}
	l.addCodedProblem(fault.ConfigValue, d, at, fmt.Sprintf("%q is no path in the repository", name),
		"write one relative to the repository's root, such as "+strings.TrimPrefix(path.Clean("/"+name), "/"))
	return false
}

// stateFolder is the folder of the project's own state, in which a command may have outputs.
const stateFolder = ".lockstep"

// ownFolders hold what no command of a configuration may write: each run would change what the next one believes.
var ownFolders = []string{
	"config", ".git", stateFolder + "/assembly", stateFolder + "/cache", stateFolder + "/home", stateFolder + "/packages",
	stateFolder + "/plan", stateFolder + "/records", stateFolder + "/rehearsal", stateFolder + "/reports",
	stateFolder + "/results.json", stateFolder + "/runs",
}

// checkOutputPath requires the path of an output, which is removed before its command runs.
func checkOutputPath(l *loader, d *document, name string, at ...string) {
	if !checkRepositoryPath(l, d, name, at...) {
		return
	}
	isOwn := func(folder string) bool { return strings.HasPrefix(strings.ToLower(name)+"/", folder+"/") }
	if name == "." || strings.EqualFold(name, stateFolder) || slices.ContainsFunc(ownFolders, isOwn) {
		l.addCodedProblem(fault.ConfigValue, d, at, fmt.Sprintf("%s is replaced when the command runs", name),
			"write the outputs to a folder of their own, such as "+outputExample)
	}
}

// checkPatterns requires patterns of files in the repository.
func checkPatterns(l *loader, d *document, patterns []string, at ...string) {
	for i, pattern := range patterns {
		at := append(slices.Clone(at), strconv.Itoa(i))
		bare := strings.TrimPrefix(pattern, "!")
		switch {
		case !doublestar.ValidatePattern(bare):
			l.addCodedProblem(fault.ConfigValue, d, at, fmt.Sprintf("%q is no pattern of files", pattern),
				"close each [ and {, as in src/**/*.{js,ts}")
		case path.IsAbs(bare) || slices.Contains(strings.Split(bare, "/"), ".."):
			l.addCodedProblem(fault.ConfigValue, d, at, fmt.Sprintf("%q leads out of the repository", pattern),
				"write a pattern relative to the repository's root, such as src/**")
		}
	}
}

// outputExample is a folder for outputs that nothing else reads.
const outputExample = ".lockstep/out"
