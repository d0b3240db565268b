// Package maintain owns the maintenance schedule: which tasks there are, how often they are due, what the program does
// of each, and what a person has to do. It knows neither accounts nor the network: the caller brings the checks.
package maintain

import (
	"context"
	"fmt"
	"time"

	"lockstep/internal/fault"
)

// A Period is how often tasks are due. It is the name of a command.
type Period string

// The periods, from the shortest to the longest.
const (
	Weekly     Period = "weekly"
	Monthly    Period = "monthly"
	Quarterly  Period = "quarterly"
	HalfYearly Period = "half-yearly"
	Yearly     Period = "yearly"
)

// Periods returns all periods in order.
func Periods() []Period { return []Period{Weekly, Monthly, Quarterly, HalfYearly, Yearly} }

// A CheckID names what the program does of a task.
type CheckID string

// The checks.
const (
	Vulnerabilities CheckID = "vulnerabilities"
	Secrets         CheckID = "secrets"
	BaseImages      CheckID = "base images"
	Waivers         CheckID = "waivers"
	Drift           CheckID = "drift"
	Modules         CheckID = "modules"
	Actions         CheckID = "actions"
	OldReleases     CheckID = "old releases"
	ThisMachine     CheckID = "this machine"
	Cost            CheckID = "cost"
	Unused          CheckID = "unused roles and parameters"
	// Architecture is for a person alone.
	Architecture CheckID = "architecture"
	Recovery     CheckID = "recovery"
)

// A Task is a row of the schedule.
type Task struct {
	Period Period
	Check  CheckID
	// What says what is looked at.
	What string
	// Command is what does the same by itself, or does what is found to do.
	Command string
	// Person is what only a person can do.
	Person string
}

// Schedule returns the tasks in the order in which they are done.
func Schedule() []Task {
	return []Task{
		{
			Weekly, Vulnerabilities, "known vulnerabilities in Go modules, npm and Python lock files", "lockstep security",
			"Update what is vulnerable, or agree on a waiver with its owner.",
		},
		{
			Weekly, Secrets, "secrets in the files and in the history", "lockstep security",
			"Revoke a secret that is found before you remove it.",
		},
		{
			Weekly, BaseImages, "base images whose tags have another digest now", "lockstep images resolve --write",
			"Run `lockstep check` with the new digests, and commit them.",
		},
		{
			Weekly, Waivers, "waivers that have expired or end within 30 days", "lockstep quality",
			"Fix what a waiver lets through, or agree with its owner on a new date.",
		},
		{
			Weekly, Drift, "what was changed by hand in each environment", "lockstep drift --env all --live",
			"Bring a change that stays into the stacks, and revert one that does not.",
		},
		{
			Monthly, Modules, "Go modules, and tools that are such, with newer versions", "go list -m -u all",
			"Update them, and the npm and Python tools of `lockstep tools list`; run `lockstep check`.",
		},
		{
			Monthly, Actions, "actions of GitHub with newer versions, or whose version is another commit now",
			"lockstep workflows github --write",
			"Take a version of Lockstep that pins the newer ones, and write the workflows again.",
		},
		{
			Monthly, BaseImages, "base images whose tags have another digest now", "lockstep images resolve --write",
			"Run `lockstep check` with the new digests, and commit them.",
		},
		{
			Monthly, OldReleases, "what old releases have stored and nobody uses", "lockstep garbage --env ENV --live --remove",
			"Decide whether it can be removed.",
		},
		{
			Monthly, ThisMachine, "what this machine lacks", "lockstep doctor",
			"Install what is missing.",
		},
		{
			Quarterly, Cost, "the month's cost so far against the budget of each environment", "",
			"Read the messages of budgets and anomalies; compare the capacity in use with `config/environments`.",
		},
		{
			HalfYearly, Unused, "roles that nobody has used for half a year, and parameters that no stack has", "",
			"Remove them from the stacks, or by hand if no stack has them.",
		},
		{
			HalfYearly, Waivers, "waivers that have expired or end within 30 days", "lockstep quality",
			"Ask of every waiver whether it is still needed.",
		},
		{
			HalfYearly, Architecture, "decisions, who may approve, and who is notified", "",
			"Read the recorded decisions: does each still hold? Check who may approve, and who the owners are.",
		},
		{
			Yearly, Recovery, "an environment is deleted and rebuilt in emulated accounts",
			"lockstep rehearsal recovery --env ENV",
			"Restore the database from a snapshot into a separate account: Lockstep's docs/recovery.md has the procedure.",
		},
	}
}

// Tasks returns the tasks of a period.
func Tasks(period Period) []Task {
	var out []Task
	for _, t := range Schedule() {
		if t.Period == period {
			out = append(out, t)
		}
	}
	return out
}

// A Status is how a task ended.
type Status string

// The statuses of tasks. A task that could not be done is NotRun, and never Clear.
const (
	Clear    Status = "nothing to do"
	Found    Status = "to do"
	NotRun   Status = "not run"
	ByPerson Status = "for a person" // the program does nothing of it
)

// A Result is the result of a task.
type Result struct {
	Check  CheckID `json:"check"`
	What   string  `json:"what"`
	Status Status  `json:"status"`
	// Found are what there is to do.
	Found []string `json:"found,omitempty"`
	// Reason says why the task, or a part of it, was not run; empty if all of it was.
	Reason string `json:"reason,omitempty"`
	// Command does what is found to do, and Person is what only a person can do.
	Command string `json:"command,omitempty"`
	Person  string `json:"person"`
	// Done is filled in by whoever has done that, in the record.
	Done string `json:"done"`
}

// A Check does what the program can do of a task. It returns what there is to do. An error says that it could not be
// done, or not all of it: what it returns with an error was found all the same.
type Check func(ctx context.Context) (found []string, err error)

// A Report is the results of the tasks of a period on a day.
type Report struct {
	Period  Period    `json:"period"`
	At      time.Time `json:"at"`
	Results []Result  `json:"results"`
}

// An IncompleteError says that tasks found something to do, or could not be done.
type IncompleteError struct{ Found, NotRun int }

func (e *IncompleteError) Error() string {
	return fmt.Sprintf("maintenance: %d with something to do, %d not run", e.Found, e.NotRun)
}

// Code says whether there is something to do, or tasks could only not be done.
func (e *IncompleteError) Code() fault.Code {
	if e.Found > 0 {
		return fault.MaintenanceDue
	}
	return fault.MaintenanceNotRun
}

// Run does the tasks of a period, one after the other. A check that is missing is not run. It stops only if the context
// ends, with the context's error.
func Run(ctx context.Context, period Period, at time.Time, checks map[CheckID]Check) (Report, error) {
	report := Report{Period: period, At: at.UTC().Truncate(time.Second)}
	for _, task := range Tasks(period) {
		if err := ctx.Err(); err != nil {
			return report, err
		}
		report.Results = append(report.Results, task.run(ctx, checks[task.Check]))
	}
	return report, report.err()
}

// run does a task.
func (t Task) run(ctx context.Context, check Check) Result {
	r := Result{Check: t.Check, What: t.What, Status: Clear, Command: t.Command, Person: t.Person}
	if t.Check == Architecture {
		r.Status = ByPerson
		return r
	}
	if check == nil {
		check = func(context.Context) ([]string, error) {
			return nil, fault.New(fault.MaintenanceNotRun, "there is no check for it")
		}
	}
	found, err := check(ctx)
	r.Found = found
	switch {
	case err != nil:
		r.Status, r.Reason = NotRun, err.Error()
	case len(found) > 0:
		r.Status = Found
	}
	return r
}

// err returns an *IncompleteError if any task is not clear.
func (r Report) err() error {
	var e IncompleteError
	for _, result := range r.Results {
		switch result.Status {
		case NotRun:
			e.NotRun++
		case Found:
			e.Found++
		}
	}
	if e == (IncompleteError{}) {
		return nil
	}
	return &e
}
