package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// newestEvent is the id of a stack's last event, empty if it has none.
func newestEvent(ctx context.Context, client *cloudformation.Client, stack string) (string, error) {
	out, err := client.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: &stack})
	if err != nil {
		return "", problem(err)
	}
	if len(out.StackEvents) == 0 {
		return "", nil
	}
	return aws.ToString(out.StackEvents[0].EventId), nil
}

// A follower reads the events of one operation, each once.
type follower struct {
	client *cloudformation.Client
	// seen is the newest event that was read.
	seen string
	// failed are the events of resources that failed, the first one first.
	failed []types.StackEvent
	// began says that the stack itself has had an event: until then its state may still be the one before the operation.
	began bool
}

// next returns the events since the last call, the oldest first.
func (f *follower) next(ctx context.Context, stack string) ([]types.StackEvent, error) {
	events, err := eventsSince(ctx, f.client, stack, f.seen)
	if err != nil || len(events) == 0 {
		return nil, err
	}
	f.seen = aws.ToString(events[len(events)-1].EventId)
	for _, e := range events {
		f.began = f.began || ofStack(e)
		if resourceFailed(e) {
			f.failed = append(f.failed, e)
		}
	}
	return events, nil
}

// eventsSince reads back from the newest event, which comes first, to the one that was seen.
func eventsSince(ctx context.Context, client *cloudformation.Client, stack, seen string) ([]types.StackEvent, error) {
	var events []types.StackEvent
	pages := cloudformation.NewDescribeStackEventsPaginator(client, &cloudformation.DescribeStackEventsInput{StackName: &stack})
pages:
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, problem(err)
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

// resourceFailed says whether an event is a failure of its own, and not the stopping of a resource because another one failed.
func resourceFailed(e types.StackEvent) bool {
	return strings.HasSuffix(string(e.ResourceStatus), "_FAILED") &&
		!strings.Contains(aws.ToString(e.ResourceStatusReason), "cancelled") && !ofStack(e)
}

// ofStack says whether an event is about the stack itself.
func ofStack(e types.StackEvent) bool {
	return aws.ToString(e.PhysicalResourceId) == aws.ToString(e.StackId)
}

func describeEvent(stack string, e types.StackEvent) string {
	line := fmt.Sprintf("%s: %s %s", stack, e.ResourceStatus, aws.ToString(e.LogicalResourceId))
	if !ofStack(e) {
		line += " (" + aws.ToString(e.ResourceType) + ")"
	}
	if reason := aws.ToString(e.ResourceStatusReason); reason != "" {
		line += ": " + reason
	}
	return line
}

// failure says why a stack failed: its first failed resource, or what CloudFormation says of the stack.
func (f *follower) failure(ctx context.Context, have deployed) error {
	now := fmt.Sprintf("the stack is now in state %s", have.StackStatus)
	if row := state(have.StackStatus); row.phase == blocked || row.phase == stuck {
		now += ": " + row.Way
	}
	if len(f.failed) == 0 {
		reason := aws.ToString(have.StackStatusReason)
		if reason == "" {
			return errors.New(now)
		}
		return fmt.Errorf("%s; %s", strings.TrimRight(reason, ". "), now)
	}
	first, path := innermost(ctx, f.client, f.failed[0], 0)
	return fmt.Errorf("%s (%s): %s; %s", path, aws.ToString(first.ResourceType),
		strings.TrimRight(aws.ToString(first.ResourceStatusReason), ". "), now)
}

// deepestNesting bounds the search in nested stacks.
const deepestNesting = 10

// innermost follows a nested stack's failure to the resource in it that failed first, and returns it with its path.
func innermost(ctx context.Context, client *cloudformation.Client, e types.StackEvent, depth int) (types.StackEvent, string) {
	path := aws.ToString(e.LogicalResourceId)
	nested := aws.ToString(e.PhysicalResourceId)
	if aws.ToString(e.ResourceType) != "AWS::CloudFormation::Stack" || nested == "" || depth == deepestNesting {
		return e, path
	}
	events, err := eventsSince(ctx, client, nested, "")
	if err != nil {
		return e, path // what the outer stack says has to do
	}
	if i := slices.IndexFunc(events, resourceFailed); i >= 0 {
		inner, innerPath := innermost(ctx, client, events[i], depth+1)
		return inner, path + "/" + innerPath
	}
	return e, path
}
