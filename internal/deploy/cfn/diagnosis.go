package cfn

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
	"lockstep/internal/fault"
)

// A FailureError says why CloudFormation could not do what it was asked.
type FailureError struct {
	// Causes are the resources that failed by themselves, the first one first. There is at least one.
	Causes []change.Cause
	code   fault.Code
	// state is what the stack came to; empty for a change set.
	state string
}

// Code returns the code of the error.
func (e *FailureError) Code() fault.Code { return e.code }

// Error returns the first cause, and what to do about it. Of a change set, which reports all its faults at once, it
// returns every cause.
func (e *FailureError) Error() string {
	if e.state == "" {
		var texts []string
		for _, cause := range e.Causes {
			texts = append(texts, cause.String())
		}
		return joinAdvice(strings.Join(texts, "; "), e.Causes[0].Advice)
	}
	return joinAdvice(e.Causes[0].String()+"; "+e.state, e.Causes[0].Advice)
}

func joinAdvice(text, advice string) string {
	if advice == "" {
		return text
	}
	return text + ": " + advice
}

// advice is what to do about a failure whose reason has one of the words. The first row that fits counts. Sources: the
// handler error codes of the CloudFormation CLI's user guide, and its troubleshooting page.
var advice = []struct {
	words []string
	text  string
}{
	{
		[]string{"AlreadyExists", "already exists", "AWS::EarlyValidation::ResourceExistenceCheck"},
		"a resource of that name exists already: delete or rename it, or import it into the stack",
	},
	{
		[]string{"AccessDenied", "not authorized", "UnauthorizedOperation"},
		"the stack's execution role lacks that right, or a policy of the organisation denies it",
	},
	{
		[]string{"ServiceLimitExceeded", "LimitExceeded", "quota", "limit exceeded"},
		"have the quota raised, or delete what is not needed",
	},
	{
		[]string{"NotStabilized", "did not stabilize", "circuit breaker"},
		"it did not become stable in time: its own log says why",
	},
	{
		[]string{"Received response status [FAILED] from custom resource", "CloudWatch Log Stream"},
		"the log of the custom resource's function says why",
	},
	{[]string{"GeneralServiceException", "InternalFailure", "Internal Failure"}, "run it again"},
}

// adviceFor returns what to do about a reason, or "".
func adviceFor(reason string) string {
	for _, row := range advice {
		if slices.ContainsFunc(row.words, func(word string) bool { return strings.Contains(reason, word) }) {
			return row.text
		}
	}
	return ""
}

// newCause returns the cause of a resource's failure.
func newCause(resource, kind, reason string) change.Cause {
	return change.Cause{Resource: resource, Type: kind, Reason: reason, Advice: adviceFor(reason)}
}

// changeSetFailure returns why CloudFormation did not create a change set, ErrNoChange if there is nothing to change.
// It reads what the hooks and the validations have found, and the failed change sets of nested stacks: none of it can
// be read any more when the change set is deleted.
func (c *Client) changeSetFailure(ctx context.Context, out *cloudformation.DescribeChangeSetOutput) error {
	reason := aws.ToString(out.StatusReason)
	if isEmptyReason(reason) {
		return ErrNoChange
	}
	causes := c.changeSetCauses(ctx, out, "", 0)
	if len(causes) == 0 {
		causes = []change.Cause{newCause("", "", cmp.Or(strings.TrimSpace(reason), noReason))}
	}
	return &FailureError{Causes: causes, code: fault.ChangeSetFailed}
}

// isEmptyReason reports whether a change set failed because it changes nothing. CloudFormation says so only by words.
func isEmptyReason(reason string) bool {
	return strings.Contains(reason, "didn't contain changes") || strings.Contains(reason, "No updates are to be performed")
}

// changeSetCauses returns what can be read of why a change set failed, beside its own reason. The evidence is asked of
// three places, none of which has to answer: a role may lack the right, and the change set failed all the same.
func (c *Client) changeSetCauses(
	ctx context.Context, out *cloudformation.DescribeChangeSetOutput, prefix string, depth int,
) []change.Cause {
	causes := slices.Concat(c.validationCauses(ctx, out, prefix), c.hookCauses(ctx, out, prefix))
	nested := nestedChangeSet(aws.ToString(out.StatusReason))
	if len(causes) > 0 || nested == "" || depth == maxStackNesting {
		return causes
	}
	inner, err := c.api.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: &nested})
	if err != nil {
		return nil
	}
	prefix += aws.ToString(inner.StackName) + "/"
	if deeper := c.changeSetCauses(ctx, inner, prefix, depth+1); len(deeper) > 0 {
		return deeper
	}
	reason := strings.TrimSpace(aws.ToString(inner.StatusReason))
	return []change.Cause{newCause(strings.TrimSuffix(prefix, "/"), change.StackType, cmp.Or(reason, noReason))}
}

// nestedChangeSet returns the ARN of the nested change set that a reason names, or "".
func nestedChangeSet(reason string) string {
	_, rest, isNested := strings.Cut(reason, "Nested change set ")
	if !isNested {
		return ""
	}
	id, _, _ := strings.Cut(rest, " ")
	return strings.TrimRight(id, ".,;")
}

// validationCauses returns what the validations have found that come before a change set.
func (c *Client) validationCauses(
	ctx context.Context, out *cloudformation.DescribeChangeSetOutput, prefix string,
) []change.Cause {
	var causes []change.Cause
	pages := cloudformation.NewDescribeEventsPaginator(c.api, &cloudformation.DescribeEventsInput{
		ChangeSetName: out.ChangeSetId, Filters: &types.EventFilter{FailedEvents: aws.Bool(true)},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return causes
		}
		for _, e := range page.OperationEvents {
			reason := cmp.Or(trimReason(e.ValidationStatusReason), trimReason(e.HookStatusReason))
			if e.ValidationFailureMode == types.HookFailureModeWarn || reason == "" {
				continue
			}
			if path := aws.ToString(e.ValidationPath); path != "" {
				reason += " (" + path + ")"
			}
			causes = append(causes, newCause(prefix+aws.ToString(e.LogicalResourceId), aws.ToString(e.ResourceType), reason))
		}
	}
	return causes
}

// hookCauses returns what the hooks say that refused a change set.
func (c *Client) hookCauses(
	ctx context.Context, out *cloudformation.DescribeChangeSetOutput, prefix string,
) []change.Cause {
	results, err := c.api.ListHookResults(ctx, &cloudformation.ListHookResultsInput{
		TargetId: out.ChangeSetId, TargetType: types.ListHookResultsTargetTypeChangeSet,
	})
	if err != nil {
		return nil
	}
	var causes []change.Cause
	for _, r := range results.HookResults {
		if r.Status != types.HookStatusHookCompleteFailed && r.Status != types.HookStatusHookFailed ||
			r.FailureMode == types.HookFailureModeWarn {
			continue
		}
		reason := "the hook " + aws.ToString(r.TypeName) + " refuses it: " + cmp.Or(trimReason(r.HookStatusReason), noReason)
		causes = append(causes, newCause(strings.TrimSuffix(prefix, "/"), "", reason))
	}
	return causes
}

// failure returns why an operation failed that has ended: the resources that failed by themselves, or what
// CloudFormation says of the stack.
func (r *eventReader) failure(ctx context.Context) error {
	status := r.status()
	failed := &FailureError{code: fault.StackFailed, state: "the stack is now in state " + string(status)}
	if row := stateRow(status); row.Phase == NeedsHuman || row.Phase == NeedsRollback {
		failed.state += ": " + row.Action
	}
	failed.Causes = r.causes(ctx)
	return failed
}

// causes returns why an operation failed; there is at least one.
func (r *eventReader) causes(ctx context.Context) []change.Cause {
	var causes []change.Cause
	for _, e := range r.failures {
		first, path := r.client.innermostFailure(ctx, e, 0)
		reason := cmp.Or(trimReason(first.ResourceStatusReason), r.failureReason, noReason)
		causes = append(causes, newCause(path, aws.ToString(first.ResourceType), reason))
	}
	if len(causes) == 0 {
		causes = []change.Cause{newCause("", "", cmp.Or(r.failureReason, trimReason(&r.reason), noReason))}
	}
	return causes
}

// LocateCauses returns causes with the paths of their resources in the CDK app, as far as the stack's template tells.
func LocateCauses(causes []change.Cause, template assembly.Template) []change.Cause {
	out := slices.Clone(causes)
	for i, cause := range out {
		outermost, _, _ := strings.Cut(cause.Resource, "/")
		out[i].Construct = template.Resources[outermost].Construct
	}
	return out
}

// Diagnose returns why the newest operation on a stack failed, and the state that the stack is in; no cause if the
// operation did not fail.
func (c *Client) Diagnose(ctx context.Context, name string) ([]change.Cause, State, error) {
	state, err := c.Describe(ctx, name)
	if err != nil || state.Phase == Absent && state.StackStatus != types.StackStatusReviewInProgress {
		return nil, state, err
	}
	lastSeen, err := c.eventBeforeOperation(ctx, state.ID())
	if err != nil {
		return nil, state, err
	}
	events := &eventReader{client: c, Operation: Operation{StackID: state.ID(), LastSeenID: lastSeen}}
	if _, err := events.next(ctx); err != nil {
		return nil, state, err
	}
	causes := c.pendingCauses(ctx, state)
	if len(events.failures) > 0 || events.failureReason != "" {
		causes = append(events.causes(ctx), causes...)
	}
	out, err := c.api.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: state.StackId})
	if err != nil {
		return causes, state, nil //nolint:nilerr // only the paths in the app are not known
	}
	template, _ := assembly.ParseTemplate(aws.ToString(out.TemplateBody)) // one in YAML has no paths of a CDK app
	return LocateCauses(causes, template), state, nil
}

// pendingCauses returns why the change sets of a stack failed that still exist. Ours are deleted; those of others are
// not.
func (c *Client) pendingCauses(ctx context.Context, state State) []change.Cause {
	sets, err := c.pendingChangeSets(ctx, state.ID())
	if err != nil {
		return nil // a role may lack the right, and the events are there
	}
	var causes []change.Cause
	for _, set := range sets {
		if set.Status != types.ChangeSetStatusFailed || isEmptyReason(aws.ToString(set.StatusReason)) {
			continue
		}
		out, err := c.api.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: set.ChangeSetId})
		if err != nil {
			continue
		}
		found := c.changeSetCauses(ctx, out, "", 0)
		if len(found) == 0 {
			found = []change.Cause{newCause("", "", strings.TrimSpace(aws.ToString(out.StatusReason)))}
		}
		for i := range found {
			found[i].Reason = "change set " + aws.ToString(set.ChangeSetName) + ": " + found[i].Reason
		}
		causes = append(causes, found...)
	}
	return causes
}
