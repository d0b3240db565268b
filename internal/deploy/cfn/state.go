package cfn

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/fault"
	"lockstep/internal/redact"
)

// A Phase is what can be done with a stack in a state.
type Phase int

// The phases. A stack that does not exist is Absent.
const (
	Absent        Phase = iota // it can be created
	Updatable                  // it can be updated
	Busy                       // CloudFormation works on it: wait
	NeedsDelete                // no resource of it was ever in use: delete it, then create it
	NeedsRollback              // roll it back, then update it
	NeedsHuman                 // a person has to decide
)

// A StateRow is what is done with a stack that is found in a state.
type StateRow struct {
	Status types.StackStatus
	Phase  Phase
	// Action says what the program does, or why it does nothing and what a person has to do.
	Action string
}

// The actions that several states share.
const (
	actionUpdate = "it is updated by a change set"
	actionWait   = "it is waited for"
)

// States is the table of every state that CloudFormation has. Whatever depends on a stack's state derives from it.
// Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html, stack status codes.
var States = []StateRow{
	{types.StackStatusCreateComplete, Updatable, actionUpdate},
	{types.StackStatusUpdateComplete, Updatable, actionUpdate},
	{types.StackStatusUpdateRollbackComplete, Updatable, actionUpdate + "; the last update was rolled back"},
	{types.StackStatusImportComplete, Updatable, actionUpdate},
	{types.StackStatusImportRollbackComplete, Updatable, actionUpdate + "; the last import was rolled back"},
	{
		types.StackStatusUpdateFailed, NeedsRollback,
		"its update failed where rollback was switched off: it is rolled back, and then updated",
	},
	{
		types.StackStatusReviewInProgress, Absent,
		"it only holds change sets: it is created by one more, and old ones of ours are removed",
	},
	{types.StackStatusDeleteComplete, Absent, "it is created"},
	{
		types.StackStatusRollbackComplete, NeedsDelete,
		"its creation failed and was rolled back: it is deleted and created again",
	},
	{
		types.StackStatusRollbackFailed, NeedsDelete,
		"its creation failed and could not be rolled back completely: it is deleted and created again; " +
			"if that fails, its resources are named",
	},
	{
		types.StackStatusUpdateRollbackFailed, NeedsRollback,
		"its rollback is continued, once; if that fails, its resources are named",
	},
	{
		types.StackStatusCreateFailed, NeedsHuman,
		"its creation failed where rollback was switched off, so that somebody can look at it: " +
			"delete the stack, then run this again",
	},
	{
		types.StackStatusDeleteFailed, NeedsHuman,
		"its deletion failed: delete it again and retain the resources that cannot be deleted, then run this again",
	},
	{
		types.StackStatusImportRollbackFailed, NeedsHuman,
		"the rollback of an import did not end: fix what its events name, then run this again",
	},
	{types.StackStatusCreateInProgress, Busy, actionWait},
	{types.StackStatusUpdateInProgress, Busy, actionWait},
	{types.StackStatusUpdateCompleteCleanupInProgress, Busy, actionWait},
	{types.StackStatusRollbackInProgress, Busy, actionWait},
	{types.StackStatusUpdateRollbackInProgress, Busy, actionWait},
	{types.StackStatusUpdateRollbackCompleteCleanupInProgress, Busy, actionWait},
	{types.StackStatusDeleteInProgress, Busy, actionWait + ", and then created"},
	{types.StackStatusImportInProgress, Busy, actionWait},
	{types.StackStatusImportRollbackInProgress, Busy, actionWait},
}

// stateRow returns the row of a state. A state that the table lacks is for a person, unless CloudFormation is at work.
func stateRow(status types.StackStatus) StateRow {
	if i := slices.IndexFunc(States, func(r StateRow) bool { return r.Status == status }); i >= 0 {
		return States[i]
	}
	if strings.HasSuffix(string(status), "_IN_PROGRESS") {
		return StateRow{status, Busy, actionWait}
	}
	return StateRow{status, NeedsHuman, "this program does not know that state: look at the stack, then run this again"}
}

// PhaseOf returns what can be done with a stack in a state.
func PhaseOf(status types.StackStatus) Phase { return stateRow(status).Phase }

// ActionOf returns what is done about a stack in a state.
func ActionOf(status types.StackStatus) string { return stateRow(status).Action }

// existingStatuses returns the states of stacks that exist.
func existingStatuses() []types.StackStatus {
	var out []types.StackStatus
	for _, row := range States {
		if row.Status != types.StackStatusDeleteComplete {
			out = append(out, row.Status)
		}
	}
	return out
}

// A State is a stack as it is in the account. The zero State is that of a stack that does not exist.
type State struct {
	types.Stack
	Phase Phase
	// Template is what the stack was deployed with, and policy is its stack policy; both empty before LoadTemplate.
	Template string
	policy   string
}

// ID returns the stack's ARN, or "" for a stack that does not exist.
func (s State) ID() string { return aws.ToString(s.StackId) }

// minSecretLength is the length in bytes from which a secret is looked for in other values.
const minSecretLength = 4

// StackOutputs returns the stack's outputs by key as they may be shown, nil if there are none. What the template or the
// assembly's parameters say is secret is hidden.
func (s State) StackOutputs(want *assembly.Stack) map[string]string {
	if len(s.Outputs) == 0 {
		return nil
	}
	secrets := want.SecretValues()
	out := map[string]string{}
	for _, o := range s.Outputs {
		key, value := aws.ToString(o.OutputKey), aws.ToString(o.OutputValue)
		holdsSecret := func(secret string) bool { return len(secret) >= minSecretLength && strings.Contains(value, secret) }
		if want.Template.OutputIsSecret(key) || slices.ContainsFunc(secrets, holdsSecret) {
			out[key] = hideValue(value)
			continue
		}
		out[key] = redact.Value(key, value)
	}
	return out
}

// LastUpdated returns when the stack was last changed.
func (s State) LastUpdated() time.Time {
	if s.LastUpdatedTime != nil {
		return s.LastUpdatedTime.UTC()
	}
	return aws.ToTime(s.CreationTime).UTC()
}

// Describe reads the state of a stack by its name or ARN.
func (c *Client) Describe(ctx context.Context, name string) (State, error) {
	out, err := c.api.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(name)})
	if isNotFound(err) {
		return State{}, nil
	}
	if err != nil {
		return State{}, err
	}
	if len(out.Stacks) != 1 {
		return State{}, fault.Errorf(fault.AWSRefused,
			"CloudFormation answered with %d stacks called %s", len(out.Stacks), name)
	}
	return State{Stack: out.Stacks[0], Phase: stateRow(out.Stacks[0].StackStatus).Phase}, nil
}

// WaitUntilReady waits until CloudFormation has ended its work on a stack, which an earlier run may have begun. The
// error names a state that a person has to look at.
func (c *Client) WaitUntilReady(ctx context.Context, name string) (State, error) {
	state, err := c.waitWhileBusy(ctx, name)
	if err == nil && state.Phase == NeedsHuman {
		err = fault.Errorf(fault.StackState,
			"the stack is in state %s: %s", state.StackStatus, stateRow(state.StackStatus).Action)
	}
	return state, err
}

// waitWhileBusy waits until CloudFormation has ended its work on a stack.
func (c *Client) waitWhileBusy(ctx context.Context, name string) (State, error) {
	var state State
	isReported := false
	err := c.poll(ctx, func() (bool, error) {
		var err error
		state, err = c.Describe(ctx, name)
		if err != nil || state.Phase != Busy {
			return true, err
		}
		if !isReported {
			c.progress(fmt.Sprintf("%s: waiting, CloudFormation is at %s", aws.ToString(state.StackName), state.StackStatus))
			isReported = true
		}
		return false, nil
	})
	return state, err
}
