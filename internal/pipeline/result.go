package pipeline

import "time"

// A Status is how a step ended.
type Status string

// How a step ends. Only Ran, Cached and Nothing count as passed.
const (
	Ran         Status = "ran"
	Cached      Status = "cached"
	Skipped     Status = "skipped" // a step that it needs did not pass
	NotRun      Status = "not run" // it could not be run here: a tool is missing, for example
	Failed      Status = "failed"
	Interrupted Status = "interrupted"
	NothingToDo Status = "nothing to do" // there is no file that it is about
)

// A Result is how a step ended, and why where that is not obvious.
type Result struct {
	Step    string    `json:"step"`
	Stage   Stage     `json:"stage"`
	Status  Status    `json:"status"`
	Reason  string    `json:"reason,omitempty"`
	Started time.Time `json:"started,omitzero"`
	// Millis is how long the step took, in milliseconds.
	Millis int64 `json:"ms"`
	// ExitCode is the status that the step's command ended with; 0 if it passed or did not start.
	ExitCode int `json:"exitCode,omitempty"`
	// Log is the path of the file that holds what the step printed; empty if it did not start.
	Log string `json:"log,omitempty"`
	// Tolerated says that the run goes on although the step could not be run: it is a gate that may be absent here. It has not passed all the same.
	Tolerated bool `json:"tolerated,omitempty"`
}

// Passed says whether steps that need this one may go on.
func (r Result) Passed() bool {
	return r.Status == Ran || r.Status == Cached || r.Status == NothingToDo
}

// Blocks says whether the run may not come to a good end with it.
func (r Result) Blocks() bool { return !r.Passed() && !r.Tolerated }

// A RunResults is what steps came to that ran each in a container of its own: what this very program is told to sum them up as it does on a person's machine.
type RunResults struct {
	// Command is the name of what was asked for.
	Command string `json:"command"`
	// Stage is the one whose records belong into the summary, and Environments those that they are of; empty for none.
	Stage        Stage    `json:"stage,omitempty"`
	Environments []string `json:"environments,omitempty"`
	// Live says that it was the real accounts that were reached.
	Live   bool   `json:"live,omitempty"`
	Digest string `json:"digest"`
	// Millis is how long it took altogether, in milliseconds.
	Millis  int64    `json:"ms"`
	Results []Result `json:"results"`
}

// An Event is something that happened in a run, as it is shown on the terminal and written with --json, one a line.
type Event struct {
	Time time.Time `json:"time"`
	Step string    `json:"step,omitempty"`
	Kind EventKind `json:"event"`
	// Millis is the time since the step started, or since the run did for events of no step.
	Millis int64  `json:"ms"`
	Detail string `json:"detail,omitempty"`
	// Result is set when Kind is Finished.
	Result *Result `json:"result,omitempty"`
}

// An EventKind says what happened.
type EventKind string

// The kinds of events.
const (
	Started  EventKind = "started"
	Output   EventKind = "output" // a line that the step printed
	Notice   EventKind = "notice" // something that a person should know and that is no step's result
	Finished EventKind = "finished"
)
