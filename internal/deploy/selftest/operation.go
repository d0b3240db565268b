package selftest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"lockstep/internal/awsclient"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

var errTooLong = fault.New(fault.WaitInterrupted, "CloudFormation did not come to an end in ten minutes")

// describe returns the stack, nil if there is none.
func (t *test) describe(ctx context.Context) (*types.Stack, error) {
	name := t.Stack
	if t.stackID != "" {
		name = t.stackID
	}
	out, err := t.Deployer.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	switch {
	case isMissing(err):
		return nil, nil
	case err != nil:
		return nil, err
	case len(out.Stacks) == 0 || out.Stacks[0].StackStatus == types.StackStatusDeleteComplete:
		return nil, nil
	}
	return &out.Stacks[0], nil
}

// isMissing reports whether CloudFormation knows no such stack.
func isMissing(err error) bool {
	return err != nil && strings.Contains(messageOf(err), "does not exist")
}

// messageOf returns the message of an error of AWS.
func messageOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorMessage()
	}
	return err.Error()
}

// isUnanswered reports whether a call failed because an emulator lacks the action, or because the server has failed.
// That says nothing about what the action does.
func isUnanswered(err error) bool {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) && response.HTTPStatusCode() >= http.StatusInternalServerError {
		return true
	}
	code := awsclient.ErrorCode(err)
	return code == "" || code == "InvalidAction" || code == "UnknownOperationException" || code == "NotImplemented"
}

// seeRefused records that a call about a row was refused.
func (t *test) seeRefused(row, format string, err error) {
	verdict := Contradicted
	if isUnanswered(err) {
		verdict = NotSeen
	}
	t.see(row, verdict, format, messageOf(err))
}

// A changeSet is what a change set came to.
type changeSet struct {
	name, id string
	status   types.ChangeSetStatus
	reason   string
	changes  []types.Change
}

// isCreated reports whether the change set can be executed.
func (s changeSet) isCreated() bool { return s.status == types.ChangeSetStatusCreateComplete }

// createChangeSet creates a change set and waits until CloudFormation has worked it out. The error is only for what
// CloudFormation refuses at once.
func (t *test) createChangeSet(
	ctx context.Context, v variant, kind types.ChangeSetType, change func(*cloudformation.CreateChangeSetInput),
) (changeSet, error) {
	set := changeSet{name: "selftest-" + strings.ToLower(rand.Text())}
	in := &cloudformation.CreateChangeSetInput{
		StackName: &t.Stack, ChangeSetName: &set.name, ChangeSetType: kind, TemplateBody: aws.String(v.template(t.prefix)),
		RoleARN: &t.ExecutionRole, Parameters: []types.Parameter{word("given")},
		Tags: []types.Tag{{Key: aws.String("lockstep:selftest"), Value: aws.String("true")}},
	}
	if change != nil {
		change(in)
	}
	out, err := t.Deployer.CreateChangeSet(ctx, in)
	if err != nil {
		return set, err
	}
	set.id = aws.ToString(out.Id)
	t.stackID = aws.ToString(out.StackId)
	err = t.poll(ctx, func() (bool, error) {
		described, err := t.Deployer.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: &set.id})
		if err != nil {
			return true, err
		}
		set.status, set.reason, set.changes = described.Status, aws.ToString(described.StatusReason), described.Changes
		return set.isCreated() || set.status == types.ChangeSetStatusFailed, nil
	})
	return set, err
}

// word returns a value of the template's parameter.
func word(value string) types.Parameter {
	return types.Parameter{ParameterKey: aws.String("Word"), ParameterValue: &value}
}

// discard deletes a change set.
func (t *test) discard(ctx context.Context, set changeSet) error {
	if set.id == "" {
		return nil
	}
	_, err := t.Deployer.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: &set.id})
	return err
}

// execute executes a change set and waits for its end, which it returns. It watches when the operation begins, and in
// which order its events come.
func (t *test) execute(
	ctx context.Context, set changeSet, keepFailed bool,
) (types.StackStatus, []types.StackEvent, error) {
	before, err := t.describe(ctx)
	if err != nil || before == nil {
		return "", nil, cmp.Or(err, errGone)
	}
	w, err := t.newWatch(ctx, set.name)
	if err != nil {
		return "", nil, err
	}
	_, err = t.Deployer.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{
		ChangeSetName: &set.id, ClientRequestToken: &w.token, DisableRollback: aws.Bool(keepFailed),
	})
	if err != nil {
		return "", nil, err
	}
	return t.follow(ctx, w, before)
}

var errGone = fault.New(fault.WaitInterrupted, "the stack of the self-test is gone: something else has deleted it")

// follow waits for the end of the operation that is watched, and until the stack is described so. It gets the stack as
// it was described before.
func (t *test) follow(
	ctx context.Context, w *watch, before *types.Stack,
) (types.StackStatus, []types.StackEvent, error) {
	polls, stale, isOld := 0, 0, false
	var end types.StackStatus
	err := t.poll(ctx, func() (bool, error) {
		events, err := t.events(ctx)
		if err != nil {
			return true, err
		}
		w.add(events)
		stack, err := t.describe(ctx)
		if err != nil || stack == nil {
			return true, cmp.Or(err, errGone)
		}
		polls++
		isOld = stack.StackStatus == before.StackStatus && isSameTime(stack.LastUpdatedTime, before.LastUpdatedTime)
		if polls == 1 {
			t.seeStart(w.hasBegun || !isOld, stack.StackStatus)
		}
		if w.hasBegun && isOld {
			stale++
		}
		end = stack.StackStatus
		return w.end != "" && end == w.end && (!isOld || stale > maxStale), nil
	})
	t.seeStale(stale, isOld, before.StackStatus)
	if w.isOutOfOrder {
		t.see("late events", Confirmed, "an event came after one that happened later")
	}
	t.see("late events", NotSeen, "the events came in their order")
	return end, w.events, err
}

// seeStart records whether an operation had begun at the first look at the stack.
func (t *test) seeStart(hasBegun bool, status types.StackStatus) {
	if hasBegun {
		t.see("late start", NotSeen, "the operation had begun at the first look")
		return
	}
	t.see("late start", Confirmed, "after ExecuteChangeSet, the stack was still %s, without an event", status)
}

// seeStale records how many answers described the stack as it was before, although events of the operation were there.
// If the last one still did, the operation may have left the description as it was.
func (t *test) seeStale(answers int, isLast bool, before types.StackStatus) {
	switch {
	case answers > 0 && !isLast:
		t.see("stale descriptions", Confirmed,
			"events of the operation were there, and %d answers described the stack as %s before it", answers, before)
	case answers > 0:
		t.see("stale descriptions", NotSeen, "the operation left the stack described as it was, with its time")
	default:
		t.see("stale descriptions", NotSeen, "each description was as new as the events")
	}
}

// maxStale is how many old descriptions are waited for: AWS may not set the time of an update.
const maxStale = 10

func isSameTime(a, b *time.Time) bool { return aws.ToTime(a).Equal(aws.ToTime(b)) }

// events returns the newest page of the stack's events, the oldest first.
func (t *test) events(ctx context.Context) ([]types.StackEvent, error) {
	out, err := t.Deployer.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &t.stackID})
	if err != nil {
		return nil, err
	}
	var oldestFirst []types.StackEvent
	for i := range out.StackEvents {
		oldestFirst = append(oldestFirst, out.StackEvents[len(out.StackEvents)-1-i])
	}
	return oldestFirst, nil
}

// A watch keeps the events of one operation in the order in which they are answered.
type watch struct {
	token    string
	seen     map[string]bool
	events   []types.StackEvent
	hasBegun bool
	// end is the status with which the stack's own event has ended the operation.
	end          types.StackStatus
	newest       time.Time
	isOutOfOrder bool
}

// newWatch returns the watch of an operation with a token that is about to begin.
func (t *test) newWatch(ctx context.Context, token string) (*watch, error) {
	w := &watch{token: token, seen: map[string]bool{}}
	events, err := t.events(ctx)
	for _, e := range events {
		w.seen[aws.ToString(e.EventId)] = true
	}
	return w, err
}

// add takes the events of one answer. One that happened before those of an earlier answer is out of order.
func (w *watch) add(events []types.StackEvent) {
	newest := w.newest
	for _, e := range events {
		id := aws.ToString(e.EventId)
		token := aws.ToString(e.ClientRequestToken)
		if w.seen[id] || token != "" && token != w.token {
			continue
		}
		w.seen[id] = true
		w.events = append(w.events, e)
		at := aws.ToTime(e.Timestamp)
		w.isOutOfOrder = w.isOutOfOrder || at.Before(w.newest)
		if at.After(newest) {
			newest = at
		}
		if aws.ToString(e.PhysicalResourceId) != aws.ToString(e.StackId) {
			continue
		}
		w.hasBegun = true
		if status := string(e.ResourceStatus); !strings.HasSuffix(status, "_IN_PROGRESS") {
			w.end = types.StackStatus(status)
		}
	}
	w.newest = newest
}

// removeRemains removes what an earlier self-test has left. A stack of that name that is none of its own is refused.
func (t *test) removeRemains(ctx context.Context) error {
	stack, err := t.describe(ctx)
	if err != nil {
		return err
	}
	if stack == nil {
		t.isRemoved = true
		return nil
	}
	isShell := stack.StackStatus == types.StackStatusReviewInProgress
	if !strings.HasPrefix(aws.ToString(stack.Description), mark) && !isShell {
		return refusal.Newf(fault.StackOwned, nil,
			"stack %s exists and is not one of the self-test: its description does not begin with %q, so it is not touched",
			t.Stack, mark)
	}
	t.stackID = aws.ToString(stack.StackId)
	t.Progress("remove what an earlier self-test has left")
	return t.remove(ctx)
}

// remove deletes the stack and waits until it is gone. An operation that still runs is waited for.
func (t *test) remove(ctx context.Context) error {
	asked := false
	err := t.poll(ctx, func() (bool, error) {
		stack, err := t.describe(ctx)
		if err != nil || stack == nil {
			return true, err
		}
		status := string(stack.StackStatus)
		isBusy := strings.HasSuffix(status, "_IN_PROGRESS") && stack.StackStatus != types.StackStatusReviewInProgress
		switch {
		case asked && stack.StackStatus == types.StackStatusDeleteFailed:
			return true, fault.Errorf(fault.StackFailed, "the stack %s could not be deleted: %s", t.Stack,
				aws.ToString(stack.StackStatusReason))
		case !asked && (!isBusy || stack.StackStatus == types.StackStatusCreateInProgress):
			asked = true
			err = t.deleteStack(ctx)
		}
		return false, err
	})
	if err == nil {
		t.isRemoved, t.stackID = true, ""
	}
	return err
}

// cleanUp removes the stack whatever has happened. A self-test that was interrupted only asks for it and does not wait.
func (t *test) cleanUp(ctx context.Context, err error) error {
	if t.stackID == "" {
		t.isRemoved = true
		return nil
	}
	if ctx.Err() == nil {
		t.Progress("remove the stack")
		return t.remove(ctx)
	}
	cleanup, cancel := awsclient.CleanupContext(ctx, err)
	defer cancel()
	if deleteErr := t.deleteStack(cleanup); deleteErr != nil {
		return fault.Errorf(fault.WaitInterrupted, "the stack %s is still there, and the next self-test removes it: %w",
			t.Stack, deleteErr)
	}
	return fault.Errorf(fault.WaitInterrupted, "CloudFormation was asked to delete the stack %s, and goes on with it",
		t.Stack)
}

// deleteStack asks CloudFormation to delete the stack.
func (t *test) deleteStack(ctx context.Context) error {
	_, err := t.Deployer.DeleteStack(ctx, &cloudformation.DeleteStackInput{
		StackName: &t.stackID, RoleARN: &t.ExecutionRole,
	})
	return err
}
