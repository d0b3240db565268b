// Package pipeline owns the pipeline as data: the table of steps, the graph that they form and its digest, the
// containers that they run in, and the pipelines of CodePipeline. It does no I/O and knows nothing of processes,
// containers' engines, terminals or AWS calls.
package pipeline

import (
	"slices"
	"strings"
	"time"
)

// A Step is one unit of work. A process on this machine, a container and a CodeBuild job all run it with the same
// result.
type Step struct {
	// Name is unique in a graph. The name of a step that belongs to an environment is KIND:ENVIRONMENT.
	Name    string `json:"name"`
	Stage   Stage  `json:"stage"`
	Summary string `json:"summary"`
	// Needs are the names of the steps whose success or outputs this one depends on. Selecting a step selects its needs.
	Needs []string `json:"needs,omitempty"`
	// After are the names of steps that must have passed first if they are selected too: dev is deployed before acc. They
	// select nothing.
	After []string `json:"after,omitempty"`
	// Image is a key of Images.
	Image string `json:"image"`
	// Command is the program and its arguments. The program Self is this program.
	Command []string `json:"command"`
	// ExtraArgs are arguments that the command line of this run adds, such as a plan to apply. They are not part of the
	// table and so not of the digest.
	ExtraArgs []string `json:"-"`
	// Tools are the keys in Tools of the programs that the step calls, other than its command.
	Tools []string `json:"tools,omitempty"`
	// Inputs are the files that the step reads: slash-separated globs relative to the repository's root, where ** matches
	// any folders and a leading ! excludes files. History stands for the commits.
	Inputs []string `json:"inputs,omitempty"`
	// Outputs are the files and folders that the step writes, relative to the repository's root.
	Outputs []string `json:"outputs,omitempty"`
	// Caches are the keys in Caches of the folders that make the step faster and never change its result.
	Caches []string `json:"caches,omitempty"`
	// Env is the step's environment, by name and value.
	Env map[string]string `json:"env,omitempty"`
	// Secrets are the names of the variables that are passed to the step in a live run. Their values are never shown or
	// stored.
	Secrets []string `json:"secrets,omitempty"`
	// TriggerPaths are the patterns of the files that the step checks. If the repository has none, the step has nothing
	// to do and its tools are not installed.
	TriggerPaths []string `json:"subject,omitempty"`
	// TriggerText is what one of the files that TriggerPaths match has to contain: the name of a program in a file of
	// settings. Empty means that the files alone decide.
	TriggerText string `json:"subjectText,omitempty"`
	// Installs are folders below StateDir that the step fills with packages. They are outputs that are too large to be
	// copied: on this machine they stay where they are, and the step runs again when they are not as it left them.
	Installs []string `json:"installs,omitempty"`
	// Installed are the folders of other steps' packages that the step reads.
	Installed []string `json:"installed,omitempty"`
	// Offline is whether the step needs no network. Where the system can, it gets none but that of the machine itself.
	Offline bool `json:"offline,omitempty"`
	// Off is why the configuration turns the step off; empty for a step that runs.
	Off string `json:"off,omitempty"`
	// CacheTTL is how long a result may be taken from the cache, for steps that depend on more than their inputs. 0 means
	// without limit.
	CacheTTL time.Duration `json:"holds,omitempty"`
	// Effect is what the step may change; Compute by default.
	Effect Effect `json:"effect"`
	// Environment is the name of the environment that the step belongs to. It is empty for steps that serve all.
	Environment string `json:"environment,omitempty"`
}

// Self is the program in a step's command that stands for this program.
const Self = "lockstep"

// IsGate reports whether the step is a gate that this program runs. The last line that such a step prints says why it
// did not pass.
func (s Step) IsGate() bool {
	return len(s.Command) > 1 && s.Command[0] == Self && s.Command[1] == "gate"
}

// Argv returns the command that an interpreter runs. In a live run, a step that calls AWS gets the flag --live and
// works on the real accounts. All other steps, and all rehearsals, run the same command.
func (s Step) Argv(live bool) []string {
	argv := slices.Concat(s.Command, s.ExtraArgs)
	if live && s.Effect == AWS {
		argv = append(argv, "--live")
	}
	return argv
}

// DependsOn reports whether the step's result depends on the file, or would if the file existed.
func (s Step) DependsOn(file string) bool {
	if len(s.TriggerPaths) > 0 && Matches(s.TriggerPaths, file) {
		return true
	}
	return Matches(s.Inputs, file)
}

// OffReason says that the configuration turns the step off, and why.
func (s Step) OffReason() string { return "off in config/pipeline.yaml: " + s.Off }

// NothingReason says which files the repository lacks for the step: the first two patterns stand for all.
func (s Step) NothingReason() string {
	patterns := slices.DeleteFunc(slices.Clone(s.TriggerPaths), func(p string) bool { return strings.HasPrefix(p, "!") })
	examples := strings.Join(patterns[:min(2, len(patterns))], " or ")
	if s.TriggerText != "" {
		return "no file such as " + examples + " is for it"
	}
	return "the repository has no file such as " + examples
}

// CPUs returns how many processors the step keeps busy. Steps that call AWS mostly wait for it.
func (s Step) CPUs() int {
	if s.Effect == AWS {
		return 0
	}
	return 1
}

// An Effect is what a step may change.
type Effect string

const (
	// Compute steps read their inputs and write their outputs. Their results may be cached.
	Compute Effect = "compute"
	// AWS steps call AWS. They are never cached, and they alone may see credentials.
	AWS Effect = "aws"
	// EditFiles steps change the repository's own files. They are never cached and see no credentials.
	EditFiles Effect = "files"
)

// A Stage is a part of the pipeline that has a name on the command line.
type Stage string
