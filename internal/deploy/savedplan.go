package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
	"lockstep/internal/utc"
)

// SavePlan is Plan for a review: the change sets stay for the time ttl. It also returns the target's entry in the plan
// file.
func (d *Deployment) SavePlan(ctx context.Context, ttl time.Duration) (*Plan, planfile.Target, error) {
	p, err := d.planWithTTL(ctx, ttl)
	if err != nil {
		return p, planfile.Target{}, err
	}
	t := planfile.Target{
		Account: d.target.Account, Region: d.target.Region,
		DeployedDigest: d.assembly.Digest, OrphanedStacks: p.Record().OrphanedStacks,
	}
	for _, step := range p.steps {
		s := planfile.Stack{
			Name: step.stack.Name, Outcome: step.record.Outcome, Reason: step.record.Reason,
			Changes: step.record.Changes, Flags: step.record.Flags,
			UnseenResources: step.record.UnseenResources, Images: d.imagesOf(step.stack),
			StackID: step.current.ID(), Status: string(step.current.StackStatus), Updated: step.current.LastUpdated(),
		}
		if step.set != nil {
			s.StackID, s.ChangeSet = step.set.StackID, step.set.ID
		}
		t.Stacks = append(t.Stacks, s)
	}
	return p, t, nil
}

// NewPlanFile returns the file of a plan for some targets, which may be applied for the time ttl. It bears this run's
// name.
func (d *Deployment) NewPlanFile(targets []planfile.Target, ttl time.Duration) (planfile.File, error) {
	now := time.Now().UTC().Truncate(time.Second)
	f := planfile.File{
		Schema: planfile.Format, Project: d.target.Project, Environment: d.target.Environment, Mode: d.Run.Mode,
		Run: d.Run.ID, By: d.sessions.CallerARN(), Commit: d.Run.Commit, Author: d.Run.Author,
		CreatedAt: now, Expires: now.Add(ttl).Truncate(time.Second),
		EnvironmentDigest: d.EnvironmentDigest, ConfigurationDigest: d.ConfigurationDigest, Targets: targets,
	}
	f.CountUnseen(d.RequiresCompletePlan)
	err := f.SetDigest()
	return f, err
}

// RegisterPlan makes a plan known to the target account. No other plan can be applied.
func (d *Deployment) RegisterPlan(ctx context.Context, f planfile.File) error {
	l, err := d.Ledger(ctx)
	if err != nil {
		return err
	}
	return l.RegisterPlan(ctx, ledger.RegisteredPlan{
		Digest: f.Digest, CallerARN: f.By, RunID: f.Run, CreatedAt: f.CreatedAt, Expires: f.Expires,
		SynthDigest: d.SynthDigest, AssetKeys: d.assetKeys(),
	})
}

// DeletePlan deletes a plan's change sets, with the empty stacks that held them. The error is a *refusal.Error if the
// account does not know the plan, or if the plan names a change set that its run cannot have made: then nothing is
// deleted.
func (d *Deployment) DeletePlan(ctx context.Context, f planfile.File) error {
	t, ok := f.Target(d.target.Account, d.target.Region)
	if !ok {
		return fault.Errorf(fault.PlanOtherTarget,
			"the plan has no part for account %s in %s", d.target.Account, d.target.Region)
	}
	l, err := d.Ledger(ctx)
	if err != nil {
		return err
	}
	registered, _, err := l.Plan(ctx, f.Digest)
	if errors.Is(err, ledger.ErrNotFound) {
		return refusal.Newf(fault.PlanUnknown, err,
			"account %s does not know the plan %.12s, so nothing was deleted: it was made for another "+
				"account, or outside Lockstep", d.target.Account, f.Digest)
	}
	if err != nil {
		return refuseTampered(err)
	}
	sets, err := d.ownChangeSets(t, registered.RunID)
	if err != nil {
		return err
	}
	var errs []error
	for name, set := range sets {
		client, err := d.releasedClient(ctx, ledger.Stack{Name: name, ID: set.StackID}, d.Access.roles().stacks)
		if err == nil {
			err = client.Discard(ctx, set)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("a change set of stack %s was not deleted: %w", name, err))
		}
	}
	err = l.UpdatePlan(ctx, f.Digest, func(p *ledger.RegisteredPlan) { p.ChangeSetsDeletedAt = time.Now().UTC() })
	return errors.Join(append(errs, err)...)
}

// ownChangeSets returns the change sets of a target's plan, by the names of their stacks. It refuses one that is not of
// the target's account, of that stack, or named as the run names its own.
func (d *Deployment) ownChangeSets(t planfile.Target, run string) (map[string]*cfn.ChangeSet, error) {
	sets := map[string]*cfn.ChangeSet{}
	for _, s := range t.Stacks {
		if s.ChangeSet == "" {
			continue
		}
		set := &cfn.ChangeSet{ID: s.ChangeSet, StackID: s.StackID}
		place, err := d.releasedPlace(ledger.Stack{Name: s.Name, ID: s.StackID})
		if err != nil {
			return nil, err
		}
		if !set.IsOf(place.Account, s.Name, run) {
			return nil, refusal.Newf(fault.PlanAltered, nil,
				"the plan names the change set %s for stack %s, which run %s did not make: nothing "+
					"was deleted", s.ChangeSet, s.Name, run)
		}
		sets[s.Name] = set
	}
	return sets, nil
}

// An ApprovalRequest is what is to be recorded of an approval.
type ApprovalRequest struct {
	// ApproverARN is the person who approves; empty for the caller.
	ApproverARN string
	Note        string
	Permits     []change.Permit
}

// Approve records in the target account that somebody agrees to a plan and gives it permits. The error is a
// *refusal.Error if the plan may not be applied, if this person may not approve it, or if it was approved already: then
// it returns that approval.
func (d *Deployment) Approve(ctx context.Context, f planfile.File, q ApprovalRequest) (ledger.Approval, error) {
	a := ledger.Approval{PlanDigest: f.Digest, ApproverARN: d.sessions.CallerARN(), Note: q.Note}
	if q.ApproverARN != "" && q.ApproverARN != a.ApproverARN {
		a.ApproverARN, a.RecordedBy = q.ApproverARN, d.sessions.CallerARN()
	}
	if err := d.checkApprover(a.ApproverARN, f); err != nil {
		return ledger.Approval{}, err
	}
	l, err := d.Ledger(ctx)
	if err != nil {
		return ledger.Approval{}, err
	}
	now, err := d.checkRegistered(ctx, l, f)
	if err != nil {
		return ledger.Approval{}, err
	}
	a.At = now.UTC()
	for _, p := range q.Permits {
		a.Allow = append(a.Allow, string(p))
	}
	err = l.Approve(ctx, a)
	if !errors.Is(err, ledger.ErrPreconditionFailed) {
		return a, err
	}
	earlier, err := l.Approval(ctx, f.Digest)
	if err != nil {
		return a, refuseTampered(err)
	}
	return *earlier, refusal.Newf(fault.PlanApproved, nil, "the plan was approved already, by %s at %s",
		earlier.ApproverARN, utc.Format(earlier.At))
}
