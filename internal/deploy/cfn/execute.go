package cfn

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
)

// ErrInterrupted says that the run ended before CloudFormation did.
var ErrInterrupted = errors.New("interrupted; CloudFormation goes on with the stack, and the next run waits for it")

// Execute lets CloudFormation begin with a change set. Follow waits for the end.
func (c *Client) Execute(ctx context.Context, set *ChangeSet) error {
	_, err := c.api.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{
		ChangeSetName: &set.ID, StackName: &set.StackID, ClientRequestToken: aws.String(set.name()),
	})
	switch awsclient.ErrorCode(err) {
	case "ChangeSetNotFound":
		return errors.New("its change set is gone, or CloudFormation has forgotten it: somebody else has changed the stack " +
			"or removed the change set; run this again")
	case "InvalidChangeSetStatus": // perhaps it is executed already, and the answer to an earlier attempt was lost
		if out, readErr := c.describeChangeSet(ctx, set); readErr == nil && isExecuted(out.ExecutionStatus) {
			return nil
		}
	}
	return err
}

// Follow reports the events of a stack, which come after the event lastSeen, until CloudFormation is done with it. The
// error names the first resource that failed; it is ErrInterrupted if the context ends first.
func (c *Client) Follow(ctx context.Context, name, stackID, lastSeen string) error {
	events := &eventReader{client: c, lastSeenID: lastSeen}
	err := c.poll(ctx, func() (bool, error) {
		state, err := c.Describe(ctx, stackID)
		if err == nil {
			err = c.reportEvents(ctx, events, name, stackID)
		}
		switch {
		case ctx.Err() != nil:
			return true, ctx.Err()
		case err != nil:
			return true, fmt.Errorf("%w; CloudFormation may still be at work on the stack: the next run waits for it and goes "+
				"on from there", err)
		case state.Phase == Busy, !events.hasStackEvent: // the operation is yet to begin
			return false, nil
		case isSuccessStatus(state.StackStatus):
			return true, nil
		}
		return true, events.failure(ctx, state)
	})
	if ctx.Err() != nil {
		return ErrInterrupted
	}
	return err
}

// FollowRunning follows the operation that CloudFormation is at work on.
func (c *Client) FollowRunning(ctx context.Context, name string, state State) error {
	lastSeen, err := c.eventBeforeOperation(ctx, state.ID())
	if err != nil {
		return err
	}
	return c.Follow(ctx, name, state.ID(), lastSeen)
}

// isSuccessStatus reports whether a state is the good end of an operation.
func isSuccessStatus(status types.StackStatus) bool {
	switch status {
	case types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusImportComplete:
		return true
	}
	return false
}

// reportEvents reports the new events of a stack, without those that a resource was begun.
func (c *Client) reportEvents(ctx context.Context, events *eventReader, name, stackID string) error {
	unseen, err := events.next(ctx, stackID)
	for _, e := range unseen {
		if isStackEvent(e) || !strings.HasSuffix(string(e.ResourceStatus), "_IN_PROGRESS") {
			c.progress(formatEvent(name, e))
		}
	}
	return err
}

// DeleteFailedStack deletes a stack whose creation failed, so that no resource of it was ever in use.
func (c *Client) DeleteFailedStack(ctx context.Context, state State) error {
	c.progress(fmt.Sprintf("%s: deleting what a failed creation left behind", aws.ToString(state.StackName)))
	if aws.ToBool(state.EnableTerminationProtection) {
		_, err := c.api.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{
			StackName: state.StackId, EnableTerminationProtection: aws.Bool(false),
		})
		if err != nil {
			return err
		}
	}
	lastSeen, err := c.NewestEvent(ctx, state.ID())
	if err != nil {
		return err
	}
	if _, err := c.api.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: state.StackId}); err != nil {
		return err
	}
	now, err := c.waitWhileBusy(ctx, state.ID()) // a deleted stack is found by its ARN alone, and not in every case
	if err != nil {
		return err
	}
	if now.Phase != Absent {
		return fmt.Errorf("the leftover of a failed creation cannot be deleted: %w", c.lastFailure(ctx, now, lastSeen))
	}
	return nil
}

// ContinueRollback ends a rollback that failed, and returns the stack's new state.
func (c *Client) ContinueRollback(ctx context.Context, state State) (State, error) {
	c.progress(fmt.Sprintf("%s: continuing the rollback that did not end", aws.ToString(state.StackName)))
	lastSeen, err := c.NewestEvent(ctx, state.ID())
	if err != nil {
		return state, err
	}
	_, err = c.api.ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: state.StackId})
	if err != nil {
		return state, err
	}
	now, err := c.waitWhileBusy(ctx, state.ID())
	if err == nil && now.Phase != Updatable {
		err = fmt.Errorf("the rollback cannot be continued: %w; fix what is named, or continue it with "+
			"`aws cloudformation continue-update-rollback --resources-to-skip`, then run this again",
			c.lastFailure(ctx, now, lastSeen))
	}
	return now, err
}

// lastFailure returns why the operation failed whose events come after the event lastSeen.
func (c *Client) lastFailure(ctx context.Context, state State, lastSeen string) error {
	events := &eventReader{client: c, lastSeenID: lastSeen}
	if _, err := events.next(ctx, state.ID()); err != nil {
		return err
	}
	return events.failure(ctx, state)
}

// SetProtection sets the stack's policy and its termination protection, which no change set does. The state is that
// before the change set was executed.
func (c *Client) SetProtection(ctx context.Context, want *assembly.Stack, state State) error {
	if err := c.setStackPolicy(ctx, c.api, want); err != nil {
		return err
	}
	if !state.protectionDiffers(want) {
		return nil
	}
	_, err := c.api.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{
		StackName: &want.Name, EnableTerminationProtection: aws.Bool(want.TerminationProtection),
	})
	return err
}

// eventBeforeOperation returns the id of the event before those of the operation that is under way, or "" if there is
// none.
func (c *Client) eventBeforeOperation(ctx context.Context, stackID string) (string, error) {
	events, err := c.eventsSince(ctx, stackID, "")
	if err != nil {
		return "", err
	}
	for i, e := range slices.Backward(events) {
		if i > 0 && isStackEvent(e) && isOperationStart(string(e.ResourceStatus)) {
			return aws.ToString(events[i-1].EventId), nil
		}
	}
	return "", nil
}

// isOperationStart reports whether a stack's event with that status begins an operation.
func isOperationStart(status string) bool {
	switch types.StackStatus(status) {
	case types.StackStatusCreateInProgress, types.StackStatusUpdateInProgress, types.StackStatusDeleteInProgress,
		types.StackStatusImportInProgress:
		return true
	}
	return false
}
