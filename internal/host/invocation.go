package host

import "lockstep/internal/pipeline"

// An Invocation is what is started for a step: its command, and an environment that holds no more of the caller's than the step may see.
type Invocation struct {
	Argv, Env []string
}

// NewInvocation is the step's invocation for a caller with this environment.
func NewInvocation(step pipeline.Step, environ []string, live bool) Invocation {
	return Invocation{Argv: step.Argv(live), Env: stepEnviron(step, environ, live)}
}

// InputFiles are the step's inputs among the repository's files, in their order.
func InputFiles(step pipeline.Step, files []string) []string {
	var out []string
	for _, name := range files {
		if pipeline.Matches(step.Inputs, name) {
			out = append(out, name)
		}
	}
	return out
}

// RepositoryFiles are all files of a repository that a step may read, slash-separated and relative to its root.
func RepositoryFiles(root string) ([]string, error) { return listFiles(root) }
