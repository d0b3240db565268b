package pipeline

import (
	"time"

	"lockstep/internal/fault"
)

// A Status is how a step ended.
type Status string

// The ways in which a step ends. Only Ran, Cached and NothingToDo count as passed.
const (
	Ran         Status = "ran"
	Cached      Status = "cached"
	Skipped     Status = "skipped" // a step that it needs did not pass
	NotRun      Status = "not run" // it could not run here: a tool is missing, for example
	Failed      Status = "failed"
	Interrupted Status = "interrupted"
	NothingToDo Status = "nothing to do" // the repository has nothing that it looks at
)

// A Result is how a step ended, and why.
type Result struct {
	Step   string `json:"step"`
	Stage  Stage  `json:"stage"`
	Status Status `json:"status"`
	// Code is the code of what kept the step from passing; empty if it passed, was skipped or was interrupted.
	Code    fault.Code `json:"code,omitempty"`
	Reason  string     `json:"reason,omitempty"`
	Started time.Time  `json:"started,omitzero"`
	// Millis is how long the step took, in milliseconds.
	Millis int64 `json:"ms"`
	// ExitCode is the exit code of the step's command; 0 if it passed or did not start.
	ExitCode int `json:"exitCode,omitempty"`
	// Log is the path of the step's output; empty if it did not start.
	Log string `json:"log,omitempty"`
	// Tolerated reports whether the run goes on although the step could not run, because it is a gate that may be absent.
	// The step has not passed.
	Tolerated bool `json:"tolerated,omitempty"`
}

// Passed reports whether steps that need this one may start.
func (r Result) Passed() bool {
	return r.Status == Ran || r.Status == Cached || r.Status == NothingToDo
}

// Blocks reports whether the run fails because of the step.
func (r Result) Blocks() bool { return !r.Passed() && !r.Tolerated }

// Message returns why the step did not pass, with its code; the reason alone if it passed or was not started.
func (r Result) Message() string {
	if r.Status == Failed || r.Status == NotRun {
		return r.Code.Prefix(r.Reason)
	}
	return r.Reason
}

// FailureCode returns the code of a step whose command did not end well. The output is what the command printed: this
// program, as the command of a step, prints a code of its own.
func (s Step) FailureCode(output string) fault.Code {
	if len(s.Command) > 0 && s.Command[0] == Self {
		if code := fault.Printed(output); code != "" {
			return code
		}
	}
	switch {
	case s.IsGate() && s.Stage == Quality:
		return fault.QualityFailed
	case s.IsGate() && s.Stage == Test:
		return fault.TestsFailed
	case s.IsGate() && s.Stage == Security:
		return fault.SecurityFailed
	case s.Stage == Synth && s.Name != buildStepName:
		return fault.SynthFailed
	}
	return fault.StepFailed
}

// A RunResults has the results of steps that each ran in a container of its own. This program prints their summary.
type RunResults struct {
	// Command is the command that was run.
	Command string `json:"command"`
	// Stage is the stage whose records are part of the summary, and Environments are those of the records; empty for
	// none.
	Stage        Stage    `json:"stage,omitempty"`
	Environments []string `json:"environments,omitempty"`
	// Live reports whether the real accounts were used.
	Live   bool   `json:"live,omitempty"`
	Digest string `json:"digest"`
	// Millis is how long the run took, in milliseconds.
	Millis  int64    `json:"ms"`
	Results []Result `json:"results"`
}

// An Event is something that happened in a run. It is shown on the terminal, or written as a line of JSON.
type Event struct {
	Time time.Time `json:"time"`
	Step string    `json:"step,omitempty"`
	Kind EventKind `json:"event"`
	// Millis is the time since the step started, or since the run started for events without a step.
	Millis int64  `json:"ms"`
	Detail string `json:"detail,omitempty"`
	// Result is set if Kind is Finished.
	Result *Result `json:"result,omitempty"`
}

// An EventKind is what happened.
type EventKind string

// The kinds of events.
const (
	Started  EventKind = "started"
	Output   EventKind = "output" // a line that the step printed
	Notice   EventKind = "notice" // a message that is not the result of a step
	Finished EventKind = "finished"
)
