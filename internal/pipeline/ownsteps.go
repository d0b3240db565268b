package pipeline

import (
	"slices"

	"lockstep/config"
)

// BinaryStep builds this program from exactly its own sources. It links no library of an image, so it runs in all of
// them.
var BinaryStep = Step{
	Name: Self, Stage: Source, Summary: "build " + Self, Image: ImageGo, Tools: []string{ToolGo}, Effect: Compute,
	Command: []string{"go", "build", "-trimpath", "-buildvcs=false", "-o", binaryPath, "."},
	Inputs: []string{
		"go.mod", "go.sum", "*.go", "config/**", "internal/**", "tools/**",
		"!**/*_test.go", "!**/testdata/**", "!config/environments/**", "!config/*.yaml",
	},
	Env: map[string]string{"CGO_ENABLED": "0"}, Outputs: []string{binaryPath}, Caches: []string{
		CacheGoModules,
		CacheGoBuild,
	},
}

const binaryPath = StateDir + "/bin/" + Self

// CallsSelf reports whether the step runs this program.
func (s Step) CallsSelf() bool { return len(s.Command) > 0 && s.Command[0] == Self }

// The files that the callers of steps in containers pass to them and ask for.
const (
	callerInputFolder = "/handed"
	// PlanInputFile is a plan to apply or to approve.
	PlanInputFile = callerInputFolder + "/" + PlanFile
	// PlanOutputDir is the folder of a plan that is saved.
	PlanOutputDir  = StateDir + "/plan"
	planOutputFile = PlanOutputDir + "/" + PlanFile
	// ResultsFile has the results of the steps, as RunResults, and MergedReportsDir the reports of all of them.
	ResultsFile      = StateDir + "/results.json"
	MergedReportsDir = StateDir + "/merged-reports"
)

// SavePlanArgs are the arguments that make a step of the stage plan save its plan.
var SavePlanArgs = []string{"--out", planOutputFile}

// OperationStep returns a step that runs a command of this program on an account and that is not in the table, because
// no other step waits for it.
func OperationStep(arguments ...string) Step {
	return Step{
		Name: arguments[0], Stage: Deploy, Summary: arguments[0], Image: ImageGo, Command: append([]string{Self},
			arguments...),
		Inputs: []string{"config/**/*.yaml"}, Secrets: CredentialVariables, Effect: AWS,
	}
}

// ApprovalStep is an OperationStep that may ask the service of a job who has approved, with the token of the job.
func ApprovalStep(arguments ...string) Step {
	s := OperationStep(append([]string{"approve"}, arguments...)...)
	s.Secrets = slices.Concat(s.Secrets, []string{JobTokenVariable(config.GitHub), JobTokenVariable(config.GitLab)})
	return s
}

// MetricsStep is an OperationStep that reads the times of commits too.
func MetricsStep(arguments ...string) Step {
	s := OperationStep(append([]string{"metrics"}, arguments...)...)
	s.Inputs = append(s.Inputs, History)
	return s
}

// MergeReportsStep merges the reports of gates that each ran in a container of its own.
var MergeReportsStep = Step{
	Name: "merge-reports", Stage: Source, Summary: "merge the gates' reports", Image: ImageGo, Effect: Compute,
	Command: []string{Self, "merge-reports", "--results", ResultsFile, "--into", MergedReportsDir},
	Inputs:  []string{"config/**/*.yaml", ResultsFile, ReportsDir + "/**"}, Outputs: []string{MergedReportsDir},
}

// SummaryStep prints the summary of a run as on a person's machine.
var SummaryStep = Step{
	Name: "summarize", Stage: Source, Summary: "sum up what was done", Image: ImageGo, Effect: Compute,
	Command: []string{Self, "summarize", "--results", ResultsFile},
	Inputs:  []string{"config/**/*.yaml", ResultsFile, RecordsDir + "/**"},
}

// InitStep returns the step that writes the configuration of a repository that has none. It may build and run the CDK
// app to learn its stacks, so a repository with one of JavaProjectFiles gets the programs and caches of Java too.
func InitStep(isJava bool, arguments ...string) Step {
	s := Step{
		Name: "init", Stage: Source, Summary: "write the configuration", Image: ImageGo, Effect: Compute,
		Command: append([]string{Self, "init", "--yes"}, arguments...),
		Tools:   []string{ToolGo, ToolNode, ToolNpm, ToolPython},
		Caches:  []string{CacheGoModules, CacheGoBuild, CacheNpm, CachePip, CacheCDK}, Env: jsiiQuietEnv,
	}
	if isJava {
		s.Tools = append(s.Tools, runtimes["java"].tools...)
		s.Caches = append(s.Caches, runtimes["java"].caches...)
	}
	return s
}

// InitOutputs are the patterns of the files that InitStep writes.
var InitOutputs = []string{"config/**", ".gitignore", ".dockerignore"}

// ExplainStep returns the step that says what a code means, or where a stack goes; empty for all codes.
func ExplainStep(topic string) Step {
	s := Step{
		Name: "explain", Stage: Source, Summary: "say what a code means", Image: ImageGo, Effect: Compute,
		Command: []string{Self, "explain"}, Inputs: []string{"config/**/*.yaml"},
	}
	if topic != "" {
		s.Command = append(s.Command, "--", topic)
	}
	return s
}
