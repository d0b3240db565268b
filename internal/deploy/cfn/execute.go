package cfn

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/fault"
)

// ErrInterrupted says that the run ended before CloudFormation did.
var ErrInterrupted = fault.New(fault.WaitInterrupted,
	"interrupted; CloudFormation goes on with the stack, and the next run waits for it")

// Execute lets CloudFormation begin with a change set. Follow waits for the end.
func (c *Client) Execute(ctx context.Context, set *ChangeSet) error {
	_, err := c.api.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{
		ChangeSetName: &set.ID, StackName: &set.StackID, ClientRequestToken: aws.String(set.name()),
	})
	if awsclient.ErrorCode(err) == "ChangeSetNotFound" {
		return fault.New(fault.ChangeSetGone,
			"its change set is gone, or CloudFormation has forgotten it: somebody else has changed the stack "+
				"or removed the change set; run this again")
	}
	return err
}

// Follow reports the events of an operation until CloudFormation is done with it. The error names the first resource
// that failed; it is ErrInterrupted if the context ends first.
func (c *Client) Follow(ctx context.Context, name string, op Operation) error {
	resources := resourceSpans{}
	events, err := c.waitForEnd(ctx, op, func(e types.StackEvent) {
		resources.add(ctx, e)
		if isStackEvent(e) || !strings.HasSuffix(string(e.ResourceStatus), "_IN_PROGRESS") {
			c.progress(formatEvent(name, e))
		}
	})
	if err == nil && !isSuccessStatus(events.status()) {
		err = events.readCause(ctx)
		if err == nil {
			err = events.failure(ctx)
		}
	}
	if ctx.Err() != nil {
		return ErrInterrupted
	}
	return err
}

// waitForEnd waits until the stack's own event says that an operation has ended, and then until the stack is described
// so. DescribeStacks may answer a state from before the operation, so it does not say when it ends.
// Source: cfn-api.ts of the CDK's toolkit-lib. Each event of the operation is passed to report.
func (c *Client) waitForEnd(ctx context.Context, op Operation, report func(types.StackEvent)) (*eventReader, error) {
	events := &eventReader{client: c, Operation: op}
	err := c.poll(ctx, func() (bool, error) {
		unseen, err := events.next(ctx)
		for _, e := range unseen {
			report(e)
		}
		switch {
		case ctx.Err() != nil:
			return true, ctx.Err()
		case err != nil && isNotFound(err):
			return true, err
		case err != nil:
			return true, fault.Errorf(fault.WaitInterrupted,
				"%w; CloudFormation may still be at work on the stack: the next run waits for it and goes "+
					"on from there", err)
		}
		return events.end != nil, nil
	})
	if err != nil {
		return events, err
	}
	return events, c.waitForDescription(ctx, op.StackID, events.status())
}

// maxStaleReads is how often a stack is described before it is taken as it is answered.
const maxStaleReads = 10

// waitForDescription waits until a stack is described in a state, and no longer than maxStaleReads.
func (c *Client) waitForDescription(ctx context.Context, stackID string, status types.StackStatus) error {
	reads := 0
	return c.poll(ctx, func() (bool, error) {
		reads++
		state, err := c.Describe(ctx, stackID)
		if err != nil || reads == maxStaleReads {
			return true, err
		}
		return state.StackStatus == status || state.StackStatus == "" && status == types.StackStatusDeleteComplete, nil
	})
}

// FollowRunning follows the operation that CloudFormation is at work on.
func (c *Client) FollowRunning(ctx context.Context, name string, state State) error {
	lastSeen, err := c.eventBeforeOperation(ctx, state.ID())
	if err != nil {
		return err
	}
	return c.Follow(ctx, name, Operation{StackID: state.ID(), LastSeenID: lastSeen})
}

// FindExecution returns the operation that executes a change set, and whether CloudFormation is at work with it. The
// stack may still be described in the state from before, and have no event of the operation yet: then the change set
// tells it.
func (c *Client) FindExecution(ctx context.Context, set *ChangeSet) (Operation, bool, error) {
	op := Operation{StackID: set.StackID, Token: set.name()}
	events := &eventReader{client: c, Operation: op}
	all, err := c.eventsSince(ctx, set.StackID, "")
	if err != nil {
		return op, false, err
	}
	for _, e := range all {
		switch {
		case events.hasBegun || aws.ToString(e.ClientRequestToken) == events.Token:
			events.add(e)
		default:
			op.LastSeenID = aws.ToString(e.EventId)
		}
	}
	if events.hasBegun {
		return op, events.isRunning(), nil
	}
	out, err := c.describeChangeSet(ctx, set)
	if awsclient.ErrorCode(err) == "ChangeSetNotFound" || isNotFound(err) {
		return op, false, nil
	}
	if err != nil {
		return op, false, err
	}
	return op, out.ExecutionStatus == types.ExecutionStatusExecuteInProgress, nil
}

// Operation returns the operation that executes the change set, before it has begun.
func (c *Client) Operation(ctx context.Context, set *ChangeSet) (Operation, error) {
	lastSeen, err := c.NewestEvent(ctx, set.StackID)
	return Operation{StackID: set.StackID, LastSeenID: lastSeen, Token: set.name()}, err
}

// isSuccessStatus reports whether a state is the good end of an operation.
func isSuccessStatus(status types.StackStatus) bool {
	switch status {
	case types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusImportComplete:
		return true
	}
	return false
}

// DeleteFailedStack deletes a stack whose creation failed, so that no resource of it was ever in use.
func (c *Client) DeleteFailedStack(ctx context.Context, state State) error {
	c.progress(fmt.Sprintf("%s: deleting what a failed creation left behind", aws.ToString(state.StackName)))
	if err := c.DeleteStack(ctx, state); err != nil {
		return fmt.Errorf("what a failed creation has left cannot be deleted: %w", err)
	}
	return nil
}

// DeleteStack deletes a stack, protected or not, and waits for the end.
func (c *Client) DeleteStack(ctx context.Context, state State) error {
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
	_, err = c.api.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: state.StackId})
	if isNotFound(err) { // the answer to an attempt before was lost
		return nil
	}
	if err != nil {
		return err
	}
	events, err := c.waitForEnd(ctx, Operation{StackID: state.ID(), LastSeenID: lastSeen}, ignoreEvent)
	switch {
	case isNotFound(err): // a deleted stack is found by its ARN alone, and not in every case
		return nil
	case err != nil:
		return err
	case events.status() != types.StackStatusDeleteComplete:
		if err := events.readCause(ctx); err != nil {
			return err
		}
		return events.failure(ctx)
	}
	return nil
}

// RollBack rolls a stack back that an update has left half way, and returns its new state: it continues a rollback that
// failed, or begins the one that was switched off. CloudFormation refuses what a run that was cut off has asked for
// already, so a refusal counts only if the stack stays in its state.
func (c *Client) RollBack(ctx context.Context, state State) (State, error) {
	for attempt := 1; ; attempt++ {
		lastSeen, err := c.NewestEvent(ctx, state.ID())
		if err != nil {
			return state, err
		}
		err = c.beginRollback(ctx, state)
		if err == nil {
			return c.waitForRollback(ctx, Operation{StackID: state.ID(), LastSeenID: lastSeen}, state)
		}
		if awsclient.ErrorCode(err) != "ValidationError" || attempt == rollbackAttempts {
			return state, err
		}
		if err := c.Pause(ctx, maxPollInterval); err != nil {
			return state, err
		}
		if state, err = c.WaitUntilReady(ctx, state.ID()); err != nil || state.Phase != NeedsRollback {
			return state, err
		}
	}
}

// rollbackAttempts is how often a rollback is asked for that CloudFormation refuses.
const rollbackAttempts = 5

// waitForRollback waits for the end of a rollback, and returns the stack's new state.
func (c *Client) waitForRollback(ctx context.Context, op Operation, state State) (State, error) {
	events, err := c.waitForEnd(ctx, op, ignoreEvent)
	if err != nil {
		return state, err
	}
	if stateRow(events.status()).Phase != Updatable {
		if err := events.readCause(ctx); err != nil {
			return state, err
		}
		return state, fault.Errorf(fault.RollbackStuck,
			"the rollback cannot be continued: %w; fix what is named, or continue it with "+
				"`aws cloudformation continue-update-rollback --resources-to-skip`, then run this again", events.failure(ctx))
	}
	return c.Describe(ctx, state.ID())
}

// beginRollback lets CloudFormation begin to roll a stack back.
func (c *Client) beginRollback(ctx context.Context, state State) error {
	name := aws.ToString(state.StackName)
	if state.StackStatus == types.StackStatusUpdateFailed {
		c.progress(name + ": rolling back the update that failed and was not rolled back")
		_, err := c.api.RollbackStack(ctx, &cloudformation.RollbackStackInput{StackName: state.StackId})
		return err
	}
	c.progress(name + ": continuing the rollback that did not end")
	_, err := c.api.ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: state.StackId})
	return err
}

// ignoreEvent is for operations whose events are not reported.
func ignoreEvent(types.StackEvent) {}

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
