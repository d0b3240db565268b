// Package pipeline owns what the pipeline is: the table of steps, the graph they form and its digest.
// It is data only. It knows nothing of processes, containers, terminals or AWS calls; those who do read it.
package pipeline

import (
	"slices"
	"time"
)

// A Step is one unit of work, described so that a process on this machine, a container and a CodeBuild job
// can all run it and come to the same result.
type Step struct {
	// Name is unique in a graph. A step made for an environment is called KIND:ENVIRONMENT.
	Name    string `json:"name"`
	Stage   Stage  `json:"stage"`
	Summary string `json:"summary"`
	// Needs are the names of the steps whose outputs or success this one cannot do without. Selecting a step selects its needs.
	Needs []string `json:"needs,omitempty"`
	// After are the names of steps that must pass first when they are selected too, as dev goes before acc. They select nothing.
	After []string `json:"after,omitempty"`
	// Image is the key of the container image in Images.
	Image string `json:"image"`
	// Command is the program and its arguments; the program Self is this very binary.
	Command []string `json:"command"`
	// ExtraArgs is what the command line of this run adds to the command, a plan to apply for example. It is no part of the table, and so not of the digest.
	ExtraArgs []string `json:"-"`
	// Tools are the keys in Tools of the programs that the step calls, besides its command's own.
	Tools []string `json:"tools,omitempty"`
	// Inputs are the files that the step reads: slash-separated globs relative to the repository's root, where ** crosses folders
	// and a leading ! takes files out again. History is the commits.
	Inputs []string `json:"inputs,omitempty"`
	// Outputs are the files and folders that the step makes, relative to the repository's root.
	Outputs []string `json:"outputs,omitempty"`
	// Caches are the keys in Caches of the folders that make the step faster and never change its result.
	Caches []string `json:"caches,omitempty"`
	// Env is the environment that the step is given, by name and value.
	Env map[string]string `json:"env,omitempty"`
	// Secrets are the names of the variables that are handed to the step when it runs live, and are never shown or stored.
	Secrets []string `json:"secrets,omitempty"`
	// TriggerPaths is the patterns of the files that the step is about. Where no file of the repository matches there is nothing to do, and nothing is
	// installed for it either.
	TriggerPaths []string `json:"subject,omitempty"`
	// CacheTTL is for how long a result may be taken from the cache, for steps that learn of something besides their inputs; 0 is for ever.
	CacheTTL time.Duration `json:"holds,omitempty"`
	// Effect is Compute unless told.
	Effect Effect `json:"effect"`
	// Environment is the name of the environment that the step belongs to; empty for those that serve all.
	Environment string `json:"environment,omitempty"`
}

// Self is the program in a step's command that stands for this very binary.
const Self = "lockstep"

// ExitNotRun is the status by which this program's command `gate` says that it could not do its work here; the last line that it printed says why.
// Source of the number: sysexits, EX_UNAVAILABLE.
const ExitNotRun = 69

// IsGate says whether the step is one of the gates that this very program runs: its last line says why it did not pass.
func (s Step) IsGate() bool {
	return len(s.Command) > 1 && s.Command[0] == Self && s.Command[1] == "gate"
}

// Argv is the command that an interpreter of the step starts. A step that reaches AWS works on the real accounts exactly
// when credentials are handed to it, and is told so; all others, and all rehearsals, run the command as it stands.
func (s Step) Argv(live bool) []string {
	argv := slices.Concat(s.Command, s.ExtraArgs)
	if live && s.Effect == AWS {
		argv = append(argv, "--live")
	}
	return argv
}

// DependsOn says whether the step's outcome depends on the file, or might if it were there.
func (s Step) DependsOn(file string) bool {
	if len(s.TriggerPaths) > 0 && Matches(s.TriggerPaths, file) {
		return true
	}
	return Matches(s.Inputs, file)
}

// CPUs is how many processors the step keeps busy. Steps that reach AWS mostly wait for it.
func (s Step) CPUs() int {
	if s.Effect == AWS {
		return 0
	}
	return 1
}

// An Effect says what a step may touch.
type Effect string

const (
	// Compute steps only read their inputs and write their outputs, so that a result may be taken from the cache.
	Compute Effect = "compute"
	// AWS steps call AWS. They are never cached and they alone may see credentials.
	AWS Effect = "aws"
	// EditFiles steps change the repository's own files. They are never cached, and see no credentials.
	EditFiles Effect = "files"
)

// A Stage is a part of the pipeline that people know by name.
type Stage string
