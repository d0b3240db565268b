// Package recording owns the JSON in which the module's tests hand over what the module would run. The tests of the
// module write it and those of this repository read it; it knows nothing of either.
package recording

// An Execution is what must be the same wherever a step runs.
type Execution struct {
	Argv    []string          `json:"argv"`
	Env     map[string]string `json:"env"`
	Secrets []string          `json:"secrets"`
	Files   []string          `json:"files"`
	Image   string            `json:"image"`
	// Tools are the commands that install each tool of the step.
	Tools map[string][][]string `json:"tools"`
	// Folder is where the command runs, relative to the project.
	Folder string `json:"folder"`
	// Expires is whether a result is taken from the cache for some time only.
	Expires bool `json:"expires"`
	// Before are the steps that have ended before it starts.
	Before []string `json:"before"`
}

// A Recording is what the module's functions, and the buildspecs that call them, ask Dagger to run.
type Recording struct {
	// Module is every step as the module's functions run it.
	Module map[string]Execution `json:"module"`
	// Pipelines is every step of each pipeline as the buildspecs of its jobs run it.
	Pipelines map[string]map[string]Execution `json:"lines"`
}
