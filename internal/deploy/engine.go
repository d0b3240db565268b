package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/ledger"
)

// An Order is what a deployment is asked to do.
type Order struct {
	// Allow are the permits that are given for whatever comes of the plan.
	Allow []Permit
	// Plan is the reviewed plan, which is applied as it stands; nil to plan now.
	Plan *PlanFile
	// Restores is the number of the release that is gone back to; 0 for a deployment.
	Restores int
}

// Deploy brings the account to where the assembly wants it, under the account's lock, and records what came of it. When there is nothing to do, nothing
// is written. What a run that was cut off has begun is taken up.
func (d *Deployment) Deploy(ctx context.Context, o Order) (Record, error) {
	if err := d.needsReview(o); err != nil {
		return d.newPlan().Record(), err
	}
	book, err := d.Ledger(ctx)
	if err != nil {
		return d.newPlan().Record(), err
	}
	if o.Plan == nil {
		seen, err := d.survey(ctx)
		if err != nil {
			return seen.Record(), err
		}
		if seen.unchanged() && d.tidy(ctx, book) {
			return seen.Record(), nil
		}
	}
	return d.locked(ctx, book, func(before ledger.Journal) (Record, error) { return d.deploy(ctx, book, o, before) }, o)
}

// tidy says whether the last run has recorded this very assembly and left nothing behind, not even a lock: it may have been killed as its last act.
func (d *Deployment) tidy(ctx context.Context, book *ledger.Ledger) bool {
	last, err := book.Journal(ctx)
	if err != nil || last.CutOff() || !last.Release.Same(d.Source, d.Beside) {
		return false
	}
	held, err := book.HeldBy(ctx)
	return err == nil && (held == nil || !held.Dead)
}

// needsReview refuses to go on without a reviewed plan where one is asked for.
func (d *Deployment) needsReview(o Order) error {
	if !d.Approval || o.Plan != nil || d.Run.Mode != Live {
		return nil
	}
	env, command, doing := d.target.Environment, "plan", "deploy"
	if o.Restores > 0 {
		command, doing = "rollback", "rollback"
	}
	return refuse(nil, "%s takes only a plan that was approved: `lockstep %s --env %s --live --out plan.json`, `lockstep approve --plan plan.json --live`, "+
		"then `lockstep %s --env %s --live --plan plan.json`", env, command, env, doing, env)
}

// The modes of a run, as they are written down.
const (
	Live      = "live"
	Rehearsal = "rehearsal"
)

// locked does something while the lock is held and the journal is kept.
func (d *Deployment) locked(ctx context.Context, book *ledger.Ledger, do func(ledger.Journal) (Record, error), o Order) (record Record, err error) {
	lock, release, err := d.lock(ctx, book)
	if err != nil {
		return d.newPlan().Record(), err
	}
	defer func() { release(err) }()
	if _, err := book.Latest(ctx); err != nil { // before anything is written that would have to be recorded behind it
		return d.newPlan().Record(), tampered(err)
	}
	j := ledger.Journal{Run: d.Run.ID, By: d.by, Doing: d.Run.Doing, Commit: d.Run.Commit, Token: lock.Token(), Assembly: d.Source, Started: time.Now().UTC()}
	if o.Plan != nil {
		j.Plan = o.Plan.Digest
	}
	last, err := book.Journal(ctx)
	if damaged := (*ledger.DamagedError)(nil); err != nil && !errors.As(err, &damaged) {
		return d.newPlan().Record(), err
	}
	if last.CutOff() && o.Plan != nil && last.Plan == o.Plan.Digest {
		j.Stacks = last.Stacks // it is this very plan that goes on
	}
	journal, before, err := book.Begin(ctx, j)
	if err != nil {
		return d.newPlan().Record(), err
	}
	d.journal = journal
	if before.CutOff() {
		d.deadRun = before.Run
		d.tell(fmt.Sprintf("run %s by %s was cut off; this run goes on from there", before.Run, before.By))
	} else {
		before = ledger.Journal{}
	}
	record, err = do(before)
	if errors.Is(err, context.Canceled) || errors.Is(err, errInterrupted) {
		return record, err // the journal says that the run was cut off, which is true
	}
	ending, cancel := afterwards(ctx, err)
	defer cancel()
	if silent(err) {
		_ = journal.End(ending, time.Now().UTC(), string(record.Outcome)) // it says already that nobody answers
		return record, err
	}
	return record, errors.Join(err, journal.End(ending, time.Now().UTC(), string(record.Outcome)))
}

// lock takes the lock and puts the fence up. What it returns gives the lock back, and wants to know how what was done under it has ended.
func (d *Deployment) lock(ctx context.Context, book *ledger.Ledger) (*ledger.Lock, func(error), error) {
	var pulse *ledger.Pulse
	if d.Pulses != "" {
		var err error
		if pulse, err = ledger.NewPulse(d.Pulses, d.Run.ID); err != nil {
			d.tell(fmt.Sprintf("there is no place for this run's sign of life (%v): if it is killed, the next one waits until the lock's lease ends", err))
		}
	}
	lock, err := book.Acquire(ctx, holder(d.Run, d.by, pulse))
	if err != nil {
		pulse.End()
		var held *ledger.HeldError
		if errors.As(err, &held) {
			return nil, nil, refuse(err, "%s; wait until it has ended, or, if it is gone for good, `lockstep unlock --env %s --holder %s`", held, d.target.Environment, held.Holder.ID)
		}
		return nil, nil, err
	}
	if lock.Before != nil {
		d.tell(fmt.Sprintf("the lock of %s, which is gone, is taken over", lock.Before))
	}
	d.fence.lock.Store(lock)
	return lock, func(ended error) {
		d.fence.lock.Store(nil)
		ending, cancel := afterwards(ctx, ended)
		defer cancel()
		if err := lock.Release(ending); err != nil {
			// The pulse stays, locked until this process ends.
			d.tell(fmt.Sprintf("the lock could not be given back (%v); it is free when this process has ended, or in %v from elsewhere", err, ledger.Lease))
			return
		}
		pulse.End()
	}, nil
}

// deploy is what is done under the lock.
func (d *Deployment) deploy(ctx context.Context, book *ledger.Ledger, o Order, before ledger.Journal) (Record, error) {
	picked, err := d.pickUp(ctx, before)
	if err != nil {
		return d.newPlan().Record(), err
	}
	plan, err := d.planOrReview(ctx, book, o, before)
	if err != nil {
		return plan.Record(), err
	}
	d.tell(plan.Record().Text())
	if err := permit(plan.Flags(), plan.allowed); err != nil {
		plan.err = err
		if !plan.reviewed { // a reviewed plan can still be applied, with the permit
			plan.err = errors.Join(err, plan.Discard(ctx))
		}
		return plan.Record(), plan.err
	}
	if o.Plan != nil {
		if err := book.MarkPlan(ctx, o.Plan.Digest, func(p *ledger.Plan) { p.Applied = d.Run.ID }); err != nil {
			return plan.Record(), err
		}
	}
	if err := plan.apply(ctx); err != nil {
		return plan.Record(), err
	}
	for _, step := range plan.steps {
		if picked[step.stack.Name] && step.record.Outcome == Unchanged {
			step.record.Outcome, step.record.Reason = Updated, "begun by run "+before.Run+", which was cut off, and seen to its end"
		}
	}
	if err := plan.check(ctx); err != nil {
		return plan.Record(), err
	}
	plan.err = d.release(ctx, book, o, plan)
	return plan.Record(), plan.err
}

// planOrReview is the reviewed plan if there is one, and else a new one.
func (d *Deployment) planOrReview(ctx context.Context, book *ledger.Ledger, o Order, before ledger.Journal) (*Plan, error) {
	if o.Plan == nil {
		p, err := d.Plan(ctx)
		p.allowed = o.Allow
		return p, err
	}
	none := d.newPlan()
	t, err := d.fits(*o.Plan)
	if err != nil {
		return none, err
	}
	if _, err := d.knows(ctx, book, *o.Plan); err != nil {
		return none, err
	}
	allowed := slices.Clone(o.Allow)
	approval, err := book.Approval(ctx, o.Plan.Digest)
	if err != nil {
		return none, err
	}
	if approval == nil && d.Approval {
		return none, refuse(nil, "nobody has approved the plan %.12s, and %s asks for it: `lockstep approve --plan FILE`, then run this again", o.Plan.Digest, d.target.Environment)
	}
	if approval != nil {
		d.tell(fmt.Sprintf("the plan was approved by %s at %s", approval.By, approval.At.Format(time.DateTime)))
		for _, name := range approval.Allow {
			allowed = append(allowed, Permit(name))
		}
	}
	p, err := d.review(ctx, t, before)
	p.allowed, p.digest = allowed, o.Plan.Digest
	if err == nil {
		p.left, p.err = d.leftBehind(ctx)
		err = p.err
	}
	return p, err
}

// pickUp sees to its end what a run that was cut off has begun, and returns the stacks that it was at work on.
func (d *Deployment) pickUp(ctx context.Context, before ledger.Journal) (map[string]bool, error) {
	picked := map[string]bool{}
	for _, s := range d.assembly.Stacks {
		picked[s.Name] = before.Stacks[s.Name].State == ledger.Begun
	}
	err := d.each(ctx, func(ctx context.Context, _ int, s *assembly.Stack) error {
		if !picked[s.Name] {
			return nil
		}
		client, err := d.cloudFormation(ctx, s)
		if err != nil {
			return err
		}
		have, err := describe(ctx, client, s.Name)
		if err != nil || have.phase != busy {
			return err // it has ended, or was not begun after all: the plan will show what there is to do
		}
		d.tell(fmt.Sprintf("%s: picking up what run %s has begun, CloudFormation is at %s", s.Name, before.Run, have.StackStatus))
		seen, err := beforeOperation(ctx, client, *have.StackId)
		if err != nil {
			return err
		}
		if err := d.follow(ctx, client, s.Name, *have.StackId, seen); err != nil {
			return fmt.Errorf("stack %s: %w", s.Name, err)
		}
		return nil
	})
	return picked, err
}

// beforeOperation is the event before those of the operation that is under way; empty if there is none.
func beforeOperation(ctx context.Context, client *cloudformation.Client, stack string) (string, error) {
	events, err := eventsSince(ctx, client, stack, "")
	if err != nil {
		return "", err
	}
	for i, e := range slices.Backward(events) {
		status := string(e.ResourceStatus)
		if ofStack(e) && (status == "CREATE_IN_PROGRESS" || status == "UPDATE_IN_PROGRESS" || status == "DELETE_IN_PROGRESS" || status == "IMPORT_IN_PROGRESS") && i > 0 {
			return *events[i-1].EventId, nil
		}
	}
	return "", nil
}

func holder(run Run, by string, pulse *ledger.Pulse) ledger.Holder {
	return ledger.Holder{ID: run.ID, By: by, Doing: run.Doing, Host: ledger.Host(), PID: os.Getpid(), Pulse: pulse.Path(), Since: time.Now().UTC()}
}
