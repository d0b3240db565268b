package deploy

import (
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"lockstep/internal/deploy/assembly"
)

// A phase is what can be done with a stack in a state.
type phase int

const (
	absent   phase = iota // it can be created
	settled               // it can be updated
	busy                  // CloudFormation works on it: wait
	leftover              // nothing of it was ever there: it has to be deleted before it can be created
	blocked               // a person has to decide
)

// phases says it for every state that does not end in _IN_PROGRESS.
// Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html, stack status codes.
var phases = map[types.StackStatus]struct {
	phase  phase
	remedy string
}{
	types.StackStatusReviewInProgress:       {phase: absent},
	types.StackStatusDeleteComplete:         {phase: absent},
	types.StackStatusCreateComplete:         {phase: settled},
	types.StackStatusUpdateComplete:         {phase: settled},
	types.StackStatusUpdateRollbackComplete: {phase: settled},
	types.StackStatusImportComplete:         {phase: settled},
	types.StackStatusImportRollbackComplete: {phase: settled},
	types.StackStatusUpdateFailed:           {phase: settled}, // only where rollback was switched off
	types.StackStatusRollbackComplete:       {phase: leftover},
	types.StackStatusCreateFailed:           {blocked, "its creation failed without a rollback: delete the stack, then run this again"},
	types.StackStatusRollbackFailed:         {blocked, "what was created could not all be removed: delete the stack, keeping the resources that cannot go, then run this again"},
	types.StackStatusDeleteFailed:           {blocked, "it could not be deleted: delete it again, keeping the resources that cannot go, then run this again"},
	types.StackStatusUpdateRollbackFailed:   {blocked, "a rollback is stuck: mend what its events name, then `aws cloudformation continue-update-rollback`, then run this again"},
	types.StackStatusImportRollbackFailed:   {blocked, "a rollback of an import is stuck: mend what its events name, then run this again"},
}

// A deployed is a stack as it is in the account; the zero one is not there.
type deployed struct {
	types.Stack
	phase phase
}

// describe reads a stack's state.
func describe(ctx context.Context, client *cloudformation.Client, name string) (deployed, error) {
	out, err := client.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(name)})
	if says(err, "does not exist") {
		return deployed{}, nil
	}
	if err != nil {
		return deployed{}, problem(err)
	}
	if len(out.Stacks) != 1 {
		return deployed{}, fmt.Errorf("CloudFormation answered with %d stacks called %s", len(out.Stacks), name)
	}
	have := deployed{Stack: out.Stacks[0]}
	if state, ok := phases[have.StackStatus]; ok {
		have.phase = state.phase
	} else if strings.HasSuffix(string(have.StackStatus), "_IN_PROGRESS") {
		have.phase = busy
	} else {
		have.phase = blocked
	}
	return have, nil
}

// settle waits until CloudFormation has ended what it does with a stack, which an earlier run may have begun, and refuses a state
// that a person has to look at.
func (d *Deployment) settle(ctx context.Context, client *cloudformation.Client, name string) (deployed, error) {
	told := false
	for wait := newPause(); ; {
		have, err := describe(ctx, client, name)
		switch {
		case err != nil:
			return have, err
		case have.phase == blocked:
			return have, fmt.Errorf("the stack is in state %s: %s", have.StackStatus, phases[have.StackStatus].remedy)
		case have.phase != busy:
			return have, nil
		}
		if !told {
			d.tell(fmt.Sprintf("%s: waiting, CloudFormation is at %s", name, have.StackStatus))
			told = true
		}
		if err := wait.sleep(ctx); err != nil {
			return have, err
		}
	}
}

// same says whether a stack is as the assembly wants it, so that nothing has to be written to know that nothing changes. Parameters
// that cannot be compared, because CloudFormation hides them or reads them from SSM, count as in doubt.
func same(ctx context.Context, client *cloudformation.Client, s *assembly.Stack, have deployed, inDoubt bool) (bool, error) {
	switch {
	case have.phase != settled, have.StackStatus == types.StackStatusUpdateFailed:
		return false, nil
	case aws.ToBool(have.EnableTerminationProtection) != s.TerminationProtection,
		!maps.Equal(tagMap(have.Tags), s.Tags), !sameParameters(s, have, inDoubt), !sameSet(have.NotificationARNs, s.NotificationARNs):
		return false, nil
	}
	out, err := client.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: have.StackId, TemplateStage: types.TemplateStageOriginal})
	if err != nil {
		return false, problem(err)
	}
	body := aws.ToString(out.TemplateBody)
	if inDoubt { // what CloudFormation does not count as a change, and so cannot be deployed, is no difference either
		return s.Template.SameEffect(body), nil
	}
	return s.Template.Same(body), nil
}

// sameParameters says whether the stack has the values that an update would give it.
func sameParameters(s *assembly.Stack, have deployed, inDoubt bool) bool {
	values := map[string]string{}
	for _, p := range have.Parameters {
		values[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	for name, p := range s.Template.Parameters {
		want, given := s.Parameters[name]
		value, there := values[name]
		switch {
		case name == bootstrapVersionRule: // no resource depends on it
		case !there:
			return false
		case given && p.Secret(), p.FromSSM():
			if !inDoubt {
				return false
			}
		case given && value != want:
			return false
		}
	}
	return true
}

// bootstrapVersionRule is the parameter that the CDK adds to every template for a rule that checks the bootstrap's version.
const bootstrapVersionRule = assembly.BootstrapVersion

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
func (h deployed) outputs() map[string]string {
	if len(h.Outputs) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, o := range h.Outputs {
		out[aws.ToString(o.OutputKey)] = aws.ToString(o.OutputValue)
	}
	return out
}

// A pause grows with every sleep: short waits end soon, long ones cost few calls.
type pause struct{ next time.Duration }

const (
	shortestPause = 50 * time.Millisecond
	longestPause  = 3 * time.Second
)

func newPause() *pause { return &pause{shortestPause} }

func (p *pause) sleep(ctx context.Context) error {
	timer := time.NewTimer(p.next)
	defer timer.Stop()
	p.next = min(p.next*3/2, longestPause)
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
