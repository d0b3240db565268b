// Package selftest owns the self-test: it deploys a small stack of its own, changes it, lets it fail on purpose, rolls
// it back and removes it, and says which rows of the catalogue of behaviours were seen. It knows nothing of releases:
// what it does is not recorded, and it touches no other stack.
package selftest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"lockstep/internal/awsclient"
)

// A Verdict is what the self-test found out about a row of the catalogue.
type Verdict string

// The verdicts.
const (
	Confirmed    Verdict = "confirmed"
	Contradicted Verdict = "contradicted"
	// NotSeen is for what did not happen this time, or cannot be brought about.
	NotSeen Verdict = "not seen"
)

// A Row is a row of the catalogue and what was found out about it.
type Row struct {
	// Name is the name in the catalogue.
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	// Observed says what was seen, or why nothing could be.
	Observed string `json:"observed"`
}

// A Report is the result of a self-test.
type Report struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	Stack   string `json:"stack"`
	Rows    []Row  `json:"rows"`
	Millis  int64  `json:"ms"`
	// Removed says that the stack is gone, or was never there.
	Removed bool `json:"removed"`
}

// Count returns the number of rows with a verdict.
func (r Report) Count(v Verdict) int {
	n := 0
	for _, row := range r.Rows {
		if row.Verdict == v {
			n++
		}
	}
	return n
}

// A Subject is where a self-test runs.
type Subject struct {
	// Deployer is CloudFormation as the deploy role, and Reader as the lookup role, which compares resources.
	Deployer, Reader *awsclient.CloudFormation
	Account, Region  string
	// Stack is the name of the self-test's own stack, and ExecutionRole the role that CloudFormation works with.
	Stack, ExecutionRole string
	// Progress is called with each line of progress.
	Progress func(string)
	// Pause waits for a time; the error is the context's if that ends first.
	Pause func(context.Context, time.Duration) error
	// Now returns the time.
	Now func() time.Time
}

// unseen returns the rows that no stack of a few parameters can show, with the reason.
func unseen() []Row {
	return []Row{
		{"events on several pages", NotSeen, "a page has a hundred events, and the stack has fewer"},
		{"hooks", NotSeen, "the account would need a hook that refuses"},
		{"partial drift", NotSeen, "it would need a resource that cannot be read"},
		{"nested drift", NotSeen, "a nested stack would need a template in a bucket"},
		{"throttling", NotSeen, "it is not brought about on purpose"},
		{"server errors", NotSeen, "they are not brought about on purpose"},
		{"events of several operations", NotSeen, "it would take two operations within the time of a late event"},
		{"rights of the bootstrap", NotSeen, "`doctor --live` asks IAM for them, and changes nothing"},
		{"lost answers", NotSeen, "they are not brought about on purpose"},
		{"resets during an upload", NotSeen, "the self-test uploads nothing"},
		{"expired credentials", NotSeen, "it would take an hour"},
		{"silence", NotSeen, "it is not brought about on purpose"},
		{"credentials of a job", NotSeen, "it would need a job of CodeBuild"},
		{"uploads without a checksum", NotSeen, "the self-test uploads nothing"},
		{"parts of layers", NotSeen, "the self-test pushes no image"},
		{"missing layers", NotSeen, "the self-test pushes no image"},
		{"forgotten uploads", NotSeen, "the self-test pushes no image"},
		{"layers that go", NotSeen, "the self-test pushes no image"},
		{"immutable tags", NotSeen, "the self-test pushes no image"},
		{"archived images", NotSeen, "the self-test pushes no image"},
		{"encryption headers", NotSeen, "the organisation would need a policy that refuses uploads without them"},
		{"garbage collection of the CDK", NotSeen, "it would delete assets of others"},
	}
}

// Run runs the self-test. It begins by removing what an earlier one has left, and removes its stack whatever happens.
// The error says why not everything was tried. A row that was not reached is not seen.
func Run(ctx context.Context, s Subject) (Report, error) {
	t := &test{Subject: s, rows: map[string]Row{}, prefix: "/" + s.Stack + "/" + strings.ToLower(rand.Text()[:8])}
	started := s.Now()
	err := t.removeRemains(ctx)
	if err == nil {
		for _, experiment := range experiments() {
			s.Progress(experiment.title)
			if err = t.try(ctx, experiment); err != nil {
				break
			}
		}
		err = errors.Join(err, t.cleanUp(ctx, err))
	}
	report := Report{
		Account: s.Account, Region: s.Region, Stack: s.Stack, Removed: t.isRemoved,
		Millis: s.Now().Sub(started).Milliseconds(),
	}
	for _, name := range RowNames() {
		row, ok := t.rows[name]
		if !ok {
			row = Row{name, NotSeen, "the self-test did not come to it"}
		}
		report.Rows = append(report.Rows, row)
	}
	report.Rows = append(report.Rows, unseen()...)
	return report, err
}

// RowNames returns the names of the rows that the self-test tries, in the order in which it comes to them.
func RowNames() []string {
	var names []string
	for _, e := range experiments() {
		names = append(names, e.rows...)
	}
	return names
}

// UnseenNames returns the names of the rows that it cannot try.
func UnseenNames() []string {
	var names []string
	for _, row := range unseen() {
		names = append(names, row.Name)
	}
	return names
}

// An experiment is a part of the self-test, with the rows that it is about.
type experiment struct {
	title string
	rows  []string
	run   func(*test, context.Context) error
	// isEssential says that those after it cannot run without it.
	isEssential bool
}

// experiments returns the parts of the self-test in their order: each goes on from the stack that the one before has
// left.
func experiments() []experiment {
	return []experiment{
		{
			"create the stack",
			[]string{"late start", "stale descriptions", "late events", "question marks"},
			(*test).create, true,
		},
		{
			"ask for a change set without a change",
			[]string{"no changes", "another template without a change"},
			(*test).askForNothing, false,
		},
		{"delete a change set", []string{"deleted later"}, (*test).deleteChangeSet, false},
		{
			"ask for a property that does not exist",
			[]string{"early validation"},
			(*test).askForNonsense, false,
		},
		{
			"change the stack",
			[]string{"incomplete changes", "kept when left out", "parameters"},
			(*test).change, false,
		},
		{
			"compare it with what is there",
			[]string{"drift detection already running"},
			(*test).detectDrift, false,
		},
		{
			"let an update fail, and roll it back",
			[]string{"cancelled resources", "failed update"},
			(*test).failUpdate, false,
		},
		{"let a creation fail", []string{"failed creation"}, (*test).failCreation, false},
	}
}

// A test is a self-test that runs.
type test struct {
	Subject
	rows      map[string]Row
	stackID   string
	isRemoved bool
	// prefix begins the names of the self-test's parameters. AWS takes a name again only after half a minute, so each
	// template that creates its parameters has its own.
	prefix string
}

// try runs an experiment. Where an answer is missing, its rows are not seen and the self-test goes on; without a stack,
// or after an interrupt, it cannot.
func (t *test) try(ctx context.Context, e experiment) error {
	err := e.run(t, ctx)
	if err == nil {
		return nil
	}
	if ctx.Err() != nil || t.isRemoved || e.isEssential {
		return fmt.Errorf("%s: %w", e.title, err)
	}
	for _, row := range e.rows {
		t.see(row, NotSeen, "it could not be tried: %v", err)
	}
	return nil
}

// see records what was found out about a row. What was seen once counts, whatever comes later.
func (t *test) see(name string, v Verdict, format string, args ...any) {
	if known, ok := t.rows[name]; ok && (known.Verdict != NotSeen || v == NotSeen) {
		return
	}
	t.rows[name] = Row{name, v, fmt.Sprintf(format, args...)}
}

// poll calls ready until it is true, with growing pauses.
func (t *test) poll(ctx context.Context, ready func() (bool, error)) error {
	interval := minInterval
	for range maxPolls {
		done, err := ready()
		if done || err != nil {
			return err
		}
		if err := t.Pause(ctx, interval); err != nil {
			return err
		}
		interval = min(interval*3/2, maxInterval)
	}
	return errTooLong
}

// The pauses between two questions, and how many questions there are: for ten minutes and more.
const (
	minInterval = 100 * time.Millisecond
	maxInterval = 3 * time.Second
	maxPolls    = 250
)

// confirmedIf returns Confirmed for true, and otherwise another verdict.
func confirmedIf(isConfirmed bool, otherwise Verdict) Verdict {
	if isConfirmed {
		return Confirmed
	}
	return otherwise
}
