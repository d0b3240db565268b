package ledger

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"

	"lockstep/internal/deploy/digest"
)

// A EntryState is how far a run has come with a stack.
type EntryState string

// The states. What is begun may be at work in CloudFormation or not begun after all: the stack itself knows.
const (
	Begun  EntryState = "begun"
	Done   EntryState = "done"
	Failed EntryState = "failed"
)

// An JournalEntry is what a run does to one stack.
type JournalEntry struct {
	State EntryState `json:"state"`
	// ChangeSet is the ARN of the change set that is executed; empty for what is done without one.
	ChangeSet string    `json:"changeSet,omitempty"`
	Since     time.Time `json:"since"`
}

// A Journal is what the run at work, or the last one, has done so far. One that has not ended is of a run that was cut off, unless the lock says
// that it is still at work.
type Journal struct {
	RunID         string         `json:"run"`
	CallerARN     string         `json:"by"`
	Command       string         `json:"doing"`
	Commit        string         `json:"commit,omitempty"`
	Token         int64          `json:"token"`
	PlanDigest    digest.Plan    `json:"plan,omitempty"`
	LatestRelease ReleaseSummary `json:"release,omitzero"`
	// SynthDigest is the digest of what the run deploys.
	SynthDigest digest.Synth            `json:"assembly"`
	Started     time.Time               `json:"started"`
	Ended       time.Time               `json:"ended,omitzero"`
	Outcome     string                  `json:"outcome,omitempty"`
	Stacks      map[string]JournalEntry `json:"stacks,omitempty"`
}

// A ReleaseSummary is what of the newest release has to be known to see that there is nothing to do.
type ReleaseSummary struct {
	Number         int                           `json:"number"`
	SynthDigest    digest.Synth                  `json:"assembly"`
	SiblingDigests map[string]digest.Environment `json:"beside,omitempty"`
}

// Matches reports whether the release deployed this cloud assembly, synthesised together with these siblings.
func (r ReleaseSummary) Matches(synth digest.Synth, siblings map[string]digest.Environment) bool {
	return r.SynthDigest == synth && maps.Equal(r.SiblingDigests, siblings)
}

// IsInterrupted says whether the run did not come to an end.
func (j Journal) IsInterrupted() bool { return j.RunID != "" && j.Ended.IsZero() }

func (l *Ledger) journalKey() string { return l.key("journal.json") }

// Journal is that of the run at work or the last one; the zero one if there was none.
func (l *Ledger) Journal(ctx context.Context) (Journal, error) {
	var j Journal
	_, err := read(ctx, l.store, l.journalKey(), &j)
	if errors.Is(err, ErrNotFound) {
		return Journal{}, nil
	}
	return j, err
}

// A JournalWriter keeps the journal of a run that holds the lock. Each write wants that the journal is still the one that was written before, so that a run
// that has lost its lock cannot write over its successor's.
type JournalWriter struct {
	store ObjectReadWriter
	key   string

	mu      sync.Mutex
	journal Journal
	etag    string
}

// BeginJournal begins the journal of a run and returns the one before.
func (l *Ledger) BeginJournal(ctx context.Context, j Journal) (*JournalWriter, Journal, error) {
	var before Journal
	only := Condition{}
	object, err := read(ctx, l.store, l.journalKey(), &before)
	var damaged *DamagedError
	switch {
	case errors.Is(err, ErrNotFound):
		only.Absent = true
	case errors.As(err, &damaged): // it only helps: what counts is the state of the stacks
		only.ETag = object.ETag
	case err != nil:
		return nil, before, err
	case before.Token > j.Token:
		return nil, before, &LockLostError{before.RunID + " has written to the journal with a newer lock"}
	default:
		only.ETag = object.ETag
	}
	if j.LatestRelease.Number == 0 {
		j.LatestRelease = before.LatestRelease
	}
	written, err := write(ctx, l.store, l.journalKey(), j, only)
	if err != nil {
		return nil, before, err
	}
	return &JournalWriter{store: l.store, key: l.journalKey(), journal: j, etag: written.ETag}, before, nil
}

// RecordStack notes how far the run has come with a stack.
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

// RecordRelease notes the release that the run has made.
func (w *JournalWriter) RecordRelease(ctx context.Context, b ReleaseSummary) error {
	return w.update(ctx, func(j *Journal) { j.LatestRelease = b })
}

// End ends the journal.
func (w *JournalWriter) End(ctx context.Context, at time.Time, outcome string) error {
	return w.update(ctx, func(j *Journal) { j.Ended, j.Outcome = at, outcome })
}

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
