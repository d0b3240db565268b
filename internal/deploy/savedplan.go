package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/refusal"

	"github.com/aws/aws-sdk-go-v2/aws"

	"lockstep/internal/deploy/ledger"
)

// SavePlan is a plan whose change sets stay, to be applied after a review, and the part of the plan file that belongs to this target.
func (d *Deployment) SavePlan(ctx context.Context, goodFor time.Duration) (*Plan, planfile.Target, error) {
	p, err := d.planWithTTL(ctx, goodFor)
	if err != nil {
		return p, planfile.Target{}, err
	}
	t := planfile.Target{Account: d.target.Account, Region: d.target.Region, DeployedDigest: d.assembly.Digest, OrphanedStacks: p.Record().OrphanedStacks}
	for _, step := range p.steps {
		s := planfile.Stack{
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
func (d *Deployment) NewPlanFile(targets []planfile.Target, goodFor time.Duration) (planfile.File, error) {
	now := time.Now().UTC().Truncate(time.Second)
	f := planfile.File{
		Schema: planfile.Format, Project: d.target.Project, Environment: d.target.Environment, Mode: d.Run.Mode,
		Run: d.Run.ID, By: d.sessions.CallerARN(), Commit: d.Run.Commit, CreatedAt: now, Expires: now.Add(goodFor).Truncate(time.Second),
		EnvironmentDigest: d.EnvironmentDigest, ConfigurationDigest: d.ConfigurationDigest, Targets: targets,
	}
	err := f.SetDigest()
	return f, err
}

// RegisterPlan lets the target account know of a plan, without which nobody may apply it.
func (d *Deployment) RegisterPlan(ctx context.Context, f planfile.File) error {
	book, err := d.Ledger(ctx)
	if err != nil {
		return err
	}
	return book.RegisterPlan(ctx, ledger.RegisteredPlan{Digest: f.Digest, CallerARN: f.By, RunID: f.Run, CreatedAt: f.CreatedAt, Expires: f.Expires})
}

// DeletePlan throws a plan's change sets away, with the empty stacks that held them.
func (d *Deployment) DeletePlan(ctx context.Context, f planfile.File) error {
	t, ok := f.Target(d.target.Account, d.target.Region)
	if !ok {
		return fmt.Errorf("the plan has no part for account %s in %s", d.target.Account, d.target.Region)
	}
	cfg, err := d.sessions.Config(ctx, bootstrapRole(d.target, deployKind), d.target.Region)
	if err != nil {
		return err
	}
	client := awsclient.NewCloudFormation(cfg, nil)
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
func (d *Deployment) Approve(ctx context.Context, f planfile.File, note string, allow []change.Permit) (ledger.Approval, error) {
	book, err := d.Ledger(ctx)
	if err != nil {
		return ledger.Approval{}, err
	}
	now, err := d.checkRegistered(ctx, book, f)
	if err != nil {
		return ledger.Approval{}, err
	}
	a := ledger.Approval{PlanDigest: f.Digest, ApproverARN: d.sessions.CallerARN(), At: now.UTC(), Note: note}
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
	return *there, refusal.Newf(nil, "the plan was approved already, by %s at %s", there.ApproverARN, there.At.Format(time.DateTime))
}

// checkRegistered says whether the account knows the plan and it may still be applied, and the time by the account's clock.
func (d *Deployment) checkRegistered(ctx context.Context, book *ledger.Ledger, f planfile.File) (time.Time, error) {
	kept, now, err := book.Plan(ctx, f.Digest)
	again := fmt.Sprintf("plan again with `lockstep plan --env %s --out FILE`", f.Environment)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return now, refusal.Newf(err, "account %s does not know the plan %.12s: it was made for another account, or by another hand; %s", d.target.Account, f.Digest, again)
	case err != nil:
		return now, err
	case !kept.ChangeSetsDeletedAt.IsZero():
		return now, refusal.Newf(nil, "the plan %.12s was dropped at %s; %s", f.Digest, kept.ChangeSetsDeletedAt.Format(time.DateTime), again)
	case now.After(kept.Expires):
		return now, refusal.Newf(nil, "the plan %.12s was good until %s; %s", f.Digest, kept.Expires.Format(time.DateTime), again)
	case kept.AppliedByRun != "" && kept.AppliedByRun != d.interruptedRun:
		return now, refusal.Newf(nil, "the plan %.12s was applied by run %s already; %s", f.Digest, kept.AppliedByRun, again)
	}
	return now, nil
}
