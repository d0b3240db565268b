package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockstep/internal/deploy/digest"
)

// A RegisteredPlan is what is kept of a plan that was written to a file: the file counts only if the account knows its digest.
type RegisteredPlan struct {
	Digest    digest.Plan `json:"digest"`
	CallerARN string      `json:"by"`
	RunID     string      `json:"run"`
	CreatedAt time.Time   `json:"made"`
	Expires   time.Time   `json:"expires"`
	// ChangeSetsDeletedAt is when its change sets were thrown away.
	ChangeSetsDeletedAt time.Time `json:"dropped,omitzero"`
	// AppliedByRun is the run that has applied it.
	AppliedByRun string `json:"applied,omitempty"`
}

// An Approval is a person's agreement to a plan.
type Approval struct {
	PlanDigest  digest.Plan `json:"plan"`
	ApproverARN string      `json:"by"`
	At          time.Time   `json:"at"`
	Note        string      `json:"note,omitempty"`
	// Allow are the permits that go with it.
	Allow []string `json:"allow,omitempty"`
}

func (l *Ledger) planKey(plan digest.Plan) string { return l.key("plans/" + string(plan) + ".json") }

func (l *Ledger) approvalKey(plan digest.Plan) string {
	return l.key("approvals/" + string(plan) + ".json")
}

// RegisterPlan remembers a plan.
func (l *Ledger) RegisterPlan(ctx context.Context, p RegisteredPlan) error {
	_, err := write(ctx, l.store, l.planKey(p.Digest), p, Condition{Absent: true})
	return err
}

// Plan is the plan of that digest, with the time by the account's clock. The error is ErrAbsent when the account knows none.
func (l *Ledger) Plan(ctx context.Context, plan digest.Plan) (RegisteredPlan, time.Time, error) {
	var p RegisteredPlan
	object, err := read(ctx, l.store, l.planKey(plan), &p)
	return p, object.ServerTime, err
}

// UpdatePlan changes what is kept of a plan.
func (l *Ledger) UpdatePlan(ctx context.Context, plan digest.Plan, update func(*RegisteredPlan)) error {
	const tries = 3
	for range tries {
		var p RegisteredPlan
		object, err := read(ctx, l.store, l.planKey(plan), &p)
		if err != nil {
			return err
		}
		update(&p)
		_, err = write(ctx, l.store, l.planKey(plan), p, Condition{ETag: object.ETag})
		if !errors.Is(err, ErrPreconditionFailed) {
			return err
		}
	}
	return fmt.Errorf("the plan %.12s: %w", plan, ErrPreconditionFailed)
}

// Approve remembers an approval, with the account's own time. The first one counts; another of the same plan is ErrChanged.
func (l *Ledger) Approve(ctx context.Context, a Approval) error {
	_, err := write(ctx, l.store, l.approvalKey(a.PlanDigest), a, Condition{Absent: true})
	return err
}

// Approval is that of a plan; nil if there is none.
func (l *Ledger) Approval(ctx context.Context, plan digest.Plan) (*Approval, error) {
	var a Approval
	_, err := read(ctx, l.store, l.approvalKey(plan), &a)
	if errors.Is(err, ErrNotFound) {
		return nil, nil //nolint:nilnil // none is an answer
	}
	if err != nil {
		return nil, err
	}
	if a.PlanDigest != plan {
		return nil, &DamagedError{l.approvalKey(plan), errors.New("it is of another plan")}
	}
	return &a, nil
}

// DeleteExpiredPlans removes what is kept of plans that can no longer be applied, with their approvals: those that were used stand in the release records.
func (l *Ledger) DeleteExpiredPlans(ctx context.Context, now time.Time) error {
	keys, err := l.store.List(ctx, l.key("plans/"))
	if err != nil {
		return err
	}
	for _, key := range keys {
		var p RegisteredPlan
		_, err := read(ctx, l.store, key, &p)
		var damaged *DamagedError
		if err != nil && !errors.As(err, &damaged) {
			return err
		}
		if err == nil && now.Before(p.Expires.Add(expiredPlanRetention)) {
			continue
		}
		for _, old := range []string{key, l.approvalKey(p.Digest)} {
			if err := l.store.Delete(ctx, old); err != nil {
				return err
			}
		}
	}
	return nil
}

// expiredPlanRetention is how long a plan that has expired is remembered, so that whoever still has its file hears what became of it.
const expiredPlanRetention = 30 * 24 * time.Hour
