package cfn

import (
	"context"
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

// An Operation is an operation of CloudFormation on a stack, as its events tell it.
type Operation struct {
	StackID string
	// LastSeenID is the newest event from before the operation; empty if there is none.
	LastSeenID string
	// Token is the client request token of the operation, which its events carry; empty if it is not known.
	Token string
}

// An eventReader reads the events of one operation, each once.
type eventReader struct {
	client *Client
	Operation
	// seen are the ids of the events that were read.
	seen map[string]bool
	// failures are the events of resources that failed, the first one first.
	failures []types.StackEvent
	// hasBegun says that the stack itself has had an event of the operation. Then a later event with another token is one
	// of the same operation, which somebody has cancelled.
	hasBegun bool
	// end is the stack's own event with which the operation has ended; nil before that.
	end *types.StackEvent
	// reason is the last reason that CloudFormation gave for a state of the stack, and failureReason the first one for a
	// failure or a rollback of it.
	reason        string
	failureReason string
}

// next returns the events since the last call, the oldest first.
func (r *eventReader) next(ctx context.Context) ([]types.StackEvent, error) {
	isKnown := func(page []types.StackEvent) bool {
		return !slices.ContainsFunc(page, func(e types.StackEvent) bool { return !r.seen[aws.ToString(e.EventId)] })
	}
	return r.read(ctx, isKnown)
}

// read returns the events that were not read yet, the oldest first. It reads pages until one is known: an event may be
// answered after one that happened later, but it is not far from it.
func (r *eventReader) read(
	ctx context.Context, isKnown func(page []types.StackEvent) bool,
) ([]types.StackEvent, error) {
	events, err := r.client.eventsUntil(ctx, r.StackID, r.LastSeenID, isKnown)
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	var own []types.StackEvent
	for _, e := range events {
		if id := aws.ToString(e.EventId); !r.seen[id] && r.isOwn(e) {
			own = append(own, e)
			r.add(e)
		}
		r.seen[aws.ToString(e.EventId)] = true
	}
	return own, err
}

// readCause reads the operation's events again, all of them, until the failure of a resource is among them: it may be
// answered after the end of the stack.
func (r *eventReader) readCause(ctx context.Context) error {
	reads := 0
	return r.client.poll(ctx, func() (bool, error) {
		if len(r.failures) > 0 || reads == maxCauseReads {
			return true, nil
		}
		reads++
		_, err := r.read(ctx, func([]types.StackEvent) bool { return false })
		return len(r.failures) > 0 || reads == maxCauseReads, err
	})
}

// maxCauseReads is how often events are read for the cause of a failure: for a bit more than a second.
const maxCauseReads = 8

// isOwn reports whether an event is one of the operation, and not a late one of an operation before it.
func (r *eventReader) isOwn(e types.StackEvent) bool {
	token := aws.ToString(e.ClientRequestToken)
	return r.hasBegun || r.Token == "" || token == "" || token == r.Token
}

// add takes note of an event of the operation.
func (r *eventReader) add(e types.StackEvent) {
	if isResourceFailure(e) {
		r.failures = append(r.failures, e)
	}
	if !isStackEvent(e) {
		return
	}
	r.hasBegun = true
	r.end = nil
	if !strings.HasSuffix(string(e.ResourceStatus), "_IN_PROGRESS") {
		r.end = &e
	}
	if reason := aws.ToString(e.ResourceStatusReason); reason != "" && reason != userInitiated {
		r.reason = reason
		if r.failureReason == "" && isStackFailure(e) {
			r.failureReason = trimReason(&reason)
		}
	}
}

// userInitiated is the reason of the first event of an operation.
const userInitiated = "User Initiated"

// isRunning reports whether the operation has begun and not ended.
func (r *eventReader) isRunning() bool { return r.hasBegun && r.end == nil }

// status returns the state in which the operation left the stack.
func (r *eventReader) status() types.StackStatus { return types.StackStatus(r.end.ResourceStatus) }

// eventsSince returns the events after the one with an id, the oldest first; all events if the id is empty.
func (c *Client) eventsSince(ctx context.Context, stackID, lastSeen string) ([]types.StackEvent, error) {
	return c.eventsUntil(ctx, stackID, lastSeen, func([]types.StackEvent) bool { return false })
}

// eventsUntil is eventsSince, and stops after a page that is known.
func (c *Client) eventsUntil(
	ctx context.Context, stackID, lastSeen string, isKnown func(page []types.StackEvent) bool,
) ([]types.StackEvent, error) {
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
		if isKnown(page.StackEvents) {
			break
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

// isStackFailure reports whether the stack itself has failed or is rolled back.
func isStackFailure(e types.StackEvent) bool {
	status := string(e.ResourceStatus)
	return isStackEvent(e) && (strings.HasSuffix(status, "_FAILED") || strings.Contains(status, "ROLLBACK"))
}

// trimReason returns what CloudFormation says without the end of its sentence.
func trimReason(reason *string) string { return strings.TrimRight(aws.ToString(reason), ". \n") }

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

// noReason stands for the reason that CloudFormation does not give.
const noReason = "CloudFormation gives no reason"

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
	var events []types.StackEvent
	i, reads := -1, 0
	err := c.poll(ctx, func() (bool, error) { // its failure may be answered after that of the outer stack
		var err error
		events, err = c.eventsSince(ctx, nested, "")
		i = slices.IndexFunc(events, isResourceFailure)
		reads++
		return i >= 0 || reads == maxCauseReads, err
	})
	if err != nil {
		return e, path // the outer stack's reason is all there is
	}
	if i >= 0 {
		inner, innerPath := c.innermostFailure(ctx, events[i], depth+1)
		return inner, path + "/" + innerPath
	}
	return e, path
}
