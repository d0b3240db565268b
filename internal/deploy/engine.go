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
	"lockstep/internal/utc"
)

// An DeployRequest is what a deployment is asked to do.
type DeployRequest struct {
	// Allow are the permits that are given for whatever comes of the plan.
	Allow []Permit
	// Plan is the reviewed plan, which is applied as it stands; nil to plan now.
	Plan *PlanFile
	// Restores is the number of the release that is gone back to; 0 for a deployment.
	Restores int
}

// Deploy brings the account to where the assembly wants it, under the account's lock, and records what came of it. When there is nothing to do, nothing
// is written. What a run that was cut off has begun is taken up.
func (d *Deployment) Deploy(ctx context.Context, o DeployRequest) (Record, error) {
	if err := d.requireReviewedPlan(o); err != nil {
		return d.newPlan().Record(), err
	}
	book, err := d.Ledger(ctx)
	if err != nil {
		return d.newPlan().Record(), err
	}
	if o.Plan == nil {
		seen, err := d.compareStacks(ctx)
		if err != nil {
			return seen.Record(), err
		}
		if seen.isUnchanged() && d.isAlreadyReleased(ctx, book) {
			return seen.Record(), nil
		}
	}
	return d.withLock(ctx, book, func(before ledger.Journal) (Record, error) { return d.deployLocked(ctx, book, o, before) }, o)
}

// isAlreadyReleased says whether the last run has recorded this very assembly and left nothing behind, not even a lock: it may have been killed as its last act.
func (d *Deployment) isAlreadyReleased(ctx context.Context, book *ledger.Ledger) bool {
	last, err := book.Journal(ctx)
	if err != nil || last.IsInterrupted() || !last.LatestRelease.Matches(d.SynthDigest, d.SiblingDigests) {
		return false
	}
	held, err := book.LockStatus(ctx)
	return err == nil && (held == nil || !held.Abandoned)
}

// requireReviewedPlan refuses to go on without a reviewed plan where one is asked for.
func (d *Deployment) requireReviewedPlan(o DeployRequest) error {
	if !d.RequiresApproval || o.Plan != nil || d.Run.Mode != Live {
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

// withLock does something while the lock is held and the journal is kept.
func (d *Deployment) withLock(ctx context.Context, book *ledger.Ledger, do func(ledger.Journal) (Record, error), o DeployRequest) (record Record, err error) {
	lock, release, err := d.acquireLock(ctx, book)
	if err != nil {
		return d.newPlan().Record(), err
	}
	defer func() { release(err) }()
	if _, err := book.LatestRelease(ctx); err != nil { // before anything is written that would have to be recorded behind it
		return d.newPlan().Record(), refuseTampered(err)
	}
	j := ledger.Journal{RunID: d.Run.ID, CallerARN: d.callerARN, Command: d.Run.Command, Commit: d.Run.Commit, Token: lock.Token(), SynthDigest: d.SynthDigest, Started: time.Now().UTC()}
	if o.Plan != nil {
		j.PlanDigest = o.Plan.Digest
	}
	last, err := book.Journal(ctx)
	if damaged := (*ledger.DamagedError)(nil); err != nil && !errors.As(err, &damaged) {
		return d.newPlan().Record(), err
	}
	if last.IsInterrupted() && o.Plan != nil && last.PlanDigest == o.Plan.Digest {
		j.Stacks = last.Stacks // it is this very plan that goes on
	}
	journal, before, err := book.BeginJournal(ctx, j)
	if err != nil {
		return d.newPlan().Record(), err
	}
	d.journal = journal
	if before.IsInterrupted() {
		d.interruptedRun = before.RunID
		d.printProgress(fmt.Sprintf("run %s by %s was cut off; this run goes on from there", before.RunID, before.CallerARN))
	} else {
		before = ledger.Journal{}
	}
	record, err = do(before)
	if errors.Is(err, context.Canceled) || errors.Is(err, errInterrupted) {
		return record, err // the journal says that the run was cut off, which is true
	}
	ending, cancel := cleanupContext(ctx, err)
	defer cancel()
	if isUnreachable(err) {
		_ = journal.End(ending, time.Now().UTC(), string(record.Outcome)) // it says already that nobody answers
		return record, err
	}
	return record, errors.Join(err, journal.End(ending, time.Now().UTC(), string(record.Outcome)))
}

// acquireLock takes the lock and puts the fence up. What it returns gives the lock back, and wants to know how what was done under it has ended.
func (d *Deployment) acquireLock(ctx context.Context, book *ledger.Ledger) (*ledger.Lock, func(error), error) {
	var pulse *ledger.HeartbeatFile
	if d.HeartbeatDir != "" {
		var err error
		if pulse, err = ledger.NewHeartbeatFile(d.HeartbeatDir, d.Run.ID); err != nil {
			d.printProgress(fmt.Sprintf("there is no place for this run's sign of life (%v): if it is killed, the next one waits until the lock's lease ends", err))
		}
	}
	lock, err := book.AcquireLock(ctx, newLockHolder(d.Run, d.callerARN, pulse))
	if err != nil {
		var held *ledger.LockHeldError
		if errors.As(err, &held) {
			pulse.Close()
			return nil, nil, refuse(err, "%s; wait until it has ended, or, if it is gone for good, `lockstep unlock --env %s --holder %s`", held, d.target.Environment, held.Holder.ID)
		}
		// The lock may have been written all the same. The next run sees by the file that its holder has ended.
		return nil, nil, err
	}
	if lock.PreviousHolder != nil {
		d.printProgress(fmt.Sprintf("the lock of %s, which is gone, is taken over", lock.PreviousHolder))
	}
	d.fence.lock.Store(lock)
	return lock, func(ended error) {
		d.fence.lock.Store(nil)
		ending, cancel := cleanupContext(ctx, ended)
		defer cancel()
		if err := lock.Release(ending); err != nil {
			// The pulse stays, locked until this process ends.
			d.printProgress(fmt.Sprintf("the lock could not be given back (%v); it is free when this process has ended, or in %v from elsewhere", err, ledger.Lease))
			return
		}
		pulse.Close()
	}, nil
}

// deployLocked is what is done under the lock.
func (d *Deployment) deployLocked(ctx context.Context, book *ledger.Ledger, o DeployRequest, before ledger.Journal) (Record, error) {
	picked, err := d.resumeInterrupted(ctx, before)
	if err != nil {
		return d.newPlan().Record(), err
	}
	plan, err := d.newOrReviewedPlan(ctx, book, o, before)
	if err != nil {
		return plan.Record(), err
	}
	d.showPlan(plan.Record())
	if err := checkAllowed(plan.Flags(), plan.allowed); err != nil {
		plan.err = err
		if !plan.reviewed { // a reviewed plan can still be applied, with the permit
			plan.err = errors.Join(err, plan.Discard(ctx))
		}
		return plan.Record(), plan.err
	}
	if o.Plan != nil {
		if err := book.UpdatePlan(ctx, o.Plan.Digest, func(p *ledger.RegisteredPlan) { p.AppliedByRun = d.Run.ID }); err != nil {
			return plan.Record(), err
		}
	}
	if err := plan.apply(ctx); err != nil {
		return plan.Record(), err
	}
	for _, step := range plan.steps {
		if picked[step.stack.Name] && step.record.Outcome == Unchanged {
			step.record.Outcome, step.record.Reason = Updated, "begun by run "+before.RunID+", which was cut off, and seen to its end"
		}
	}
	if err := plan.verifyDeployed(ctx); err != nil {
		return plan.Record(), err
	}
	plan.err = d.recordRelease(ctx, book, o, plan)
	return plan.Record(), plan.err
}

// newOrReviewedPlan is the reviewed plan if there is one, and else a new one.
func (d *Deployment) newOrReviewedPlan(ctx context.Context, book *ledger.Ledger, o DeployRequest, before ledger.Journal) (*Plan, error) {
	if o.Plan == nil {
		p, err := d.Plan(ctx)
		p.allowed = o.Allow
		return p, err
	}
	none := d.newPlan()
	t, err := d.checkMatches(*o.Plan)
	if err != nil {
		return none, err
	}
	if _, err := d.checkRegistered(ctx, book, *o.Plan); err != nil {
		return none, err
	}
	allowed := slices.Clone(o.Allow)
	approval, err := book.Approval(ctx, o.Plan.Digest)
	if err != nil {
		return none, err
	}
	if approval == nil && d.RequiresApproval {
		return none, refuse(nil, "nobody has approved the plan %.12s, and %s asks for it: `lockstep approve --plan FILE`, then run this again", o.Plan.Digest, d.target.Environment)
	}
	if approval != nil {
		d.printProgress(fmt.Sprintf("the plan was approved by %s at %s", approval.ApproverARN, utc.Format(approval.At)))
		for _, name := range approval.Allow {
			allowed = append(allowed, Permit(name))
		}
	}
	p, err := d.loadReviewedPlan(ctx, t, before)
	p.allowed, p.digest = allowed, o.Plan.Digest
	if err == nil {
		p.orphanedStacks, p.err = d.orphanedStacks(ctx)
		err = p.err
	}
	return p, err
}

// resumeInterrupted sees to its end what a run that was cut off has begun, and returns the stacks that it was at work on.
func (d *Deployment) resumeInterrupted(ctx context.Context, before ledger.Journal) (map[string]bool, error) {
	picked := map[string]bool{}
	for _, s := range d.assembly.Stacks {
		picked[s.Name] = before.Stacks[s.Name].State == ledger.Begun
	}
	err := d.forEachStack(ctx, func(ctx context.Context, _ int, s *assembly.Stack) error {
		if !picked[s.Name] {
			return nil
		}
		client, err := d.cloudFormation(ctx, s)
		if err != nil {
			return err
		}
		have, err := describeStack(ctx, client, s.Name)
		if err != nil || have.phase != busy {
			return err // it has ended, or was not begun after all: the plan will show what there is to do
		}
		d.printProgress(fmt.Sprintf("%s: picking up what run %s has begun, CloudFormation is at %s", s.Name, before.RunID, have.StackStatus))
		seen, err := eventBeforeOperation(ctx, client, *have.StackId)
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

// eventBeforeOperation is the event before those of the operation that is under way; empty if there is none.
func eventBeforeOperation(ctx context.Context, client *cloudformation.Client, stack string) (string, error) {
	events, err := eventsSince(ctx, client, stack, "")
	if err != nil {
		return "", err
	}
	for i, e := range slices.Backward(events) {
		status := string(e.ResourceStatus)
		if isStackEvent(e) && (status == "CREATE_IN_PROGRESS" || status == "UPDATE_IN_PROGRESS" || status == "DELETE_IN_PROGRESS" || status == "IMPORT_IN_PROGRESS") && i > 0 {
			return *events[i-1].EventId, nil
		}
	}
	return "", nil
}

func newLockHolder(run RunInfo, by string, pulse *ledger.HeartbeatFile) ledger.Holder {
	return ledger.Holder{ID: run.ID, CallerARN: by, Command: run.Command, Host: ledger.Host(), PID: os.Getpid(), HeartbeatFile: pulse.Path(), Since: time.Now().UTC()}
}
