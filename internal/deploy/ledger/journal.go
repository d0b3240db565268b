package ledger

import (
	"context"
	"errors"
	"maps"
	"sync"
	"time"
)

// A State is how far a run has come with a stack.
type State string

// The states. What is begun may be at work in CloudFormation or not begun after all: the stack itself knows.
const (
	Begun  State = "begun"
	Done   State = "done"
	Failed State = "failed"
)

// An Entry is what a run does to one stack.
type Entry struct {
	State State `json:"state"`
	// ChangeSet is the ARN of the change set that is executed; empty for what is done without one.
	ChangeSet string    `json:"changeSet,omitempty"`
	Since     time.Time `json:"since"`
}

// A Journal is what the run at work, or the last one, has done so far. One that has not ended is of a run that was cut off, unless the lock says
// that it is still at work.
type Journal struct {
	Run     string `json:"run"`
	By      string `json:"by"`
	Doing   string `json:"doing"`
	Commit  string `json:"commit,omitempty"`
	Token   int64  `json:"token"`
	Plan    string `json:"plan,omitempty"`
	Release Brief  `json:"release,omitzero"`
	// Assembly is the digest of what the run deploys.
	Assembly string           `json:"assembly"`
	Started  time.Time        `json:"started"`
	Ended    time.Time        `json:"ended,omitzero"`
	Outcome  string           `json:"outcome,omitempty"`
	Stacks   map[string]Entry `json:"stacks,omitempty"`
}

// A Brief is what of the newest release has to be known to see that there is nothing to do.
type Brief struct {
	Number   int               `json:"number"`
	Assembly string            `json:"assembly"`
	Beside   map[string]string `json:"beside,omitempty"`
}

// Same says whether two briefs are of the same content.
func (b Brief) Same(assembly string, beside map[string]string) bool {
	return b.Assembly == assembly && maps.Equal(b.Beside, beside)
}

// CutOff says whether the run did not come to an end.
func (j Journal) CutOff() bool { return j.Run != "" && j.Ended.IsZero() }

func (l *Ledger) journalKey() string { return l.key("journal.json") }

// Journal is that of the run at work or the last one; the zero one if there was none.
func (l *Ledger) Journal(ctx context.Context) (Journal, error) {
	var j Journal
	_, err := read(ctx, l.shelf, l.journalKey(), &j)
	if errors.Is(err, ErrAbsent) {
		return Journal{}, nil
	}
	return j, err
}

// A Writer keeps the journal of a run that holds the lock. Each write wants that the journal is still the one that was written before, so that a run
// that has lost its lock cannot write over its successor's.
type Writer struct {
	store Store
	key   string

	mu   sync.Mutex
	now  Journal
	etag string
}

// Begin begins the journal of a run and returns the one before.
func (l *Ledger) Begin(ctx context.Context, j Journal) (*Writer, Journal, error) {
	var before Journal
	only := Condition{}
	object, err := read(ctx, l.shelf, l.journalKey(), &before)
	var damaged *DamagedError
	switch {
	case errors.Is(err, ErrAbsent):
		only.Absent = true
	case errors.As(err, &damaged): // it only helps: what counts is the state of the stacks
		only.ETag = object.ETag
	case err != nil:
		return nil, before, err
	case before.Token > j.Token:
		return nil, before, &LostError{before.Run + " has written to the journal with a newer lock"}
	default:
		only.ETag = object.ETag
	}
	if j.Release.Number == 0 {
		j.Release = before.Release
	}
	written, err := write(ctx, l.shelf, l.journalKey(), j, only)
	if err != nil {
		return nil, before, err
	}
	return &Writer{store: l.shelf, key: l.journalKey(), now: j, etag: written.ETag}, before, nil
}

// Note notes how far the run has come with a stack.
func (w *Writer) Note(ctx context.Context, stack string, e Entry) error {
	return w.update(ctx, func(j *Journal) {
		stacks := maps.Clone(j.Stacks)
		if stacks == nil {
			stacks = map[string]Entry{}
		}
		stacks[stack] = e
		j.Stacks = stacks
	})
}

// Released notes the release that the run has made.
func (w *Writer) Released(ctx context.Context, b Brief) error {
	return w.update(ctx, func(j *Journal) { j.Release = b })
}

// End ends the journal.
func (w *Writer) End(ctx context.Context, at time.Time, outcome string) error {
	return w.update(ctx, func(j *Journal) { j.Ended, j.Outcome = at, outcome })
}

func (w *Writer) update(ctx context.Context, change func(*Journal)) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := w.now
	change(&next)
	written, err := write(ctx, w.store, w.key, next, Condition{ETag: w.etag})
	if errors.Is(err, ErrChanged) {
		return &LostError{"another run has written to the journal"}
	}
	if err != nil {
		return err
	}
	w.now, w.etag = next, written.ETag
	return nil
}
