package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
)

// A phase is what can be done with a stack in a state.
type phase int

const (
	absent        phase = iota // it can be created
	updatable                  // it can be updated
	busy                       // CloudFormation works on it: wait
	needsDelete                // nothing of it was ever in use: it has to be deleted before it can be created
	needsRollback              // a rollback has to be continued before it can be updated
	needsHuman                 // a person has to decide
)

// A StateRow is what is done with a stack that is found in a state.
type StateRow struct {
	Status types.StackStatus
	phase  phase
	// Action says what the program does, or why it does nothing and what a person has to do.
	Action string
}

// States is the table of every state that CloudFormation knows, and the way on from each.
// Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html, stack status codes.
var States = []StateRow{
	{types.StackStatusCreateComplete, updatable, "it is updated by a change set"},
	{types.StackStatusUpdateComplete, updatable, "it is updated by a change set"},
	{types.StackStatusUpdateRollbackComplete, updatable, "it is updated by a change set; the last update was taken back"},
	{types.StackStatusImportComplete, updatable, "it is updated by a change set"},
	{types.StackStatusImportRollbackComplete, updatable, "it is updated by a change set; the last import was taken back"},
	{types.StackStatusUpdateFailed, updatable, "it is updated by a change set, which CloudFormation takes where rollback was switched off"},
	{types.StackStatusReviewInProgress, absent, "it only holds change sets: it is created by one more, and old ones of ours are removed"},
	{types.StackStatusDeleteComplete, absent, "it is created"},
	{types.StackStatusRollbackComplete, needsDelete, "its creation failed and was taken back: it is deleted and created anew"},
	{types.StackStatusRollbackFailed, needsDelete, "its creation failed and could not all be taken back: it is deleted and created anew; if that fails, its resources are named"},
	{types.StackStatusUpdateRollbackFailed, needsRollback, "its rollback is continued, once; if that fails, its resources are named"},
	{types.StackStatusCreateFailed, needsHuman, "its creation failed where rollback was switched off, for somebody to look at it: delete the stack, then run this again"},
	{types.StackStatusDeleteFailed, needsHuman, "somebody wanted it gone and it could not be deleted: delete it again, keeping the resources that cannot go, then run this again"},
	{types.StackStatusImportRollbackFailed, needsHuman, "the rollback of an import did not end: mend what its events name, then run this again"},
	{types.StackStatusCreateInProgress, busy, "it is waited for"},
	{types.StackStatusUpdateInProgress, busy, "it is waited for"},
	{types.StackStatusUpdateCompleteCleanupInProgress, busy, "it is waited for"},
	{types.StackStatusRollbackInProgress, busy, "it is waited for"},
	{types.StackStatusUpdateRollbackInProgress, busy, "it is waited for"},
	{types.StackStatusUpdateRollbackCompleteCleanupInProgress, busy, "it is waited for"},
	{types.StackStatusDeleteInProgress, busy, "it is waited for, and then created"},
	{types.StackStatusImportInProgress, busy, "it is waited for"},
	{types.StackStatusImportRollbackInProgress, busy, "it is waited for"},
}

// stateRow is the row of a state. One that this program does not know is for a person, unless CloudFormation says that it is at work.
func stateRow(status types.StackStatus) StateRow {
	if i := slices.IndexFunc(States, func(r StateRow) bool { return r.Status == status }); i >= 0 {
		return States[i]
	}
	if strings.HasSuffix(string(status), "_IN_PROGRESS") {
		return StateRow{status, busy, "it is waited for"}
	}
	return StateRow{status, needsHuman, "this program does not know that state: look at the stack, then run this again"}
}

// A stackState is a stack as it is in the account; the zero one is not there.
type stackState struct {
	types.Stack
	phase phase
	// template is what it was deployed with, as far as that was asked for.
	template string
	// policy is its stack policy, as far as that was asked for.
	policy string
}

// A stateReader reads a stack's state.
type stateReader func(ctx context.Context, client *awsclient.CloudFormation, name string) (stackState, error)

// describeStack reads a stack's state.
func describeStack(ctx context.Context, client *awsclient.CloudFormation, name string) (stackState, error) {
	out, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(name)})
	if isNotFound(err) {
		return stackState{}, nil
	}
	if err != nil {
		return stackState{}, err
	}
	if len(out.Stacks) != 1 {
		return stackState{}, fmt.Errorf("CloudFormation answered with %d stacks called %s", len(out.Stacks), name)
	}
	return stackState{Stack: out.Stacks[0], phase: stateRow(out.Stacks[0].StackStatus).phase}, nil
}

// readState reads a state as it is.
func (d *Deployment) readState(ctx context.Context, client *awsclient.CloudFormation, name string) (stackState, error) {
	return describeStack(ctx, client, name)
}

// waitUntilReady waits until CloudFormation has ended what it does with a stack, which an earlier run may have begun, and refuses a state
// that a person has to look at.
func (d *Deployment) waitUntilReady(ctx context.Context, client *awsclient.CloudFormation, name string) (stackState, error) {
	have, err := d.waitWhileBusy(ctx, client, name)
	if err == nil && have.phase == needsHuman {
		err = fmt.Errorf("the stack is in state %s: %s", have.StackStatus, stateRow(have.StackStatus).Action)
	}
	return have, err
}

// waitWhileBusy waits until CloudFormation has ended what it does with a stack.
func (d *Deployment) waitWhileBusy(ctx context.Context, client *awsclient.CloudFormation, name string) (stackState, error) {
	told := false
	for wait := newPollBackoff(); ; {
		have, err := describeStack(ctx, client, name)
		if err != nil || have.phase != busy {
			return have, err
		}
		if !told {
			d.printProgress(fmt.Sprintf("%s: waiting, CloudFormation is at %s", aws.ToString(have.StackName), have.StackStatus))
			told = true
		}
		if err := wait.sleep(ctx); err != nil {
			return have, err
		}
	}
}

// matchesAssembly says whether a stack is as the assembly wants it, so that nothing has to be written to know that nothing changes. Parameters
// that cannot be compared, because CloudFormation hides them or reads them from SSM, count as in doubt. The template that is read stays with
// the stack.
func matchesAssembly(ctx context.Context, client *awsclient.CloudFormation, s *assembly.Stack, have *stackState, inDoubt bool) (bool, error) {
	if have.phase != updatable {
		return false, nil
	}
	out, err := client.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: have.StackId, TemplateStage: types.TemplateStageOriginal})
	if err != nil {
		return false, err
	}
	have.template = aws.ToString(out.TemplateBody)
	if s.Template.StackPolicy != "" {
		if have.policy, err = getStackPolicy(ctx, client, aws.ToString(have.StackId)); err != nil {
			return false, err
		}
	}
	template := s.Template.Equal
	if inDoubt { // what CloudFormation does not count as a change, and so cannot be deployed, is no difference either
		template = s.Template.Equivalent
	}
	return have.StackStatus != types.StackStatusUpdateFailed && template(have.template) && !protectionDiffers(s, *have) && !policyDiffers(s, *have) &&
		maps.Equal(tagMap(have.Tags), s.Tags) && sameParameters(s, *have, inDoubt) && sameSet(have.NotificationARNs, s.NotificationARNs), nil
}

func protectionDiffers(s *assembly.Stack, have stackState) bool {
	return aws.ToBool(have.EnableTerminationProtection) != s.TerminationProtection
}

// sameParameters says whether the stack has the values that an update would give it.
func sameParameters(s *assembly.Stack, have stackState, inDoubt bool) bool {
	values := map[string]string{}
	for _, p := range have.Parameters {
		values[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	for name, p := range s.Template.Parameters {
		want, given := s.Parameters[name]
		value, there := values[name]
		switch {
		case name == bootstrapVersionParameter: // no resource depends on it
		case !there:
			return false
		case given && p.IsSecret(), p.IsFromSSM():
			if !inDoubt {
				return false
			}
		case given && value != want:
			return false
		}
	}
	return true
}

// bootstrapVersionParameter is the parameter that the CDK adds to every template for a rule that checks the bootstrap's version.
const bootstrapVersionParameter = assembly.BootstrapVersionParameter

func sameSet(a, b []string) bool {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	return len(a) == len(b) && (len(a) == 0 || reflect.DeepEqual(a, b))
}

func tagMap(tags []types.Tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, tag := range tags {
		out[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return out
}

// outputs are the stack's outputs by key.
func (h stackState) outputs() map[string]string {
	if len(h.Outputs) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, o := range h.Outputs {
		out[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return out
}

// A pollBackoff grows with every sleep: short waits end soon, long ones cost few calls.
type pollBackoff struct{ next time.Duration }

const (
	minPollInterval = 50 * time.Millisecond
	maxPollInterval = 3 * time.Second
)

func newPollBackoff() *pollBackoff { return &pollBackoff{minPollInterval} }

func (p *pollBackoff) sleep(ctx context.Context) error {
	timer := time.NewTimer(p.next)
	defer timer.Stop()
	p.next = min(p.next*3/2, maxPollInterval)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// isNotFound says whether CloudFormation knows no such stack. It distinguishes its ValidationErrors only by text.
func isNotFound(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.Contains(api.ErrorMessage(), "does not exist")
}
