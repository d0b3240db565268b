package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"lockstep/internal/deploy/ledger"
	"lockstep/internal/utc"
)

// SavePlan is a plan whose change sets stay, to be applied after a review, and the part of the plan file that belongs to this target.
func (d *Deployment) SavePlan(ctx context.Context, goodFor time.Duration) (*Plan, TargetPlan, error) {
	p, err := d.planWithTTL(ctx, goodFor)
	if err != nil {
		return p, TargetPlan{}, err
	}
	t := TargetPlan{Account: d.target.Account, Region: d.target.Region, DeployedDigest: d.assembly.Digest, OrphanedStacks: p.Record().OrphanedStacks}
	for _, step := range p.steps {
		s := StackPlan{
			Name: step.stack.Name, Outcome: step.record.Outcome, Reason: step.record.Reason, Changes: step.record.Changes, Flags: step.record.Flags,
			StackID: aws.ToString(step.current.StackId), Status: string(step.current.StackStatus), Updated: step.current.lastUpdated(),
		}
		if step.set != nil {
			s.StackID, s.ChangeSet = step.set.stackID, step.set.id
		}
		t.Stacks = append(t.Stacks, s)
	}
	return p, t, nil
}

// lastUpdated is when the stack was last changed.
func (h stackState) lastUpdated() time.Time {
	if h.LastUpdatedTime != nil {
		return h.LastUpdatedTime.UTC()
	}
	return aws.ToTime(h.CreationTime).UTC()
}

// NewPlanFile is the file of a plan whose parts were kept, with this run's name on it.
func (d *Deployment) NewPlanFile(targets []TargetPlan, goodFor time.Duration) (PlanFile, error) {
	now := time.Now().UTC().Truncate(time.Second)
	f := PlanFile{
		Schema: PlanFormat, Project: d.target.Project, Environment: d.target.Environment, Mode: d.Run.Mode,
		Run: d.Run.ID, By: d.callerARN, Commit: d.Run.Commit, CreatedAt: now, Expires: now.Add(goodFor).Truncate(time.Second),
		EnvironmentDigest: d.EnvironmentDigest, ConfigurationDigest: d.ConfigurationDigest, Targets: targets,
	}
	err := f.setDigest()
	return f, err
}

// RegisterPlan lets the target account know of a plan, without which nobody may apply it.
func (d *Deployment) RegisterPlan(ctx context.Context, f PlanFile) error {
	book, err := d.Ledger(ctx)
	if err != nil {
		return err
	}
	return book.RegisterPlan(ctx, ledger.RegisteredPlan{Digest: f.Digest, CallerARN: f.By, RunID: f.Run, CreatedAt: f.CreatedAt, Expires: f.Expires})
}

// DeletePlan throws a plan's change sets away, with the empty stacks that held them.
func (d *Deployment) DeletePlan(ctx context.Context, f PlanFile) error {
	t, ok := f.Target(d.target.Account, d.target.Region)
	if !ok {
		return fmt.Errorf("the plan has no part for account %s in %s", d.target.Account, d.target.Region)
	}
	cfg, err := d.sessions.configFor(ctx, d.target.role(deployKind), d.target.Region)
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
		err = book.UpdatePlan(ctx, f.Digest, func(p *ledger.RegisteredPlan) { p.ChangeSetsDeletedAt = time.Now().UTC() })
		if errors.Is(err, ledger.ErrNotFound) {
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
	now, err := d.checkRegistered(ctx, book, f)
	if err != nil {
		return ledger.Approval{}, err
	}
	a := ledger.Approval{PlanDigest: f.Digest, ApproverARN: d.callerARN, At: now.UTC(), Note: note}
	for _, p := range allow {
		a.Allow = append(a.Allow, string(p))
	}
	err = book.Approve(ctx, a)
	if !errors.Is(err, ledger.ErrPreconditionFailed) {
		return a, err
	}
	there, err := book.Approval(ctx, f.Digest)
	if err != nil {
		return a, err
	}
	return *there, refuse(nil, "the plan was approved already, by %s at %s", there.ApproverARN, utc.Format(there.At))
}

// checkRegistered says whether the account knows the plan and it may still be applied, and the time by the account's clock.
func (d *Deployment) checkRegistered(ctx context.Context, book *ledger.Ledger, f PlanFile) (time.Time, error) {
	kept, now, err := book.Plan(ctx, f.Digest)
	again := fmt.Sprintf("plan again with `lockstep plan --env %s --out FILE`", f.Environment)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return now, refuse(err, "account %s does not know the plan %.12s: it was made for another account, or by another hand; %s", d.target.Account, f.Digest, again)
	case err != nil:
		return now, err
	case !kept.ChangeSetsDeletedAt.IsZero():
		return now, refuse(nil, "the plan %.12s was dropped at %s; %s", f.Digest, utc.Format(kept.ChangeSetsDeletedAt), again)
	case now.After(kept.Expires):
		return now, refuse(nil, "the plan %.12s was good until %s; %s", f.Digest, utc.Format(kept.Expires), again)
	case kept.AppliedByRun != "" && kept.AppliedByRun != d.interruptedRun:
		return now, refuse(nil, "the plan %.12s was applied by run %s already; %s", f.Digest, kept.AppliedByRun, again)
	}
	return now, nil
}
