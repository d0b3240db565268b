package ledger

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"lockstep/internal/deploy/digest"
	"lockstep/internal/fault"
)

// An EntryState is the state of a run's work on one stack.
type EntryState string

// The states of an entry.
const (
	// Begun is written before CloudFormation is called. The stack's own status says whether the operation runs.
	Begun  EntryState = "begun"
	Done   EntryState = "done"
	Failed EntryState = "failed"
)

// A JournalEntry is a run's work on one stack.
type JournalEntry struct {
	State EntryState `json:"state"`
	// ChangeSet is the ARN of the change set that is executed; empty for an operation without one.
	ChangeSet string    `json:"changeSet,omitempty"`
	Since     time.Time `json:"since"`
}

// A Journal is what a run has done so far. A journal that has not ended belongs to an interrupted run, unless that run
// still holds the lock.
type Journal struct {
	RunID         string         `json:"run"`
	CallerARN     string         `json:"by"`
	Command       string         `json:"doing"`
	Commit        string         `json:"commit,omitempty"`
	Token         int64          `json:"token"`
	PlanDigest    digest.Plan    `json:"plan,omitempty"`
	LatestRelease ReleaseSummary `json:"release,omitzero"`
	// SynthDigest is the digest of the cloud assembly that the run deploys.
	SynthDigest digest.Synth `json:"assembly"`
	Started     time.Time    `json:"started"`
	Ended       time.Time    `json:"ended,omitzero"`
	Outcome     string       `json:"outcome,omitempty"`
	// Problem says why the run failed, and Code is the code of that; both empty if it did not.
	Problem string     `json:"problem,omitempty"`
	Code    fault.Code `json:"code,omitempty"`
	// Restores is the number of the release that the run restores; 0 for none.
	Restores int `json:"restores,omitempty"`
	// FailedRuns are the runs that failed since the newest release.
	FailedRuns []FailedRun `json:"failed,omitempty"`
	// AssetKeys are the keys of the published files that the run needs.
	AssetKeys []string                `json:"assets,omitempty"`
	Stacks    map[string]JournalEntry `json:"stacks,omitempty"`
}

// A ReleaseSummary is what a run needs to know about the newest release to see that there is nothing to deploy.
type ReleaseSummary struct {
	Number         int                           `json:"number"`
	SynthDigest    digest.Synth                  `json:"assembly"`
	SiblingDigests map[string]digest.Environment `json:"beside,omitempty"`
}

// Matches reports whether the release deployed this cloud assembly, synthesised together with these siblings.
func (r ReleaseSummary) Matches(synth digest.Synth, siblings map[string]digest.Environment) bool {
	return r.SynthDigest == synth && maps.Equal(r.SiblingDigests, siblings)
}

// HasFailed reports whether the run ended with an error.
func (j Journal) HasFailed() bool { return !j.Ended.IsZero() && j.Problem != "" }

// IsInterrupted reports whether the run did not come to its end.
func (j Journal) IsInterrupted() bool { return j.RunID != "" && j.Ended.IsZero() }

func (l *Ledger) journalKey() string { return l.key("journal.json") }

// Journal returns the journal of the current or last run, or a zero Journal if there was none.
func (l *Ledger) Journal(ctx context.Context) (Journal, error) {
	var j Journal
	_, err := read(ctx, l.store, l.journalKey(), &j)
	if errors.Is(err, ErrNotFound) {
		return Journal{}, nil
	}
	return j, err
}

// A JournalWriter writes the journal of a run that holds the lock. A write fails if another run has written the journal
// since, so a run that has lost its lock cannot overwrite the journal of its successor.
type JournalWriter struct {
	store ObjectReadWriter
	key   string

	mu      sync.Mutex
	journal Journal
	etag    string
}

// BeginJournal replaces the journal by that of a new run, and returns the one before. The error is a *LockLostError if
// a run with a newer lock has written to it.
func (l *Ledger) BeginJournal(ctx context.Context, j Journal) (w *JournalWriter, before Journal, err error) {
	only := Condition{}
	object, err := read(ctx, l.store, l.journalKey(), &before)
	var damaged *DamagedError
	switch {
	case errors.Is(err, ErrNotFound):
		only.Absent = true
	case errors.As(err, &damaged): // the stacks themselves say what there is to do
		only.ETag = object.ETag
	case err != nil:
		return nil, before, err
	case before.Token > j.Token:
		return nil, before, &LockLostError{before.RunID + " has written to the journal with a newer lock"}
	default:
		only.ETag = object.ETag
	}
	if j.LatestRelease.Number < before.LatestRelease.Number {
		j.LatestRelease = before.LatestRelease
	}
	if j.LatestRelease.Number == before.LatestRelease.Number {
		j.FailedRuns = before.FailedRuns
	} // otherwise the run before was cut off after it had recorded a release, which lists the failed runs
	written, err := write(ctx, l.store, l.journalKey(), j, only)
	if err != nil {
		return nil, before, err
	}
	return &JournalWriter{store: l.store, key: l.journalKey(), journal: j, etag: written.ETag}, before, nil
}

// Token returns the fencing token of the lock under which the journal is written.
func (w *JournalWriter) Token() int64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.journal.Token
}

// RecordStack records the run's work on a stack.
func (w *JournalWriter) RecordStack(ctx context.Context, stack string, e JournalEntry) error {
	return w.update(ctx, func(j *Journal) {
		stacks := maps.Clone(j.Stacks)
		if stacks == nil {
			stacks = map[string]JournalEntry{}
		}
		stacks[stack] = e
		j.Stacks = stacks
	})
}

// FailedRuns returns the runs that failed since the newest release.
func (w *JournalWriter) FailedRuns() []FailedRun {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.journal.FailedRuns
}

// RecordRelease records the newest release. If the run has added it, it lists the failed runs before it.
func (w *JournalWriter) RecordRelease(ctx context.Context, r ReleaseSummary) error {
	return w.update(ctx, func(j *Journal) {
		if r.Number > j.LatestRelease.Number {
			j.FailedRuns = nil
		}
		j.LatestRelease = r
	})
}

// maxProblemBytes is how much of the error of a run its journal keeps.
const maxProblemBytes = 2000

// Fail records the end of a run that failed with an error. It is a FailedRun if it has begun to change a stack.
func (w *JournalWriter) Fail(ctx context.Context, at time.Time, outcome string, cause error) error {
	return w.update(ctx, func(j *Journal) {
		j.Ended = at
		j.Outcome = outcome
		j.Code, j.Problem = fault.CodeOf(cause), cause.Error()
		if len(j.Problem) > maxProblemBytes {
			j.Problem = strings.ToValidUTF8(j.Problem[:maxProblemBytes], "") + "…"
		}
		if len(j.Stacks) == 0 {
			return
		}
		j.FailedRuns = append(slices.Clip(j.FailedRuns), FailedRun{
			RunID: j.RunID, Commit: j.Commit, SynthDigest: j.SynthDigest, Restores: j.Restores, Started: j.Started, Ended: at,
		})
	})
}

// End records the end of a run that did not fail, and its outcome.
func (w *JournalWriter) End(ctx context.Context, at time.Time, outcome string) error {
	return w.update(ctx, func(j *Journal) {
		j.Ended = at
		j.Outcome = outcome
	})
}

// update writes the journal with a change. The error is a *LockLostError if another run has written it since.
func (w *JournalWriter) update(ctx context.Context, change func(*Journal)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := w.journal
	change(&next)
	written, err := write(ctx, w.store, w.key, next, Condition{ETag: w.etag})
	if errors.Is(err, ErrPreconditionFailed) {
		return &LockLostError{"another run has written to the journal"}
	}
	if err != nil {
		return err
	}
	w.journal, w.etag = next, written.ETag
	return nil
}
