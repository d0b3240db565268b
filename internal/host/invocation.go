package host

import "lockstep/internal/pipeline"

// An Invocation is what is started for a step: its command, and an environment that holds no more of the caller's
// than the step may see.
type Invocation struct {
	Argv, Env []string
}

// NewInvocation returns the step's invocation for a caller with this environment.
func NewInvocation(step pipeline.Step, environ []string, live bool) Invocation {
	return Invocation{Argv: step.Argv(live), Env: stepEnviron(step, environ, live)}
}
