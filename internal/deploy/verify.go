package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/compare"
)

// Verify checks that every stack of the assembly exists as the assembly wants it, that each of its resources is
// complete, that none of its alarms is in state ALARM, and that the published files are those of the assembly. It
// writes nothing.
func (d *Deployment) Verify(ctx context.Context) (Record, error) {
	p := d.newPlan()
	p.err = d.forEachStack(ctx, func(ctx context.Context, i int, _ *assembly.Stack) error {
		step := p.steps[i]
		return step.run(func() error {
			err := d.verifyStack(ctx, step)
			if err == nil {
				step.record.Outcome, step.record.Outputs = change.Unchanged, step.current.StackOutputs(step.stack)
			}
			return err
		})
	})
	return p.Record(), p.err
}

// verifyDeployed is Verify for what was just deployed. The outcomes in the plan's record stay.
func (p *Plan) verifyDeployed(ctx context.Context) error {
	p.err = p.deployment.forEachStack(ctx, func(ctx context.Context, i int, _ *assembly.Stack) error {
		if err := p.deployment.verifyStack(ctx, p.steps[i]); err != nil {
			return p.steps[i].fail(fmt.Errorf("it was deployed, and reading it back: %w", err))
		}
		return nil
	})
	return p.err
}

// verifyStack reads the current state of a step's stack and checks it.
func (d *Deployment) verifyStack(ctx context.Context, step *planStep) error {
	client, err := d.stackClient(ctx, step.stack)
	if err != nil {
		return err
	}
	if step.current, err = client.Describe(ctx, step.stack.Name); err != nil {
		return err
	}
	switch step.current.Phase {
	case cfn.Updatable:
	case cfn.Absent:
		if isEmpty(step.stack) {
			return step.skipEmpty()
		}
		return errors.New("the stack is not there")
	default:
		return fmt.Errorf("the stack is in state %s", step.current.StackStatus)
	}
	if err := d.compareStack(ctx, client, step); err != nil {
		return err
	}
	if changed := step.comparison.Changed(); len(changed) > 0 {
		return fmt.Errorf("what is deployed is not what the assembly holds (%s): `lockstep plan --env %s` shows what differs",
			compare.Paths(changed), d.target.Environment)
	}
	if missing := missingOutputs(step.stack.Template, step.current.StackOutputs(step.stack)); len(missing) > 0 {
		return fmt.Errorf("it lacks the outputs %s", strings.Join(missing, ", "))
	}
	resources, err := client.Resources(ctx, step.current.ID())
	if err != nil {
		return err
	}
	if err := checkComplete(resources); err != nil {
		return err
	}
	if err := d.checkPublished(ctx, step.stack); err != nil {
		return err
	}
	return d.checkAlarms(ctx, step.stack, resources)
}

// missingOutputs returns the outputs that a template declares without a condition and that the stack does not have.
func missingOutputs(t assembly.Template, outputs map[string]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(t.Outputs)) {
		if _, ok := outputs[name]; !ok && t.Outputs[name].Condition == "" {
			out = append(out, name)
		}
	}
	return out
}

// checkComplete names the resources whose last operation did not end well.
func checkComplete(resources []types.StackResourceSummary) error {
	var incomplete []string
	for _, r := range resources {
		if !strings.HasSuffix(string(r.ResourceStatus), "_COMPLETE") {
			incomplete = append(incomplete, fmt.Sprintf("%s (%s) is in state %s",
				aws.ToString(r.LogicalResourceId), aws.ToString(r.ResourceType), r.ResourceStatus))
		}
	}
	if len(incomplete) > 0 {
		return errors.New(strings.Join(incomplete, "; "))
	}
	return nil
}

// maxAlarmsPerCall is how many alarms a call takes. Source: the CloudWatch API reference, DescribeAlarms.
const maxAlarmsPerCall = 100

// checkAlarms names the alarms among the resources of a stack that are in state ALARM. It reads them with the lookup
// role, because the deploy role may not.
func (d *Deployment) checkAlarms(
	ctx context.Context, s *assembly.Stack, resources []types.StackResourceSummary,
) error {
	var names []string
	for _, r := range resources {
		switch aws.ToString(r.ResourceType) {
		case "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm":
			names = append(names, aws.ToString(r.PhysicalResourceId))
		}
	}
	if len(names) == 0 {
		return nil
	}
	cfg, err := d.sessions.Config(ctx, bootstrapRole(d.targetOf(s), lookupKind), s.Region)
	if err != nil {
		return err
	}
	client := awsclient.NewCloudWatch(cfg)
	var firing []string
	for some := range slices.Chunk(names, maxAlarmsPerCall) {
		out, err := client.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{
			AlarmNames: some,
			StateValue: cwtypes.StateValueAlarm,
			AlarmTypes: []cwtypes.AlarmType{cwtypes.AlarmTypeMetricAlarm, cwtypes.AlarmTypeCompositeAlarm},
		})
		if err != nil {
			return err
		}
		for _, a := range out.MetricAlarms {
			firing = append(firing, alarmText(a.AlarmName, a.StateReason))
		}
		for _, a := range out.CompositeAlarms {
			firing = append(firing, alarmText(a.AlarmName, a.StateReason))
		}
	}
	if len(firing) > 0 {
		return errors.New(strings.Join(firing, "; "))
	}
	return nil
}

func alarmText(name, reason *string) string {
	return fmt.Sprintf("alarm %s rings: %s", aws.ToString(name), aws.ToString(reason))
}
