package pipeline

import (
	"slices"

	"lockstep/config"
)

// A runtime is what the commands of an app in a language need.
type runtime struct {
	// tools are the programs that its build and its dependencies need.
	tools  []string
	caches []string
	// outputs are the patterns of what its programs leave in the repository and is no source.
	outputs []string
}

// runtimes has the runtime of each language of an app.
var runtimes = map[string]runtime{
	"go": {tools: []string{ToolGo}, caches: goCaches},
	"java": {
		tools: []string{ToolJava, ToolMaven}, caches: []string{CacheGradle, CacheMaven}, outputs: []string{"target"},
	},
	"javascript": {tools: []string{ToolNode, ToolNpm}, caches: []string{CacheNpm}},
	"python":     {tools: []string{ToolPython}, caches: []string{CachePip}},
	"typescript": {tools: []string{ToolNode, ToolNpm}, caches: []string{CacheNpm}},
}

// outputFolders have dependencies, caches and outputs of programs, and no sources.
var outputFolders = []string{
	"cdk.out", ".venv", "venv", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".gradle",
}

// appInputs returns the patterns of the files that the app reads: any file may be one, but for those of outputFolders.
// What is installed in a virtual environment counts by its own list of files.
func appInputs(a config.App) []string {
	if len(a.Inputs) > 0 {
		return slices.Clone(a.Inputs)
	}
	inputs := []string{"**"}
	for _, folder := range slices.Concat(outputFolders, runtimes[a.Language].outputs) {
		inputs = append(inputs, "!"+folder+"/**", "!**/"+folder+"/**")
	}
	return append(inputs, "!**/*.tsbuildinfo", "!**/*.egg-info/**")
}

// shellCommand returns a command that a shell runs in a folder of the repository.
func shellCommand(folder, command string) []string {
	if folder != "" && folder != "." {
		return []string{"sh", "-c", `cd "$0" && ` + command, folder}
	}
	return []string{"sh", "-c", command}
}

// appSteps returns the steps that make the cloud assemblies: the build, if the app has one, and the synthesis.
func appSteps(c *config.Config) []Step {
	a := c.Pipeline.App
	if a.Build == nil {
		return []Step{synthStep(c, "config")}
	}
	inputs := a.Build.Inputs
	if len(inputs) == 0 {
		inputs = appInputs(a)
	}
	build := Step{
		Name: buildStepName, Stage: Synth, Summary: "build the CDK app", Needs: []string{"config"},
		Image: ImageGo, Command: shellCommand(a.Folder, a.Build.Command), Tools: runtimes[a.Language].tools,
		Inputs: inputs, Outputs: a.Build.Outputs, Caches: runtimes[a.Language].caches,
	}
	return []Step{build, synthStep(c, buildStepName)}
}

// buildStepName is the name of the step that builds the app.
const buildStepName = "build"

// synthStep returns the step that makes all cloud assemblies: what prod gets is made together with what dev gets. This
// program runs the app, so that the app sees the same on every machine.
func synthStep(c *config.Config, need string) Step {
	a := c.Pipeline.App
	argv := []string{Self, "run-app", "--out", AssembliesDir}
	for _, flag := range [][2]string{{"--folder", a.Folder}, {"--language", a.Language}, {"--install", a.Install}} {
		if flag[1] != "" {
			argv = append(argv, flag[0], flag[1])
		}
	}
	if a.RunsOnce() {
		argv = append(argv, "--once")
	}
	if a.Command != "" {
		argv = append(argv, "--", a.Command)
	}
	s := Step{
		Name: string(Synth), Stage: Synth, Summary: "synthesise the stacks of every account", Needs: []string{need},
		Image: ImageGo, Command: reportingCommand(string(Synth), CDKNag, argv...), Tools: []string{ToolNode},
		Inputs: append(appInputs(a), "config/**/*.yaml"), Caches: []string{CacheCDK}, Env: jsiiQuietEnv,
		Outputs: []string{ReportFile(string(Synth), CDKNag)},
	}
	switch {
	case a.Build != nil:
		for _, output := range a.Build.Outputs {
			s.Inputs = append(s.Inputs, output, output+"/**")
		}
		if a.Language != "go" { // what Go has built needs no Go
			s.Tools = append(s.Tools, runtimes[a.Language].tools...)
		}
	default:
		s.Tools = append(s.Tools, runtimes[a.Language].tools...)
		s.Caches = append(s.Caches, runtimes[a.Language].caches...)
	}
	slices.Sort(s.Tools)
	s.Tools = slices.Compact(s.Tools)
	for _, env := range appTargets(c) {
		s.Outputs = append(s.Outputs, AssemblyDir(env.Name))
	}
	return s
}

// appTargets returns what the app makes assemblies for.
func appTargets(c *config.Config) []config.Environment {
	if c.Pipeline.App.RunsOnce() {
		return c.Targets()
	}
	return c.Environments
}

// ownSteps returns the steps of the repository's own.
func ownSteps(c *config.Config) []Step {
	a := c.Pipeline.App
	var steps []Step
	for _, own := range c.Pipeline.Steps {
		s := Step{
			Name: own.Name, Stage: Stage(own.Stage), Summary: own.Summary, Image: own.Image,
			Command: shellCommand("", own.Command), Inputs: own.Inputs, Outputs: own.Outputs, Needs: own.Needs,
			Caches: own.Caches,
		}
		if s.Summary == "" {
			s.Summary = own.Command
		}
		if len(s.Inputs) == 0 {
			s.Inputs = append(appInputs(a), "config/**")
		}
		if s.Image == ImageGo {
			s.Tools = runtimes[a.Language].tools
		}
		steps = append(steps, s)
	}
	return steps
}
