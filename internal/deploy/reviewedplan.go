package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
	"lockstep/internal/utc"
)

// checkMatches refuses a plan of another environment, mode, assembly, configuration or account than this deployment's.
// It returns the plan of the target.
func (d *Deployment) checkMatches(f planfile.File) (planfile.Target, error) {
	advice := fmt.Sprintf("plan again with `lockstep plan --env %s --out FILE`", d.target.Environment)
	for _, field := range []struct{ name, plan, here string }{
		{"project", f.Project, d.target.Project},
		{"environment", f.Environment, d.target.Environment},
		{"mode", f.Mode, d.Run.Mode},
		{"configuration", string(f.ConfigurationDigest), string(d.ConfigurationDigest)},
		{"cloud assembly", string(f.EnvironmentDigest), string(d.EnvironmentDigest)},
	} {
		if field.plan != field.here {
			return planfile.Target{}, refusal.Newf(fault.PlanOtherContent, nil,
				"the plan is of another %s (%.12s) than what is to be deployed "+
					"(%.12s); %s", field.name, field.plan, field.here, advice)
		}
	}
	t, ok := f.Target(d.target.Account, d.target.Region)
	switch {
	case !ok:
		return t, refusal.Newf(fault.PlanOtherTarget, nil, "the plan is of other accounts than %s in %s; %s",
			d.target.Account, d.target.Region, advice)
	case t.DeployedDigest != d.assembly.Digest:
		return t, refusal.Newf(fault.PlanOtherContent, nil,
			"the plan is of another cloud assembly (%.12s) than the one that would be deployed to "+
				"%s (%.12s); %s", t.DeployedDigest, d.target.Account, d.assembly.Digest, advice)
	}
	return t, nil
}

// checkRegistered refuses a plan that the account does not know or that may not be applied any more. It returns the
// time by the account's clock.
func (d *Deployment) checkRegistered(ctx context.Context, l *ledger.Ledger, f planfile.File) (time.Time, error) {
	registered, now, err := l.Plan(ctx, f.Digest)
	advice := fmt.Sprintf("plan again with `lockstep plan --env %s --out FILE`", f.Environment)
	switch {
	case errors.Is(err, ledger.ErrNotFound):
		return now, refusal.Newf(fault.PlanUnknown, err,
			"account %s does not know the plan %.12s: it was made for another account, or "+
				"outside Lockstep; %s", d.target.Account, f.Digest, advice)
	case err != nil:
		return now, refuseTampered(err)
	case !registered.ChangeSetsDeletedAt.IsZero():
		return now, refusal.Newf(fault.PlanSpent, nil, "the plan %.12s was dropped at %s; %s",
			f.Digest, utc.Format(registered.ChangeSetsDeletedAt), advice)
	case now.After(registered.Expires):
		return now, refusal.Newf(fault.PlanExpired, nil, "the plan %.12s was good until %s; %s",
			f.Digest, utc.Format(registered.Expires), advice)
	case registered.AppliedByRun != "" && registered.AppliedByRun != d.interruptedRun:
		return now, refusal.Newf(fault.PlanSpent, nil, "the plan %.12s was applied by run %s already; %s",
			f.Digest, registered.AppliedByRun, advice)
	}
	return now, nil
}

// checkApproved refuses a plan that needs an approval and has none. It returns the permits that the approver gave.
func (d *Deployment) checkApproved(ctx context.Context, l *ledger.Ledger, f planfile.File) ([]change.Permit, error) {
	approval, err := l.Approval(ctx, f.Digest)
	switch {
	case err != nil:
		return nil, refuseTampered(err)
	case approval == nil && d.RequiresApproval:
		return nil, refusal.Newf(fault.PlanNotApproved, nil,
			"nobody has approved the plan %.12s, and %s asks for it: `lockstep approve --plan "+
				"FILE`, then run this again", f.Digest, d.target.Environment)
	case approval == nil:
		return nil, nil
	}
	if err := d.checkApprover(approval.ApproverARN, f); err != nil {
		return nil, err
	}
	d.printProgress(fmt.Sprintf("the plan was approved by %s at %s",
		approval.ApproverARN, utc.Format(approval.At)))
	var permits []change.Permit
	for _, name := range approval.Allow {
		permits = append(permits, change.Permit(name))
	}
	return permits, nil
}

// reviewedPlan returns the plan of a plan file, after checking that it may be applied here.
func (d *Deployment) reviewedPlan(
	ctx context.Context, l *ledger.Ledger, o DeployRequest, before ledger.Journal,
) (*Plan, error) {
	none := d.newPlan()
	t, err := d.checkMatches(*o.Plan)
	if err != nil {
		return none, err
	}
	if _, err := d.checkRegistered(ctx, l, *o.Plan); err != nil {
		return none, err
	}
	permits, err := d.checkApproved(ctx, l, *o.Plan)
	if err != nil {
		return none, err
	}
	p, err := d.loadReviewedPlan(ctx, t, before)
	p.permits, p.digest = slices.Concat(o.Allow, permits), o.Plan.Digest
	if err == nil {
		err = p.publishReviewed(ctx)
	}
	if err == nil {
		p.orphanedStacks, p.err = d.orphanedStacks(ctx)
	}
	return p, p.err
}

// loadReviewedPlan turns the plan of a target back into a plan, after checking that every stack and change set is as it
// was when the plan was made. If a run was cut off while it applied this very plan, the journal says which stacks it
// has begun.
func (d *Deployment) loadReviewedPlan(ctx context.Context, t planfile.Target, before ledger.Journal) (*Plan, error) {
	p := d.newPlan()
	p.reviewed = true
	reviewed := map[string]planfile.Stack{}
	for _, s := range t.Stacks {
		reviewed[s.Name] = s
	}
	if p.err = checkSameStacks(d.assembly.Stacks, reviewed); p.err != nil {
		return p, p.err
	}
	p.err = d.forEachStack(ctx, func(ctx context.Context, i int, s *assembly.Stack) error {
		step := p.steps[i]
		return step.run(func() error { return d.loadReviewedStack(ctx, step, reviewed[s.Name], before.Stacks[s.Name]) })
	})
	return p, p.err
}

// publishReviewed publishes what is missing of the files of the stacks that are about to be changed: a change set that
// refers to a missing file fails in the middle of its execution.
func (p *Plan) publishReviewed(ctx context.Context) error {
	p.err = p.deployment.forEachStack(ctx, func(ctx context.Context, i int, _ *assembly.Stack) error {
		step := p.steps[i]
		if step.record.Outcome != change.Planned && step.record.Outcome != change.Deferred {
			return nil
		}
		return step.run(func() error { return p.deployment.publishFor(ctx, step) })
	})
	return p.err
}

// checkSameStacks refuses a plan of other stacks than the assembly's.
func checkSameStacks(stacks []*assembly.Stack, reviewed map[string]planfile.Stack) error {
	var names []string
	same := len(stacks) == len(reviewed)
	for _, s := range stacks {
		_, known := reviewed[s.Name]
		same = same && known
		names = append(names, s.Name)
	}
	if same {
		return nil
	}
	return refusal.Newf(fault.PlanStale, nil, "the plan is of the stacks %v, and the assembly has %v: plan again",
		slices.Sorted(maps.Keys(reviewed)), names)
}

// loadReviewedStack fills a step from what was reviewed.
func (d *Deployment) loadReviewedStack(
	ctx context.Context, step *planStep, reviewed planfile.Stack, begun ledger.JournalEntry,
) error {
	client, err := d.stackClient(ctx, step.stack)
	if err != nil {
		return err
	}
	d.images.expect(reviewed.Images)
	if step.current, err = client.Describe(ctx, step.stack.Name); err != nil {
		return err
	}
	set := &cfn.ChangeSet{ID: reviewed.ChangeSet, StackID: reviewed.StackID}
	if wasBegun(reviewed, begun) {
		done, err := client.WasExecuted(ctx, set)
		if err != nil {
			return err
		}
		if done {
			step.record.Outcome, step.record.Outputs = change.Updated, step.current.StackOutputs(step.stack)
			step.record.Changes, step.record.Reason = reviewed.Changes, "the run that was cut off had done it"
			return nil
		}
	}
	if err := checkUntouched(step.current, reviewed); err != nil {
		return err
	}
	step.record.Outcome, step.record.Reason = reviewed.Outcome, reviewed.Reason
	d.setFlags(ctx, step, reviewed.Flags)
	step.record.Changes = reviewed.Changes
	if reviewed.Outcome == change.Unchanged {
		step.record.Outputs = step.current.StackOutputs(step.stack)
	}
	switch {
	case reviewed.Outcome == change.Deferred:
		return nil
	case reviewed.ChangeSet == "":
		return step.acceptReviewed(ctx, client)
	}
	step.set = set
	return client.CheckReviewed(ctx, set, step.stack, change.OfResources(reviewed.Name, reviewed.Changes))
}

// acceptReviewed takes the differences of a stack without a change set for none: CloudFormation said so when the plan
// was made, and neither the stack nor the assembly has changed since.
func (s *planStep) acceptReviewed(ctx context.Context, client *cfn.Client) error {
	if s.current.Phase != cfn.Updatable {
		return nil
	}
	if err := client.LoadTemplate(ctx, s.stack, &s.current); err != nil {
		return err
	}
	s.accept(s.current.Compare(s.stack))
	return nil
}

// wasBegun reports whether a run that was cut off may have executed a stack's change set.
func wasBegun(reviewed planfile.Stack, begun ledger.JournalEntry) bool {
	return (begun.State == ledger.Done || begun.State == ledger.Begun) &&
		reviewed.ChangeSet != "" && (begun.ChangeSet == "" || begun.ChangeSet == reviewed.ChangeSet)
}

// checkUntouched refuses a stack that is not as it was when the plan was made.
func checkUntouched(state cfn.State, reviewed planfile.Stack) error {
	now := string(state.StackStatus)
	// A stack that was never deployed may hold other change sets by now: only a deployed one has a time that counts.
	wasAbsent := reviewed.Status == "" || cfn.PhaseOf(types.StackStatus(reviewed.Status)) == cfn.Absent
	if state.Phase == cfn.Absent && wasAbsent {
		return nil
	}
	if now == reviewed.Status && state.LastUpdated().Equal(reviewed.Updated) {
		return nil
	}
	before := fmt.Sprintf("%s of %s", statusText(reviewed.Status), utc.Format(reviewed.Updated))
	after := fmt.Sprintf("%s of %s", statusText(now), utc.Format(state.LastUpdated()))
	if before == after { // within a second
		after += ", by another update"
	}
	return refusal.Newf(fault.PlanStale, nil,
		"the stack was changed since the plan was made: it was %s and is %s; plan again", before, after)
}

func statusText(status string) string {
	if status == "" {
		return "not there"
	}
	return status
}

// checkOnlyAdds refuses the change set of a deferred stack that does more than a reviewer could foresee.
func checkOnlyAdds(r StackRecord) error {
	var more []string
	for _, c := range change.OfResources(r.Name, r.Changes) {
		if c.Action != change.Add {
			more = append(more, fmt.Sprintf("%s %s (%s)", c.Action.Symbol(), c.LogicalID, c.Type))
		}
	}
	if len(more) == 0 {
		return nil
	}
	return refusal.Newf(fault.PlanDeferred, nil,
		"it was deferred in the reviewed plan and would now do more than add resources (%s): what "+
			"it needs is there now, so plan and review again", strings.Join(more, ", "))
}
