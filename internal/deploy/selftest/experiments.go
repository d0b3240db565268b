package selftest

import (
	"cmp"
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"lockstep/internal/awsclient"
	"lockstep/internal/fault"
)

// create creates the stack, and reads its template.
func (t *test) create(ctx context.Context) error {
	t.isRemoved = false
	set, err := t.createChangeSet(ctx, variant{value: "1"}, types.ChangeSetTypeCreate, nil)
	if err != nil {
		return err
	}
	if !set.isCreated() {
		return fault.Errorf(fault.ChangeSetFailed, "the change set failed: %s", set.reason)
	}
	status, _, err := t.execute(ctx, set, false)
	if err != nil {
		return err
	}
	if status != types.StackStatusCreateComplete {
		return t.endError(status)
	}
	out, err := t.Deployer.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &t.stackID})
	if err != nil {
		return err
	}
	body := aws.ToString(out.TemplateBody)
	t.see("question marks", confirmedIf(strings.Contains(body, "caf?"), Contradicted),
		"a word of the template with one character beyond ASCII was answered as %s", wordAfter(body, "caf"))
	return nil
}

// wordAfter returns a word in a text from its first letters on, quoted.
func wordAfter(text, start string) string {
	_, rest, _ := strings.Cut(text, start)
	end, _, _ := strings.Cut(rest, `"`)
	return `"` + start + end + `"`
}

// askForNothing creates change sets that change nothing.
func (t *test) askForNothing(ctx context.Context) error {
	for _, c := range []struct {
		row string
		variant
	}{
		{"no changes", variant{value: "1"}},
		{"another template without a change", variant{value: "1", dependsOn: true}},
	} {
		row := c.row
		set, err := t.createChangeSet(ctx, c.variant, types.ChangeSetTypeUpdate, nil)
		if err != nil {
			return err
		}
		if set.isCreated() {
			t.see(row, Contradicted, "the change set was made, with %d changes", len(set.changes))
		} else {
			isKnown := strings.Contains(set.reason, "didn't contain changes") ||
				strings.Contains(set.reason, "No updates are to be")
			t.see(row, confirmedIf(isKnown, Contradicted), "the change set failed: %s", set.reason)
		}
		if err := t.discard(ctx, set); err != nil {
			return err
		}
	}
	return nil
}

// deleteChangeSet deletes a change set and lists those that there are.
func (t *test) deleteChangeSet(ctx context.Context) error {
	set, err := t.createChangeSet(ctx, variant{value: "2"}, types.ChangeSetTypeUpdate, nil)
	if err != nil {
		return err
	}
	if err := t.discard(ctx, set); err != nil {
		return err
	}
	out, err := t.Deployer.ListChangeSets(ctx, &cloudformation.ListChangeSetsInput{StackName: &t.stackID})
	if err != nil {
		return err
	}
	for _, s := range out.Summaries {
		if aws.ToString(s.ChangeSetName) == set.name {
			t.see("deleted later", Confirmed, "it was still listed, as %s", s.Status)
		}
	}
	t.see("deleted later", NotSeen, "it was gone at once")
	return nil
}

// askForNonsense creates a change set with a property that its type does not have.
func (t *test) askForNonsense(ctx context.Context) error {
	set, err := t.createChangeSet(ctx, variant{value: "1", hasNonsense: true}, types.ChangeSetTypeUpdate, nil)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		t.seeRefused("early validation", "CreateChangeSet refused it at once: %s", err)
		return nil
	case set.isCreated():
		t.see("early validation", Contradicted, "the change set was made")
		return t.discard(ctx, set)
	}
	out, err := t.Deployer.DescribeEvents(ctx, &cloudformation.DescribeEventsInput{
		ChangeSetName: &set.id, Filters: &types.EventFilter{FailedEvents: aws.Bool(true)},
	})
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		t.seeRefused("early validation", "it failed, and DescribeEvents did not say why: %s", err)
	default:
		t.see("early validation", confirmedIf(len(out.OperationEvents) > 0, Contradicted),
			"it failed (%s), and DescribeEvents returned %d events about it", set.reason, len(out.OperationEvents))
	}
	return t.discard(ctx, set)
}

// change updates the stack without its tags and its parameter, and then with an empty list of tags.
func (t *test) change(ctx context.Context) error {
	leaveOut := func(in *cloudformation.CreateChangeSetInput) { in.Tags, in.Parameters = nil, nil }
	if err := t.update(ctx, variant{value: "2"}, leaveOut); err != nil {
		return err
	}
	stack, err := t.describe(ctx)
	if err != nil || stack == nil {
		return err
	}
	kept := len(stack.Tags) > 0
	value := ""
	for _, p := range stack.Parameters {
		value = aws.ToString(p.ParameterValue)
	}
	t.see("parameters", confirmedIf(value == "default", Contradicted), "a parameter that was left out came to %q", value)
	removeTags := func(in *cloudformation.CreateChangeSetInput) { in.Tags = []types.Tag{} }
	if err := t.update(ctx, variant{value: "3"}, removeTags); err != nil {
		return err
	}
	if stack, err = t.describe(ctx); err != nil || stack == nil {
		return err
	}
	t.see("kept when left out", confirmedIf(kept && len(stack.Tags) == 0, Contradicted),
		"tags that were left out were kept: %t; an empty list left %d of them", kept, len(stack.Tags))
	return nil
}

// update updates the stack and looks at the changes with and without the values of properties.
func (t *test) update(ctx context.Context, v variant, change func(*cloudformation.CreateChangeSetInput)) error {
	set, err := t.createChangeSet(ctx, v, types.ChangeSetTypeUpdate, change)
	if err != nil {
		return err
	}
	if !set.isCreated() {
		return fault.Errorf(fault.ChangeSetFailed, "the change set failed: %s", set.reason)
	}
	with, err := t.Deployer.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{
		ChangeSetName: &set.id, IncludePropertyValues: aws.Bool(true),
	})
	if err != nil {
		return err
	}
	t.see("incomplete changes", confirmedIf(len(with.Changes) < len(set.changes), NotSeen),
		"the answer had %d changes with the values of properties, and %d without", len(with.Changes), len(set.changes))
	status, _, err := t.execute(ctx, set, false)
	if err == nil && status != types.StackStatusUpdateComplete {
		err = t.endError(status)
	}
	return err
}

// endError says that the stack came to another end than it should.
func (t *test) endError(status types.StackStatus) error {
	return fault.Errorf(fault.StackFailed, "the stack came to %s: `lockstep diagnose --stack %s` says why", status,
		t.Stack)
}

// detectDrift asks for two comparisons at once.
func (t *test) detectDrift(ctx context.Context) error {
	id, err := t.beginDetection(ctx)
	if err != nil {
		return err
	}
	if _, err = t.Reader.DetectStackDrift(ctx, &cloudformation.DetectStackDriftInput{StackName: &t.stackID}); err != nil {
		t.seeRefusedDetection(err)
	}
	t.see(detectionRow, NotSeen, "the first one had ended")
	return t.poll(ctx, func() (bool, error) {
		status, err := t.Reader.DescribeStackDriftDetectionStatus(ctx,
			&cloudformation.DescribeStackDriftDetectionStatusInput{StackDriftDetectionId: id})
		return err == nil && status.DetectionStatus != types.StackDriftDetectionStatusDetectionInProgress, err
	})
}

const detectionRow = "drift detection already running"

// beginDetection begins a comparison, and waits for another one before.
func (t *test) beginDetection(ctx context.Context) (id *string, err error) {
	err = t.poll(ctx, func() (bool, error) {
		out, err := t.Reader.DetectStackDrift(ctx, &cloudformation.DetectStackDriftInput{StackName: &t.stackID})
		if err != nil && isInProgress(err) {
			t.seeRefusedDetection(err)
			return false, nil
		}
		if err == nil {
			id = out.StackDriftDetectionId
		}
		return true, err
	})
	return id, err
}

// isInProgress reports whether a comparison was refused because another one runs.
func isInProgress(err error) bool { return strings.Contains(messageOf(err), "already in progress") }

func (t *test) seeRefusedDetection(err error) {
	if isInProgress(err) {
		t.see(detectionRow, Confirmed, "a second comparison was refused: %s", messageOf(err))
		return
	}
	t.seeRefused(detectionRow, "a second comparison was refused: %s", err)
}

// failUpdate lets an update fail, keeps what it has done, asks for another update, and rolls back.
func (t *test) failUpdate(ctx context.Context) error {
	const row = "failed update"
	set, err := t.createChangeSet(ctx, variant{value: "3", fails: true, waits: true}, types.ChangeSetTypeUpdate, nil)
	if err != nil {
		return err
	}
	if !set.isCreated() {
		t.see(row, NotSeen, "the change set failed already: %s", set.reason)
		t.see("cancelled resources", NotSeen, "the change set failed already")
		return t.discard(ctx, set)
	}
	status, events, err := t.execute(ctx, set, true)
	if err != nil {
		return err
	}
	t.seeCancelled(events)
	if status != types.StackStatusUpdateFailed {
		t.see(row, NotSeen, "the stack came to %s, although the rollback was switched off", status)
		return nil
	}
	_, err = t.createChangeSet(ctx, variant{value: "4"}, types.ChangeSetTypeUpdate, nil)
	refusedUpdate := err != nil
	if ctx.Err() != nil {
		return ctx.Err()
	}
	before, err := t.describe(ctx)
	if err != nil || before == nil {
		return cmp.Or(err, errGone)
	}
	w, err := t.newWatch(ctx, set.name+"-rollback")
	if err != nil {
		return err
	}
	if err := t.rollBack(ctx, w.token); err != nil {
		t.seeRefused(row, "RollbackStack was refused: %s", err)
		return ctx.Err()
	}
	status, _, err = t.follow(ctx, w, before)
	t.see(row, confirmedIf(refusedUpdate && status == types.StackStatusUpdateRollbackComplete, Contradicted),
		"a change set for the stack in UPDATE_FAILED was refused: %t; after RollbackStack the stack was %s",
		refusedUpdate, status)
	return err
}

// rollBack asks for a rollback, more than once where it is refused: the answer to an attempt before may be lost, and
// the rollback not be described yet.
func (t *test) rollBack(ctx context.Context, token string) error {
	const attempts = 8
	attempt := 0
	return t.poll(ctx, func() (bool, error) {
		attempt++
		_, err := t.Deployer.RollbackStack(ctx, &cloudformation.RollbackStackInput{
			StackName: &t.stackID, RoleARN: &t.ExecutionRole, ClientRequestToken: &token,
		})
		if awsclient.ErrorCode(err) != "ValidationError" || attempt == attempts {
			return true, err
		}
		stack, described := t.describe(ctx)
		hasBegun := described == nil && stack != nil && strings.Contains(string(stack.StackStatus), "ROLLBACK")
		return hasBegun, described
	})
}

// seeCancelled looks at the events of a failure for a resource that was cancelled.
func (t *test) seeCancelled(events []types.StackEvent) {
	for _, e := range events {
		reason := aws.ToString(e.ResourceStatusReason)
		if strings.HasSuffix(string(e.ResourceStatus), "_FAILED") && strings.Contains(strings.ToLower(reason), "cancelled") {
			t.see("cancelled resources", Confirmed, "%s: %s", aws.ToString(e.LogicalResourceId), reason)
		}
	}
	t.see("cancelled resources", NotSeen, "nothing else was being created when the resource failed")
}

// failCreation removes the stack, lets its creation fail, and asks for an update.
func (t *test) failCreation(ctx context.Context) error {
	const row = "failed creation"
	if err := t.remove(ctx); err != nil {
		return err
	}
	t.isRemoved = false
	set, err := t.createChangeSet(ctx, variant{value: "1", again: true, fails: true}, types.ChangeSetTypeCreate, nil)
	if err != nil {
		return err
	}
	if !set.isCreated() {
		t.see(row, NotSeen, "the change set failed already: %s", set.reason)
		return t.discard(ctx, set)
	}
	status, _, err := t.execute(ctx, set, false)
	if err != nil {
		return err
	}
	if status != types.StackStatusRollbackComplete {
		t.see(row, NotSeen, "the stack came to %s", status)
		return nil
	}
	again, err := t.createChangeSet(ctx, variant{value: "1", again: true}, types.ChangeSetTypeUpdate, nil)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	t.see(row, confirmedIf(awsclient.ErrorCode(err) != "", Contradicted),
		"a change set for the stack in ROLLBACK_COMPLETE was refused: %t", err != nil)
	if err == nil {
		return t.discard(ctx, again)
	}
	return nil
}
