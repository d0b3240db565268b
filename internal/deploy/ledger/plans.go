package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Plan is what is kept of a plan that was written to a file: the file counts only if the account knows its digest.
type Plan struct {
	Digest  string    `json:"digest"`
	By      string    `json:"by"`
	Run     string    `json:"run"`
	Made    time.Time `json:"made"`
	Expires time.Time `json:"expires"`
	// Dropped is when its change sets were thrown away.
	Dropped time.Time `json:"dropped,omitzero"`
	// Applied is the run that has applied it.
	Applied string `json:"applied,omitempty"`
}

// An Approval is a person's agreement to a plan.
type Approval struct {
	Plan string    `json:"plan"`
	By   string    `json:"by"`
	At   time.Time `json:"at"`
	Note string    `json:"note,omitempty"`
	// Allow are the permits that go with it.
	Allow []string `json:"allow,omitempty"`
}

func (l *Ledger) planKey(digest string) string     { return l.key("plans/" + digest + ".json") }
func (l *Ledger) approvalKey(digest string) string { return l.key("approvals/" + digest + ".json") }

// KeepPlan remembers a plan.
func (l *Ledger) KeepPlan(ctx context.Context, p Plan) error {
	_, err := write(ctx, l.shelf, l.planKey(p.Digest), p, Condition{Absent: true})
	return err
}

// Plan is the plan of that digest, with the time by the account's clock. The error is ErrAbsent when the account knows none.
func (l *Ledger) Plan(ctx context.Context, digest string) (Plan, time.Time, error) {
	var p Plan
	object, err := read(ctx, l.shelf, l.planKey(digest), &p)
	return p, object.Now, err
}

// MarkPlan changes what is kept of a plan.
func (l *Ledger) MarkPlan(ctx context.Context, digest string, mark func(*Plan)) error {
	const tries = 3
	for range tries {
		var p Plan
		object, err := read(ctx, l.shelf, l.planKey(digest), &p)
		if err != nil {
			return err
		}
		mark(&p)
		_, err = write(ctx, l.shelf, l.planKey(digest), p, Condition{ETag: object.ETag})
		if !errors.Is(err, ErrChanged) {
			return err
		}
	}
	return fmt.Errorf("the plan %.12s: %w", digest, ErrChanged)
}

// Approve remembers an approval, with the account's own time. The first one counts; another of the same plan is ErrChanged.
func (l *Ledger) Approve(ctx context.Context, a Approval) error {
	_, err := write(ctx, l.shelf, l.approvalKey(a.Plan), a, Condition{Absent: true})
	return err
}

// Approval is that of a plan; nil if there is none.
func (l *Ledger) Approval(ctx context.Context, digest string) (*Approval, error) {
	var a Approval
	_, err := read(ctx, l.shelf, l.approvalKey(digest), &a)
	if errors.Is(err, ErrAbsent) {
		return nil, nil //nolint:nilnil // none is an answer
	}
	if err != nil {
		return nil, err
	}
	if a.Plan != digest {
		return nil, &DamagedError{l.approvalKey(digest), errors.New("it is of another plan")}
	}
	return &a, nil
}

// ForgetPlans removes what is kept of plans that can no longer be applied, with their approvals: those that were used stand in the release records.
func (l *Ledger) ForgetPlans(ctx context.Context, now time.Time) error {
	keys, err := l.shelf.List(ctx, l.key("plans/"))
	if err != nil {
		return err
	}
	for _, key := range keys {
		var p Plan
		_, err := read(ctx, l.shelf, key, &p)
		var damaged *DamagedError
		if err != nil && !errors.As(err, &damaged) {
			return err
		}
		if err == nil && now.Before(p.Expires.Add(forgetAfter)) {
			continue
		}
		for _, old := range []string{key, l.approvalKey(p.Digest)} {
			if err := l.shelf.Delete(ctx, old); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgetAfter is how long a plan that has expired is remembered, so that whoever still has its file hears what became of it.
const forgetAfter = 30 * 24 * time.Hour
