package cfn

import (
	"context"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/change"
	"lockstep/internal/refusal"
)

// CheckReviewed refuses a change set that does not exist any more, cannot be executed, or would do anything else than
// the changes that were reviewed. It reads the change set's changes.
func (c *Client) CheckReviewed(ctx context.Context, set *ChangeSet, reviewed []change.Change) error {
	out, err := c.describeChangeSet(ctx, set)
	switch {
	case awsclient.ErrorCode(err) == "ChangeSetNotFound", isNotFound(err):
		return refusal.Newf(err, "its change set is gone: the stack was changed since the plan was made, or the plan was "+
			"dropped; plan again")
	case err != nil:
		return err
	case out.Status != types.ChangeSetStatusCreateComplete, out.ExecutionStatus != types.ExecutionStatusAvailable:
		return refusal.Newf(nil, "its change set can no longer be executed (%s): the stack was changed since the plan was "+
			"made; plan again", out.ExecutionStatus)
	}
	if set.Changes, err = c.changes(ctx, set.ID, ""); err != nil {
		return err
	}
	if !reflect.DeepEqual(set.Changes, reviewed) {
		return refusal.Newf(nil, "its change set would do something else than was reviewed: plan again")
	}
	return nil
}

// WasExecuted reports whether a change set was executed successfully.
func (c *Client) WasExecuted(ctx context.Context, set *ChangeSet) (bool, error) {
	out, err := c.describeChangeSet(ctx, set)
	if err != nil {
		return false, err
	}
	return out.ExecutionStatus == types.ExecutionStatusExecuteComplete, nil
}
