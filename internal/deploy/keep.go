package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"lockstep/internal/deploy/ledger"
)

// Keep is a plan whose change sets stay, to be applied after a review, and the part of the plan file that belongs to this target.
func (d *Deployment) Keep(ctx context.Context, goodFor time.Duration) (*Plan, TargetPlan, error) {
	p, err := d.planFor(ctx, goodFor)
	if err != nil {
		return p, TargetPlan{}, err
	}
	t := TargetPlan{Account: d.target.Account, Region: d.target.Region, Deployed: d.assembly.Digest, Left: p.Record().Left}
	for _, step := range p.steps {
		s := StackPlan{
			Name: step.stack.Name, Outcome: step.record.Outcome, Reason: step.record.Reason, Changes: step.record.Changes, Flags: step.record.Flags,
			StackID: aws.ToString(step.have.StackId), Status: string(step.have.StackStatus), Updated: step.have.updated(),
		}
		if step.set != nil {
			s.StackID, s.ChangeSet = step.set.stackID, step.set.id
		}
		t.Stacks = append(t.Stacks, s)
	}
	return p, t, nil
}

// updated is when the stack was last changed.
func (h deployed) updated() time.Time {
	if h.LastUpdatedTime != nil {
		return h.LastUpdatedTime.UTC()
	}
	return aws.ToTime(h.CreationTime).UTC()
}

// NewPlanFile is the file of a plan whose parts were kept, with this run's name on it.
func (d *Deployment) NewPlanFile(targets []TargetPlan, goodFor time.Duration) (PlanFile, error) {
	now := time.Now().UTC().Truncate(time.Second)
	f := PlanFile{
		Schema: PlanSchema, Project: d.target.Project, Environment: d.target.Environment, Mode: d.Run.Mode,
		Run: d.Run.ID, By: d.by, Commit: d.Run.Commit, Made: now, Expires: now.Add(goodFor).Truncate(time.Second),
		Assembly: d.Bundle, Configuration: d.Configuration, Targets: targets,
	}
	err := f.seal()
	return f, err
}

// Remember lets the target account know of a plan, without which nobody may apply it.
func (d *Deployment) Remember(ctx context.Context, f PlanFile) error {
	book, err := d.Ledger(ctx)
	if err != nil {
		return err
	}
	return book.KeepPlan(ctx, ledger.Plan{Digest: f.Digest, By: f.By, Run: f.Run, Made: f.Made, Expires: f.Expires})
}

// Drop throws a plan's change sets away, with the empty stacks that held them.
func (d *Deployment) Drop(ctx context.Context, f PlanFile) error {
	t, ok := f.Target(d.target.Account, d.target.Region)
	if !ok {
		return fmt.Errorf("the plan has no part for account %s in %s", d.target.Account, d.target.Region)
	}
	cfg, err := d.sessions.as(ctx, d.target.role(deployKind), d.target.Region)
	if err != nil {
		return err
	}
	client := cloudFormationClient(cfg)
	var errs []error
	for _, s := range t.Stacks {
		if s.ChangeSet == "" {
			continue
		}
		set := changeSet{id: s.ChangeSet, stackID: s.StackID}
		if err := set.discard(ctx, client); err != nil {
			errs = append(errs, fmt.Errorf("a change set of stack %s stays behind: %w", s.Name, err))
		}
	}
	book, err := d.Ledger(ctx)
	if err == nil {
		err = book.MarkPlan(ctx, f.Digest, func(p *ledger.Plan) { p.Dropped = time.Now().UTC() })
		if errors.Is(err, ledger.ErrAbsent) {
			err = nil
		}
	}
	return errors.Join(append(errs, err)...)
}

// Approve records that the caller agrees to a plan, in the target account.
func (d *Deployment) Approve(ctx context.Context, f PlanFile, note string, allow []Permit) (ledger.Approval, error) {
	book, err := d.Ledger(ctx)
	if err != nil {
		return ledger.Approval{}, err
	}
	now, err := d.knows(ctx, book, f)
	if err != nil {
		return ledger.Approval{}, err
	}
	a := ledger.Approval{Plan: f.Digest, By: d.by, At: now.UTC(), Note: note}
	for _, p := range allow {
		a.Allow = append(a.Allow, string(p))
	}
	err = book.Approve(ctx, a)
	if !errors.Is(err, ledger.ErrChanged) {
		return a, err
	}
	there, err := book.Approval(ctx, f.Digest)
	if err != nil {
		return a, err
	}
	return *there, refuse(nil, "the plan was approved already, by %s at %s", there.By, there.At.Format(time.DateTime))
}

// knows says whether the account knows the plan and it may still be applied, and the time by the account's clock.
func (d *Deployment) knows(ctx context.Context, book *ledger.Ledger, f PlanFile) (time.Time, error) {
	kept, now, err := book.Plan(ctx, f.Digest)
	again := fmt.Sprintf("plan again with `lockstep plan --env %s --out FILE`", f.Environment)
	switch {
	case errors.Is(err, ledger.ErrAbsent):
		return now, refuse(err, "account %s does not know the plan %.12s: it was made for another account, or by another hand; %s", d.target.Account, f.Digest, again)
	case err != nil:
		return now, err
	case !kept.Dropped.IsZero():
		return now, refuse(nil, "the plan %.12s was dropped at %s; %s", f.Digest, kept.Dropped.Format(time.DateTime), again)
	case now.After(kept.Expires):
		return now, refuse(nil, "the plan %.12s was good until %s; %s", f.Digest, kept.Expires.Format(time.DateTime), again)
	case kept.Applied != "" && kept.Applied != d.deadRun:
		return now, refuse(nil, "the plan %.12s was applied by run %s already; %s", f.Digest, kept.Applied, again)
	}
	return now, nil
}
