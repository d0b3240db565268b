package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/awsclient"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// newestEventID is the id of a stack's last event, empty if it has none.
func newestEventID(ctx context.Context, client *awsclient.CloudFormation, stack string) (string, error) {
	out, err := client.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &stack})
	if err != nil {
		return "", err
	}
	if len(out.StackEvents) == 0 {
		return "", nil
	}
	return aws.ToString(out.StackEvents[0].EventId), nil
}

// A eventReader reads the events of one operation, each once.
type eventReader struct {
	client *awsclient.CloudFormation
	// lastSeenID is the newest event that was read.
	lastSeenID string
	// failedEvents are the events of resources that failed, the first one first.
	failedEvents []types.StackEvent
	// hasStackEvent says that the stack itself has had an event: until then its state may still be the one before the operation.
	hasStackEvent bool
}

// next returns the events since the last call, the oldest first.
func (f *eventReader) next(ctx context.Context, stack string) ([]types.StackEvent, error) {
	events, err := eventsSince(ctx, f.client, stack, f.lastSeenID)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	f.lastSeenID = aws.ToString(events[len(events)-1].EventId)
	for _, e := range events {
		f.hasStackEvent = f.hasStackEvent || isStackEvent(e)
		if isResourceFailure(e) {
			f.failedEvents = append(f.failedEvents, e)
		}
	}
	return events, nil
}

// eventsSince reads back from the newest event, which comes first, to the one that was seen.
func eventsSince(ctx context.Context, client *awsclient.CloudFormation, stack, seen string) ([]types.StackEvent, error) {
	var events []types.StackEvent
	pages := cloudformation.NewDescribeStackEventsPaginator(client, &cloudformation.DescribeStackEventsInput{StackName: &stack})
pages:
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, e := range page.StackEvents {
			if seen != "" && aws.ToString(e.EventId) == seen {
				break pages
			}
			events = append(events, e)
		}
	}
	slices.Reverse(events)
	return events, nil
}

// isResourceFailure says whether an event is a failure of its own, and not the stopping of a resource because another one failed.
func isResourceFailure(e types.StackEvent) bool {
	return strings.HasSuffix(string(e.ResourceStatus), "_FAILED") &&
		!strings.Contains(aws.ToString(e.ResourceStatusReason), "cancelled") && !isStackEvent(e)
}

// isStackEvent says whether an event is about the stack itself.
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

// failure says why a stack failed: its first failed resource, or what CloudFormation says of the stack.
func (f *eventReader) failure(ctx context.Context, have stackState) error {
	now := fmt.Sprintf("the stack is now in state %s", have.StackStatus)
	if row := stateRow(have.StackStatus); row.phase == needsHuman || row.phase == needsRollback {
		now += ": " + row.Action
	}
	if len(f.failedEvents) == 0 {
		reason := aws.ToString(have.StackStatusReason)
		if reason == "" {
			return errors.New(now)
		}
		return fmt.Errorf("%s; %s", strings.TrimRight(reason, ". "), now)
	}
	first, path := innermostFailure(ctx, f.client, f.failedEvents[0], 0)
	return fmt.Errorf("%s (%s): %s; %s", path, aws.ToString(first.ResourceType),
		strings.TrimRight(aws.ToString(first.ResourceStatusReason), ". "), now)
}

// maxStackNesting bounds the search in nested stacks.
const maxStackNesting = 10

// innermostFailure follows a nested stack's failure to the resource in it that failed first, and returns it with its path.
func innermostFailure(ctx context.Context, client *awsclient.CloudFormation, e types.StackEvent, depth int) (types.StackEvent, string) {
	path := aws.ToString(e.LogicalResourceId)
	nested := aws.ToString(e.PhysicalResourceId)
	if aws.ToString(e.ResourceType) != "AWS::CloudFormation::Stack" || nested == "" || depth == maxStackNesting {
		return e, path
	}
	events, err := eventsSince(ctx, client, nested, "")
	if err != nil {
		return e, path // what the outer stack says has to do
	}
	if i := slices.IndexFunc(events, isResourceFailure); i >= 0 {
		inner, innerPath := innermostFailure(ctx, client, events[i], depth+1)
		return inner, path + "/" + innerPath
	}
	return e, path
}
