package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/fault"
	"lockstep/internal/roles"
)

// An Overview is all that an account has recorded of an environment. Nothing is compared or changed for it.
type Overview struct {
	Status
	// History are all releases, and the runs that failed since the newest one. It is nil if it cannot be read.
	History *ReleaseHistory
	// LastRun is the newest run that began to deploy; nil if there was none.
	LastRun *ledger.Journal
	// Plans are those that may still be applied.
	Plans []OpenPlan
	// Stacks are those of the newest release.
	Stacks []StackState
}

// An OpenPlan is a plan that may still be applied.
type OpenPlan struct {
	ledger.RegisteredPlan
	// Approval is nil if nobody has approved the plan.
	Approval *ledger.Approval
}

// A StackState is what CloudFormation itself says of a stack of the newest release.
type StackState struct {
	Name string `json:"name"`
	// Status is the stack's status; empty for a stack that is not there any more.
	Status string `json:"status,omitempty"`
	// NeedsAction says what a person or the next run has to do about the status; empty for a stack that is well.
	NeedsAction string `json:"needsAction,omitempty"`
	// Drift is what the last comparison has found, such as IN_SYNC, and DriftSeen when that was. They are empty for a
	// stack that was never compared.
	Drift     string    `json:"drift,omitempty"`
	DriftSeen time.Time `json:"driftSeen,omitzero"`
}

// Overview reads what the account has recorded of the environment. What cannot be read is reported as the problem of
// the status, and the rest is there.
func (d *Deployment) Overview(ctx context.Context) Overview {
	o := Overview{Status: d.Status(ctx, 0)}
	if o.Unreadable && !o.Tampered {
		return o // nothing else can be read either
	}
	readers := []func(context.Context, *Overview) error{d.readHistory, d.readLastRun, d.readPlans, d.readStacks}
	for _, read := range readers {
		if err := read(ctx, &o); err != nil && !o.Unreadable {
			o.Problem, o.Code, o.Unreadable = err.Error(), fault.CodeOf(err), true
		}
	}
	return o
}

// readHistory reads the releases.
func (d *Deployment) readHistory(ctx context.Context, o *Overview) error {
	h, err := d.ReleaseHistory(ctx)
	if err == nil {
		o.History = &h
	}
	return err
}

// readLastRun reads the journal. One that is damaged says nothing, as for a deployment.
func (d *Deployment) readLastRun(ctx context.Context, o *Overview) error {
	l, err := d.Ledger(ctx)
	if err != nil {
		return err
	}
	last, err := l.Journal(ctx)
	if damaged := (*ledger.DamagedError)(nil); errors.As(err, &damaged) {
		return nil
	}
	if err == nil && last.RunID != "" {
		o.LastRun = &last
	}
	return err
}

// readPlans reads the plans that may still be applied. A plan or an approval that nobody has signed who should have
// counts as none, as for a deployment.
func (d *Deployment) readPlans(ctx context.Context, o *Overview) error {
	l, err := d.Ledger(ctx)
	if err != nil {
		return err
	}
	open, err := l.OpenPlans(ctx)
	if err != nil {
		return err
	}
	var unsigned *ledger.UnsignedError
	for _, registered := range open {
		plan, _, err := l.Plan(ctx, registered.Digest)
		if errors.As(err, &unsigned) || errors.Is(err, ledger.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		approval, err := l.Approval(ctx, plan.Digest)
		if err != nil && !errors.As(err, &unsigned) {
			return err
		}
		o.Plans = append(o.Plans, OpenPlan{plan, approval})
	}
	return nil
}

// readStacks reads what CloudFormation says of the stacks of the newest release.
func (d *Deployment) readStacks(ctx context.Context, o *Overview) error {
	if len(o.Releases) == 0 {
		return nil
	}
	released := o.Releases[0].Stacks
	o.Stacks = make([]StackState, len(released))
	var group errgroup.Group
	group.SetLimit(maxConcurrent)
	for i, s := range released {
		group.Go(func() error {
			var err error
			if o.Stacks[i], err = d.stackState(ctx, s); err != nil {
				return fmt.Errorf("stack %s: %w", s.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// stackState returns what CloudFormation says of a stack.
func (d *Deployment) stackState(ctx context.Context, s ledger.Stack) (StackState, error) {
	out := StackState{Name: s.Name}
	client, err := d.releasedClient(ctx, s, roles.Lookup)
	if err != nil {
		return out, err
	}
	state, err := client.Describe(ctx, s.Name)
	if err != nil {
		return out, err
	}
	out.Status = string(state.StackStatus)
	switch state.Phase {
	case cfn.Absent:
		out.NeedsAction = "it is not there any more"
	case cfn.NeedsDelete, cfn.NeedsRollback, cfn.NeedsHuman:
		out.NeedsAction = cfn.ActionOf(state.StackStatus)
	}
	if drift := state.DriftInformation; drift != nil && drift.LastCheckTimestamp != nil {
		out.Drift, out.DriftSeen = string(drift.StackDriftStatus), drift.LastCheckTimestamp.UTC()
	}
	return out, nil
}
