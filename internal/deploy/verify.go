package deploy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/change"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"lockstep/internal/deploy/assembly"
)

// Verify reads back what is in the account: every stack of the assembly there, in a good state, as the assembly wants it, and each of
// its resources complete. It writes nothing.
func (d *Deployment) Verify(ctx context.Context) (Record, error) {
	p := d.newPlan()
	p.err = d.forEachStack(ctx, func(ctx context.Context, i int, s *assembly.Stack) error {
		return p.recordStep(p.steps[i], func() error { return d.verifyStack(ctx, p.steps[i]) })
	})
	return p.Record(), p.err
}

// verifyDeployed reads back what was deployed, before a release may say so.
func (p *Plan) verifyDeployed(ctx context.Context) error {
	d := p.deployment
	p.err = d.forEachStack(ctx, func(ctx context.Context, i int, s *assembly.Stack) error {
		step := p.steps[i]
		seen := &planStep{stack: s}
		if err := d.verifyStack(ctx, seen); err != nil {
			return step.fail(fmt.Errorf("it was deployed, and reading it back: %w", err))
		}
		step.current = seen.current
		return nil
	})
	return p.err
}

func (d *Deployment) verifyStack(ctx context.Context, step *planStep) error {
	client, err := d.cloudFormation(ctx, step.stack)
	if err != nil {
		return err
	}
	if step.current, err = describeStack(ctx, client, step.stack.Name); err != nil {
		return err
	}
	switch step.current.phase {
	case updatable:
	case absent:
		return errors.New("the stack is not there")
	default:
		return fmt.Errorf("the stack is in state %s", step.current.StackStatus)
	}
	asWanted, err := matchesAssembly(ctx, client, step.stack, &step.current, true)
	if err != nil {
		return err
	}
	if !asWanted {
		return fmt.Errorf("what is deployed is not what the assembly holds: `lockstep plan --env %s` shows what differs", d.target.Environment)
	}
	if missing := missingOutputs(step.stack.Template, step.current.outputs()); len(missing) > 0 {
		return fmt.Errorf("it lacks the outputs %s", strings.Join(missing, ", "))
	}
	resources, err := stackResources(ctx, client, step.current)
	if err != nil {
		return err
	}
	if err := checkComplete(resources); err != nil {
		return err
	}
	if err := d.alarmsFiring(ctx, resources); err != nil {
		return err
	}
	step.record.Outcome, step.record.Outputs = change.Unchanged, step.current.outputs()
	return nil
}

// missingOutputs are the outputs that a template declares without a condition and that the stack does not have.
func missingOutputs(t assembly.Template, have map[string]string) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(t.Outputs)) {
		if _, ok := have[name]; !ok && t.Outputs[name].Condition == "" {
			out = append(out, name)
		}
	}
	return out
}

// stackResources are the resources of a stack.
func stackResources(ctx context.Context, client *awsclient.CloudFormation, have stackState) ([]types.StackResourceSummary, error) {
	var out []types.StackResourceSummary
	pages := cloudformation.NewListStackResourcesPaginator(client, &cloudformation.ListStackResourcesInput{StackName: have.StackId})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		out = append(out, page.StackResourceSummaries...)
	}
	return out, nil
}

// checkComplete names the resources that are in no good state.
func checkComplete(resources []types.StackResourceSummary) error {
	var bad []string
	for _, r := range resources {
		if !strings.HasSuffix(string(r.ResourceStatus), "_COMPLETE") {
			bad = append(bad, fmt.Sprintf("%s (%s) is in state %s", aws.ToString(r.LogicalResourceId), aws.ToString(r.ResourceType), r.ResourceStatus))
		}
	}
	if len(bad) > 0 {
		return errors.New(strings.Join(bad, "; "))
	}
	return nil
}

// maxAlarmsPerCall is how many alarms a call takes. Source: the CloudWatch API reference, DescribeAlarms.
const maxAlarmsPerCall = 100

// alarmsFiring names the alarms among the resources that are in state ALARM. They are read as the role that may read everything, because the deploy role may not.
func (d *Deployment) alarmsFiring(ctx context.Context, resources []types.StackResourceSummary) error {
	var alarms []string
	for _, r := range resources {
		switch aws.ToString(r.ResourceType) {
		case "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm":
			alarms = append(alarms, aws.ToString(r.PhysicalResourceId))
		}
	}
	if len(alarms) == 0 {
		return nil
	}
	cfg, err := d.sessions.Config(ctx, bootstrapRole(d.target, lookupKind), d.target.Region)
	if err != nil {
		return err
	}
	client := awsclient.NewCloudWatch(cfg) // of the last version that speaks the query protocol: the emulator does not answer in CBOR
	var bad []string
	for some := range slices.Chunk(alarms, maxAlarmsPerCall) {
		out, err := client.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{
			AlarmNames: some, StateValue: cwtypes.StateValueAlarm, AlarmTypes: []cwtypes.AlarmType{cwtypes.AlarmTypeMetricAlarm, cwtypes.AlarmTypeCompositeAlarm},
		})
		if err != nil {
			return err
		}
		for _, a := range out.MetricAlarms {
			bad = append(bad, fmt.Sprintf("alarm %s rings: %s", aws.ToString(a.AlarmName), aws.ToString(a.StateReason)))
		}
		for _, a := range out.CompositeAlarms {
			bad = append(bad, fmt.Sprintf("alarm %s rings: %s", aws.ToString(a.AlarmName), aws.ToString(a.StateReason)))
		}
	}
	if len(bad) > 0 {
		return errors.New(strings.Join(bad, "; "))
	}
	return nil
}
