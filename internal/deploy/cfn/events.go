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

	"lockstep/internal/deploy/change"
)

// NewestEvent returns the id of a stack's newest event, or "" if there is none.
func (c *Client) NewestEvent(ctx context.Context, stackID string) (string, error) {
	out, err := c.api.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &stackID})
	if err != nil || len(out.StackEvents) == 0 {
		return "", err
	}
	return aws.ToString(out.StackEvents[0].EventId), nil
}

// An eventReader reads the events of one operation, each once.
type eventReader struct {
	client *Client
	// lastSeenID is the newest event that was read.
	lastSeenID string
	// failures are the events of resources that failed, the first one first.
	failures []types.StackEvent
	// hasStackEvent says that the stack itself has had an event: until then its state may be the one before the operation.
	hasStackEvent bool
}

// next returns the events since the last call, the oldest first.
func (r *eventReader) next(ctx context.Context, stackID string) ([]types.StackEvent, error) {
	events, err := r.client.eventsSince(ctx, stackID, r.lastSeenID)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	r.lastSeenID = aws.ToString(events[len(events)-1].EventId)
	for _, e := range events {
		r.hasStackEvent = r.hasStackEvent || isStackEvent(e)
		if isResourceFailure(e) {
			r.failures = append(r.failures, e)
		}
	}
	return events, nil
}

// eventsSince returns the events after the one with an id, the oldest first; all events if the id is empty.
func (c *Client) eventsSince(ctx context.Context, stackID, lastSeen string) ([]types.StackEvent, error) {
	var events []types.StackEvent
	in := &cloudformation.DescribeStackEventsInput{StackName: &stackID}
	pages := cloudformation.NewDescribeStackEventsPaginator(c.api, in)
pages:
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, e := range page.StackEvents { // the newest first
			if lastSeen != "" && aws.ToString(e.EventId) == lastSeen {
				break pages
			}
			events = append(events, e)
		}
	}
	slices.Reverse(events)
	return events, nil
}

// isResourceFailure reports whether a resource failed by itself, and was not stopped because another one failed.
func isResourceFailure(e types.StackEvent) bool {
	return strings.HasSuffix(string(e.ResourceStatus), "_FAILED") &&
		!strings.Contains(aws.ToString(e.ResourceStatusReason), "cancelled") && !isStackEvent(e)
}

// isStackEvent reports whether an event is about the stack itself.
func isStackEvent(e types.StackEvent) bool {
	return aws.ToString(e.PhysicalResourceId) == aws.ToString(e.StackId)
}

func formatEvent(stack string, e types.StackEvent) string {
	line := fmt.Sprintf("%s: %s %s", stack, e.ResourceStatus, aws.ToString(e.LogicalResourceId))
	if !isStackEvent(e) {
		line += " (" + aws.ToString(e.ResourceType) + ")"
	}
	if reason := aws.ToString(e.ResourceStatusReason); reason != "" {
		line += ": " + reason
	}
	return line
}

// failure returns why a stack failed: its first failed resource, or what CloudFormation says of the stack.
func (r *eventReader) failure(ctx context.Context, state State) error {
	now := fmt.Sprintf("the stack is now in state %s", state.StackStatus)
	if row := stateRow(state.StackStatus); row.Phase == NeedsHuman || row.Phase == NeedsRollback {
		now += ": " + row.Action
	}
	if len(r.failures) == 0 {
		reason := aws.ToString(state.StackStatusReason)
		if reason == "" {
			return errors.New(now)
		}
		return fmt.Errorf("%s; %s", strings.TrimRight(reason, ". "), now)
	}
	first, path := r.client.innermostFailure(ctx, r.failures[0], 0)
	return fmt.Errorf("%s (%s): %s; %s", path, aws.ToString(first.ResourceType),
		strings.TrimRight(aws.ToString(first.ResourceStatusReason), ". "), now)
}

// maxStackNesting bounds the search in nested stacks.
const maxStackNesting = 10

// innermostFailure follows the failure of a nested stack to the resource in it that failed first, and returns its event
// and path.
func (c *Client) innermostFailure(ctx context.Context, e types.StackEvent, depth int) (types.StackEvent, string) {
	path := aws.ToString(e.LogicalResourceId)
	nested := aws.ToString(e.PhysicalResourceId)
	if aws.ToString(e.ResourceType) != change.StackType || nested == "" || depth == maxStackNesting {
		return e, path
	}
	events, err := c.eventsSince(ctx, nested, "")
	if err != nil {
		return e, path // the outer stack's reason is all there is
	}
	if i := slices.IndexFunc(events, isResourceFailure); i >= 0 {
		inner, innerPath := c.innermostFailure(ctx, events[i], depth+1)
		return inner, path + "/" + innerPath
	}
	return e, path
}
