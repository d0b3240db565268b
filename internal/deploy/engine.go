package deploy

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/deploy/risk"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

// A DeployRequest is what a deployment is asked to do.
type DeployRequest struct {
	// Allow are the permits for flagged changes.
	Allow []change.Permit
	// Plan is the reviewed plan, which is applied as it is; nil to plan now.
	Plan *planfile.File
	// Restores is the number of the release that is restored; 0 for a deployment.
	Restores int
	// Note says why a release is restored; empty for none.
	Note string
}

// The modes of a run, as they are recorded.
const (
	Live      = "live"
	Rehearsal = "rehearsal"
)

// Deploy makes the account what the assembly wants, under the account's lock, and records the release. If there is
// nothing to do, it writes nothing. It resumes a run that was cut off.
func (d *Deployment) Deploy(ctx context.Context, o DeployRequest) (Record, error) {
	if err := d.requireReviewedPlan(o); err != nil {
		return d.newPlan().Record(), err
	}
	l, err := d.Ledger(ctx)
	if err != nil {
		return d.newPlan().Record(), err
	}
	if o.Plan == nil {
		found, err := d.compareStacks(ctx)
		if err != nil {
			return found.Record(), err
		}
		if found.isUnchanged() && d.isAlreadyReleased(ctx, l) {
			return found.Record(), nil
		}
		if !found.isUnchanged() {
			if found.err = found.checkRefused(ctx); found.err != nil {
				return found.Record(), found.err
			}
		}
	}
	return d.withLock(ctx, l, o, func(before ledger.Journal) (Record, error) {
		return d.deployLocked(ctx, l, o, before)
	})
}

// isAlreadyReleased reports whether the last run has recorded this very assembly and released the lock.
func (d *Deployment) isAlreadyReleased(ctx context.Context, l *ledger.Ledger) bool {
	last, err := l.Journal(ctx)
	if err != nil || last.IsInterrupted() || !last.LatestRelease.Matches(d.SynthDigest, d.SiblingDigests) {
		return false
	}
	if l.CheckNewest(ctx, last) != nil {
		return false // the run that follows says it
	}
	lock, err := l.LockStatus(ctx)
	return err == nil && (lock == nil || !lock.Abandoned)
}

// requireReviewedPlan refuses a live deployment without a reviewed plan where the environment requires one.
func (d *Deployment) requireReviewedPlan(o DeployRequest) error {
	if !d.RequiresApproval || o.Plan != nil || d.Run.Mode != Live {
		return nil
	}
	env := d.target.Environment
	planning := "plan"
	applying := "deploy"
	if o.Restores > 0 {
		planning = "rollback"
		applying = "rollback"
	}
	return refusal.Newf(fault.PlanRequired, nil,
		"%s takes only a plan that was approved: `lockstep %s --env %s --live --out plan.json`, "+
			"`lockstep approve --plan plan.json --live`, then `lockstep %s --env %s --live --plan plan.json`",
		env, planning, env, applying, env)
}

// deployLocked plans, applies, verifies and records, under the lock.
func (d *Deployment) deployLocked(
	ctx context.Context, l *ledger.Ledger, o DeployRequest, before ledger.Journal,
) (Record, error) {
	resumed, err := d.resumeInterrupted(ctx, before)
	if err != nil {
		return d.newPlan().Record(), err
	}
	plan, err := d.newOrReviewedPlan(ctx, l, o, before)
	if err != nil {
		return plan.Record(), err
	}
	d.showPlan(plan.Record())
	if err := risk.CheckAllowed(plan.Flags(), plan.permits); err != nil {
		plan.err = err
		if !plan.reviewed { // a reviewed plan can still be applied, with the permit
			plan.err = errors.Join(err, plan.Discard(ctx))
		}
		return plan.Record(), plan.err
	}
	if o.Plan != nil {
		markApplied := func(p *ledger.RegisteredPlan) { p.AppliedByRun = d.Run.ID }
		if err := l.UpdatePlan(ctx, o.Plan.Digest, markApplied); err != nil {
			return plan.Record(), refuseTampered(err)
		}
	}
	if err := plan.apply(ctx); err != nil {
		return plan.Record(), err
	}
	for _, step := range plan.steps {
		if resumed[step.stack.Name] && step.record.Outcome == change.Unchanged {
			step.record.Outcome = change.Updated
			step.record.Reason = "begun by run " + before.RunID + ", which was cut off, and followed to its end"
		}
	}
	if err := plan.verifyDeployed(ctx); err != nil {
		return plan.Record(), err
	}
	if plan.err = d.recordRelease(ctx, l, o, plan); plan.err == nil {
		plan.err = plan.failUnhealthy()
	}
	return plan.Record(), plan.err
}

// newOrReviewedPlan returns the reviewed plan if the request has one, and else a new one.
func (d *Deployment) newOrReviewedPlan(
	ctx context.Context, l *ledger.Ledger, o DeployRequest, before ledger.Journal,
) (*Plan, error) {
	if o.Plan != nil {
		return d.reviewedPlan(ctx, l, o, before)
	}
	p, err := d.Plan(ctx)
	p.permits = o.Allow
	return p, err
}

// resumeInterrupted waits for the end of what a run that was cut off has begun, and returns the stacks that it worked
// on.
func (d *Deployment) resumeInterrupted(ctx context.Context, before ledger.Journal) (map[string]bool, error) {
	begun := map[string]bool{}
	for _, s := range d.assembly.Stacks {
		begun[s.Name] = before.Stacks[s.Name].State == ledger.Begun
	}
	err := d.forEachStack(ctx, func(ctx context.Context, _ int, s *assembly.Stack) error {
		if !begun[s.Name] {
			return nil
		}
		client, err := d.stackClient(ctx, s)
		if err != nil {
			return err
		}
		state, err := client.Describe(ctx, s.Name)
		if err != nil {
			return err
		}
		changeSet := &cfn.ChangeSet{ID: before.Stacks[s.Name].ChangeSet, StackID: state.ID()}
		if err := d.resumeStack(ctx, client, state, changeSet, before.RunID); err != nil {
			return fmt.Errorf("stack %s: %w", s.Name, err)
		}
		return nil
	})
	return begun, err
}

// resumeStack waits for the end of what an earlier run has begun with a stack. It has perhaps ended, or was not begun
// after all: then the plan will show what there is to do. The ARN of the change set is empty for an operation without
// one.
func (d *Deployment) resumeStack(
	ctx context.Context, client *cfn.Client, state cfn.State, set *cfn.ChangeSet, runID string,
) error {
	if state.ID() == "" || set.ID == "" && state.Phase != cfn.Busy {
		return nil
	}
	name := aws.ToString(state.StackName)
	resume := func() {
		d.printProgress(fmt.Sprintf("%s: resuming what run %s has begun, CloudFormation is at %s",
			name, runID, state.StackStatus))
	}
	if set.ID != "" {
		operation, isRunning, err := client.FindExecution(ctx, set)
		if err != nil {
			return err
		}
		if isRunning {
			resume()
			return client.Follow(ctx, name, operation)
		}
	}
	if state.Phase != cfn.Busy {
		return nil
	}
	resume()
	return client.FollowRunning(ctx, name, state)
}
