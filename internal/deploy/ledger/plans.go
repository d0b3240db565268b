package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockstep/internal/attest"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/fault"
)

// A RegisteredPlan is the record of a plan that was written to a file. The file may be applied only if the account has
// such a record of its digest.
type RegisteredPlan struct {
	Digest    digest.Plan `json:"digest"`
	CallerARN string      `json:"by"`
	RunID     string      `json:"run"`
	CreatedAt time.Time   `json:"made"`
	Expires   time.Time   `json:"expires"`
	// SynthDigest is the digest of the cloud assembly that the plan deploys, and AssetKeys are the keys of the published
	// files that it needs. Both are empty in records of older versions of this program.
	SynthDigest digest.Synth `json:"assembly,omitempty"`
	AssetKeys   []string     `json:"assets,omitempty"`
	// ChangeSetsDeletedAt is when the plan's change sets were deleted; zero if they were not.
	ChangeSetsDeletedAt time.Time `json:"dropped,omitzero"`
	// AppliedByRun is the id of the run that has applied the plan; empty for none.
	AppliedByRun string `json:"applied,omitempty"`
}

// An Approval is a person's agreement to a plan.
type Approval struct {
	PlanDigest  digest.Plan `json:"plan"`
	ApproverARN string      `json:"by"`
	// RecordedBy is the ARN of the caller who has recorded the approval of somebody else; empty for none.
	RecordedBy string    `json:"recordedBy,omitempty"`
	At         time.Time `json:"at"`
	Note       string    `json:"note,omitempty"`
	// Allow are the permits that the approver gives.
	Allow []string `json:"allow,omitempty"`
}

func (l *Ledger) planKey(plan digest.Plan) string { return l.key("plans/" + string(plan) + ".json") }

func (l *Ledger) approvalKey(plan digest.Plan) string {
	return l.key("approvals/" + string(plan) + ".json")
}

// RegisterPlan adds the record of a plan, signed.
func (l *Ledger) RegisterPlan(ctx context.Context, p RegisteredPlan) error {
	return l.writePlan(ctx, p, Condition{Absent: true})
}

// writePlan signs and writes the record of a plan.
func (l *Ledger) writePlan(ctx context.Context, p RegisteredPlan, only Condition) error {
	_, err := l.writeSigned(ctx, signedDocument{
		key: l.planKey(p.Digest), content: p, trust: l.signing.Plans, predicateType: attest.PlanType,
		predicate: attest.Plan{
			Scope: l.scope, Plan: string(p.Digest), By: p.CallerARN, Run: p.RunID, Expires: p.Expires,
		},
	}, only)
	return err
}

// Plan returns the record of a plan, and the time by the store's clock. The error is ErrNotFound if there is none, and
// an *UnsignedError if nobody has signed it whose signature counts.
func (l *Ledger) Plan(ctx context.Context, plan digest.Plan) (RegisteredPlan, time.Time, error) {
	p, object, err := l.readPlan(ctx, plan)
	return p, object.ServerTime, err
}

func (l *Ledger) readPlan(ctx context.Context, plan digest.Plan) (RegisteredPlan, Object, error) {
	var p RegisteredPlan
	key := l.planKey(plan)
	object, err := read(ctx, l.store, key, &p)
	if err != nil {
		return p, object, err
	}
	if p.Digest != plan {
		return p, object, &DamagedError{key, fault.New(fault.RecordDamaged, "it is of another plan")}
	}
	return p, object, l.requireSignature(ctx, l.signing.Plans, key, object.Data, attest.PlanType)
}

// OpenPlans returns the plans that may still be applied by the store's clock: those that were neither dropped nor
// applied, or that a run was applying which was cut off.
func (l *Ledger) OpenPlans(ctx context.Context) ([]RegisteredPlan, error) {
	last, err := l.Journal(ctx)
	var damaged *DamagedError
	if err != nil && !errors.As(err, &damaged) {
		return nil, err
	}
	keys, err := l.store.List(ctx, l.key("plans/"))
	if err != nil {
		return nil, err
	}
	var open []RegisteredPlan
	for _, key := range keys {
		var p RegisteredPlan
		object, err := read(ctx, l.store, key, &p)
		switch {
		case errors.As(err, &damaged), errors.Is(err, ErrNotFound): // it cannot be applied
			continue
		case err != nil:
			return nil, err
		}
		isApplied := p.AppliedByRun != "" && (p.AppliedByRun != last.RunID || !last.IsInterrupted())
		if p.ChangeSetsDeletedAt.IsZero() && !isApplied && !object.ServerTime.After(p.Expires) {
			open = append(open, p)
		}
	}
	return open, nil
}

// UpdatePlan changes the record of a plan.
func (l *Ledger) UpdatePlan(ctx context.Context, plan digest.Plan, update func(*RegisteredPlan)) error {
	const attempts = 3
	for range attempts {
		p, object, err := l.readPlan(ctx, plan)
		if err != nil {
			return err
		}
		update(&p)
		err = l.writePlan(ctx, p, Condition{ETag: object.ETag})
		if err == nil && l.signing.Plans.Signer != nil { // what it was is signed no more
			err = l.store.Delete(ctx, l.attestationKey(attest.Digest(object.Data)))
		}
		if !errors.Is(err, ErrPreconditionFailed) {
			return err
		}
	}
	return fmt.Errorf("the plan %.12s: %w", plan, ErrPreconditionFailed)
}

// Approve adds the approval of a plan, signed. The first one counts: the error is ErrPreconditionFailed if there is one
// already.
func (l *Ledger) Approve(ctx context.Context, a Approval) error {
	_, err := l.writeSigned(ctx, signedDocument{
		key: l.approvalKey(a.PlanDigest), content: a, trust: l.signing.Releases, predicateType: attest.ApprovalType,
		predicate: attest.Approval{
			Scope: l.scope, Plan: string(a.PlanDigest), By: a.ApproverARN, At: a.At, Allow: a.Allow,
		},
	}, Condition{Absent: true})
	return err
}

// Approval returns the approval of a plan, or nil if there is none. The error is an *UnsignedError if nobody has signed
// it whose signature counts.
func (l *Ledger) Approval(ctx context.Context, plan digest.Plan) (*Approval, error) {
	var a Approval
	object, err := read(ctx, l.store, l.approvalKey(plan), &a)
	if errors.Is(err, ErrNotFound) {
		return nil, nil //nolint:nilnil // none is an answer
	}
	if err != nil {
		return nil, err
	}
	if a.PlanDigest != plan {
		return nil, &DamagedError{l.approvalKey(plan), fault.New(fault.RecordDamaged, "it approves another plan")}
	}
	err = l.requireSignature(ctx, l.signing.Releases, l.approvalKey(plan), object.Data, attest.ApprovalType)
	if err != nil {
		return nil, err
	}
	return &a, nil
}

// DeleteExpiredPlans deletes the records of plans that expired long ago, and their approvals. The release records keep
// the approvals of plans that were applied.
func (l *Ledger) DeleteExpiredPlans(ctx context.Context, now time.Time) error {
	keys, err := l.store.List(ctx, l.key("plans/"))
	if err != nil {
		return err
	}
	for _, key := range keys {
		var p RegisteredPlan
		_, err := read(ctx, l.store, key, &p)
		var damaged *DamagedError
		var newer *NewerError
		switch {
		case errors.As(err, &newer):
			continue // whoever knows it deletes it
		case err != nil && !errors.As(err, &damaged):
			return err
		}
		if err == nil && now.Before(p.Expires.Add(expiredPlanRetention)) {
			continue
		}
		for _, old := range []string{key, l.approvalKey(p.Digest)} {
			if err := l.deleteSigned(ctx, old); err != nil {
				return err
			}
		}
	}
	return nil
}

// deleteSigned deletes a document, and then its signature.
func (l *Ledger) deleteSigned(ctx context.Context, key string) error {
	object, err := l.store.Get(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := l.store.Delete(ctx, key); err != nil {
		return err
	}
	return l.store.Delete(ctx, l.attestationKey(attest.Digest(object.Data)))
}

// expiredPlanRetention is how long the record of an expired plan stays, so that whoever still has the plan's file
// learns why it cannot be applied.
const expiredPlanRetention = 30 * 24 * time.Hour
