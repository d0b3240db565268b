package pipeline

// BinaryStep makes this very binary, from exactly the files that it is made of. It has no library of an image's in it, so it runs in all of them.
var BinaryStep = Step{
	Name: Self, Stage: Source, Summary: "build " + Self, Image: ImageGo, Tools: []string{ToolGo}, Effect: Compute,
	Command: []string{"go", "build", "-trimpath", "-buildvcs=false", "-o", binaryPath, "."},
	Inputs: []string{
		"go.mod", "go.sum", "*.go", "config/**", "internal/**", "tools/**",
		"!**/*_test.go", "!**/testdata/**", "!config/environments/**", "!config/*.yaml",
	},
	Env: map[string]string{"CGO_ENABLED": "0"}, Outputs: []string{binaryPath}, Caches: []string{CacheGoModules, CacheGoBuild},
}

const binaryPath = StateDir + "/bin/" + Self

// CallsSelf says whether the step runs this very binary.
func (s Step) CallsSelf() bool { return len(s.Command) > 0 && s.Command[0] == Self }

// Where steps in containers are given what their caller handed over, and leave what only a caller asks for.
const (
	callerInputFolder = "/handed"
	// PlanInputFile is a plan to apply or to approve.
	PlanInputFile = callerInputFolder + "/" + PlanFile
	// PlanOutputDir is where a plan is left that was asked to be kept.
	PlanOutputDir  = StateDir + "/plan"
	planOutputFile = PlanOutputDir + "/" + PlanFile
	// ResultsFile tells what steps came to, as a Run, and GatheredDir is where their reports are made one.
	ResultsFile      = StateDir + "/results.json"
	MergedReportsDir = StateDir + "/gathered"
)

// SavePlanArgs are the arguments that let a step of the stage plan keep its plan.
var SavePlanArgs = []string{"--out", planOutputFile}

// OperationStep is a command of this very binary that reaches an account and is no step of the table, because nothing waits for it: who wants it asks for it.
func OperationStep(arguments ...string) Step {
	return Step{
		Name: arguments[0], Stage: Deploy, Summary: arguments[0], Image: ImageGo, Command: append([]string{Self}, arguments...),
		Inputs: []string{"config/**/*.yaml"}, Secrets: CredentialVariables, Effect: AWS,
	}
}

// MergeReportsStep makes one report of what gates left that ran each in a container of its own.
var MergeReportsStep = Step{
	Name: "gather", Stage: Source, Summary: "merge the gates' reports", Image: ImageGo, Effect: Compute,
	Command: []string{Self, "gather", "--results", ResultsFile, "--into", MergedReportsDir},
	Inputs:  []string{"config/**/*.yaml", ResultsFile, ReportsDir + "/**"}, Outputs: []string{MergedReportsDir},
}

// SummaryStep sums up a run in the words of a run on a person's machine.
var SummaryStep = Step{
	Name: "tell", Stage: Source, Summary: "sum up what was done", Image: ImageGo, Effect: Compute,
	Command: []string{Self, "tell", "--results", ResultsFile},
	Inputs:  []string{"config/**/*.yaml", ResultsFile, RecordsDir + "/**"},
}
