package cfn

import (
	"context"
	"reflect"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

// CheckReviewed refuses a change set that does not exist any more, cannot be executed, is of another template than the
// stack's, or would do anything else than the changes that were reviewed. It reads the change set's changes.
func (c *Client) CheckReviewed(
	ctx context.Context, set *ChangeSet, want *assembly.Stack, reviewed []change.Change,
) error {
	out, err := c.describeChangeSet(ctx, set)
	switch {
	case awsclient.ErrorCode(err) == "ChangeSetNotFound", isNotFound(err):
		return refusal.Newf(fault.PlanChangeSet, err,
			"its change set is gone: the stack was changed since the plan was made, or the plan was "+
				"dropped; plan again")
	case err != nil:
		return err
	case out.Status != types.ChangeSetStatusCreateComplete, out.ExecutionStatus != types.ExecutionStatusAvailable:
		return refusal.Newf(fault.PlanChangeSet, nil,
			"its change set can no longer be executed (%s): the stack was changed since the plan was "+
				"made; plan again", out.ExecutionStatus)
	}
	if err := c.checkTemplate(ctx, set, want); err != nil {
		return err
	}
	if set.Changes, err = c.changes(ctx, set.ID, ""); err != nil {
		return err
	}
	completeAsReviewed(set.Changes, reviewed)
	if !reflect.DeepEqual(withoutValues(set.Changes, reviewed), withoutValues(reviewed, set.Changes)) {
		return refusal.Newf(fault.PlanChangeSet, nil, "its change set would do something else than was reviewed: plan again")
	}
	return nil
}

// withoutValues returns changes without the values of properties that others show no value of: CloudFormation does not
// show them every time.
func withoutValues(changes, others []change.Change) []change.Change {
	shown := map[string]bool{}
	for _, c := range others {
		for _, p := range c.Properties {
			shown[c.LogicalID+" "+p.Name] = p.Before != "" || p.After != ""
		}
	}
	out := slices.Clone(changes)
	for i, c := range out {
		out[i].Properties = slices.Clone(c.Properties)
		for j, p := range c.Properties {
			if !shown[c.LogicalID+" "+p.Name] {
				out[i].Properties[j].Before = ""
				out[i].Properties[j].After = ""
			}
		}
	}
	return out
}

// WasExecuted reports whether a change set was executed successfully.
func (c *Client) WasExecuted(ctx context.Context, set *ChangeSet) (bool, error) {
	out, err := c.describeChangeSet(ctx, set)
	if err != nil {
		return false, err
	}
	return out.ExecutionStatus == types.ExecutionStatusExecuteComplete, nil
}
