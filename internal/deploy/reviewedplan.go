package deploy

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/utc"
)

// checkMatches refuses a plan that is not of what this deployment is about: another environment, mode, assembly, configuration or account.
func (d *Deployment) checkMatches(f PlanFile) (TargetPlan, error) {
	again := fmt.Sprintf("plan again with `lockstep plan --env %s --out FILE`", d.target.Environment)
	for _, differs := range []struct{ what, plan, here string }{
		{"project", f.Project, d.target.Project},
		{"environment", f.Environment, d.target.Environment},
		{"mode", f.Mode, d.Run.Mode},
		{"configuration", f.ConfigurationDigest, d.ConfigurationDigest},
		{"cloud assembly", f.EnvironmentDigest, d.EnvironmentDigest},
	} {
		if differs.plan != differs.here {
			return TargetPlan{}, refuse(nil, "the plan is of another %s (%.12s) than what is to be deployed (%.12s); %s", differs.what, differs.plan, differs.here, again)
		}
	}
	t, ok := f.Target(d.target.Account, d.target.Region)
	switch {
	case !ok:
		return t, refuse(nil, "the plan is of other accounts than %s in %s; %s", d.target.Account, d.target.Region, again)
	case t.DeployedDigest != d.assembly.Digest:
		return t, refuse(nil, "the plan is of another cloud assembly (%.12s) than the one that would be deployed to %s (%.12s); %s", t.DeployedDigest, d.target.Account, d.assembly.Digest, again)
	}
	return t, nil
}

// loadReviewedPlan turns the part of a plan file back into a plan, after seeing that every stack and change set is as it was when the plan was made. Of a run that was
// cut off in the middle of this very plan, the journal says which stacks it has begun.
func (d *Deployment) loadReviewedPlan(ctx context.Context, t TargetPlan, before ledger.Journal) (*Plan, error) {
	p := d.newPlan()
	p.reviewed = true
	if err := checkSameStacks(d.assembly.Stacks, t.Stacks); err != nil {
		return p, err
	}
	p.err = d.forEachStack(ctx, func(ctx context.Context, i int, s *assembly.Stack) error {
		step := p.steps[i]
		want := t.Stacks[slices.IndexFunc(t.Stacks, func(x StackPlan) bool { return x.Name == s.Name })]
		return p.recordStep(step, func() error { return p.loadReviewedStack(ctx, step, want, before.Stacks[s.Name]) })
	})
	return p, p.err
}

func checkSameStacks(have []*assembly.Stack, want []StackPlan) error {
	var a, b []string
	for _, s := range have {
		a = append(a, s.Name)
	}
	for _, s := range want {
		b = append(b, s.Name)
	}
	if !sameSet(a, b) {
		return refuse(nil, "the plan is of the stacks %v, and the assembly has %v: plan again", b, a)
	}
	return nil
}

func (p *Plan) loadReviewedStack(ctx context.Context, step *planStep, want StackPlan, begun ledger.JournalEntry) error {
	d := p.deployment
	client, err := d.cloudFormation(ctx, step.stack)
	if err != nil {
		return err
	}
	if step.current, err = describeStack(ctx, client, step.stack.Name); err != nil {
		return err
	}
	if begun.State == ledger.Done || begun.State == ledger.Begun {
		done, err := d.wasExecuted(ctx, client, want, begun)
		if err != nil {
			return err
		}
		if done {
			step.record.Outcome, step.record.Outputs, step.record.Changes = Updated, step.current.outputs(), want.Changes
			step.record.Reason = "the run that was cut off had done it"
			return nil
		}
	}
	if now := string(step.current.StackStatus); step.current.phase != absent && now != want.Status || !step.current.lastUpdated().Equal(want.Updated) && want.Status != "" {
		return refuse(nil, "the stack was changed since the plan was made: it was %s of %s and is %s of %s; plan again",
			statusText(want.Status), utc.Format(want.Updated), statusText(now), utc.Format(step.current.lastUpdated()))
	}
	step.record.Outcome, step.record.Reason, step.record.Flags = want.Outcome, want.Reason, want.Flags
	if want.Outcome == Unchanged {
		step.record.Outputs = step.current.outputs()
	}
	if want.ChangeSet == "" {
		step.record.Changes = want.Changes
		return nil
	}
	step.set = &changeSet{id: want.ChangeSet, name: changeSetName(want.ChangeSet), stackID: want.StackID}
	return step.set.checkReviewed(ctx, client, want.Changes, &step.record)
}

func statusText(status string) string {
	if status == "" {
		return "not there"
	}
	return status
}

// wasExecuted says whether a change set that a run had begun to execute has been.
func (d *Deployment) wasExecuted(ctx context.Context, client *cloudformation.Client, want StackPlan, begun ledger.JournalEntry) (bool, error) {
	if want.ChangeSet == "" || begun.ChangeSet != "" && begun.ChangeSet != want.ChangeSet {
		return false, nil
	}
	out, err := client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: &want.ChangeSet, StackName: &want.StackID})
	if err != nil {
		return false, wrapAWS(err)
	}
	return out.ExecutionStatus == types.ExecutionStatusExecuteComplete, nil
}

// checkReviewed refuses a change set that is not there, cannot be executed, or would do something else than was reviewed.
func (c *changeSet) checkReviewed(ctx context.Context, client *cloudformation.Client, reviewed []Change, into *StackRecord) error {
	out, err := client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: &c.id, StackName: &c.stackID})
	switch {
	case errorCode(err) == "ChangeSetNotFound", isNotFound(err):
		return refuse(err, "its change set is gone: the stack was changed since the plan was made, or the plan was dropped; plan again")
	case err != nil:
		return wrapAWS(err)
	case out.Status != types.ChangeSetStatusCreateComplete, out.ExecutionStatus != types.ExecutionStatusAvailable:
		return refuse(nil, "its change set can no longer be executed (%s): the stack was changed since the plan was made; plan again", out.ExecutionStatus)
	}
	if c.changes, err = describeChanges(ctx, client, c.id, ""); err != nil {
		return err
	}
	if !reflect.DeepEqual(c.changes, resourceChanges(into.Name, reviewed)) {
		return refuse(nil, "its change set would do something else than was reviewed: plan again")
	}
	into.Changes = reviewed
	return nil
}

// changeSetName is the name in a change set's ARN, arn:aws:cloudformation:REGION:ACCOUNT:changeSet/NAME/ID.
func changeSetName(arn string) string {
	parts := strings.Split(arn, "/")
	return parts[max(0, len(parts)-2)]
}
