package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/compare"
	"lockstep/internal/fault"
	"lockstep/internal/roles"
)

// Verify checks that every stack of the assembly exists as the assembly wants it, that each of its resources is
// complete, that none of its health alarms is in state ALARM, and that the published files are those of the assembly.
// It writes nothing.
func (d *Deployment) Verify(ctx context.Context) (Record, error) {
	p := d.newPlan()
	p.err = d.forEachStack(ctx, func(ctx context.Context, i int, _ *assembly.Stack) error {
		step := p.steps[i]
		return step.run(func() error {
			resources, err := d.verifyStack(ctx, step)
			if err == nil {
				_, err = d.checkAlarms(ctx, step, resources, time.Time{})
			}
			if err == nil {
				step.record.Outcome, step.record.Outputs = change.Unchanged, step.current.StackOutputs(step.stack)
			}
			return err
		})
	})
	return p.Record(), p.err
}

// verifyDeployed is Verify for what was just deployed. The outcomes in the plan's record stay. An alarm does not undo
// that the stack was deployed, so it is no error: it is kept in the step, for the record of the release.
func (p *Plan) verifyDeployed(ctx context.Context) error {
	p.err = p.deployment.forEachStack(ctx, func(ctx context.Context, i int, _ *assembly.Stack) error {
		step := p.steps[i]
		resources, err := p.deployment.verifyStack(ctx, step)
		if err != nil {
			return step.fail(fmt.Errorf("it was deployed, and reading it back: %w", err))
		}
		var before []string
		before, step.healthErr = p.deployment.checkAlarms(ctx, step, resources, p.started)
		step.record.Notes = append(step.record.Notes, before...)
		return nil
	})
	return p.err
}

// health returns what is wrong with the health of what was deployed, a line for each stack; nil if nothing is.
func (p *Plan) health() []string {
	var out []string
	for _, step := range p.steps {
		if step.healthErr != nil {
			out = append(out, step.stack.Name+": "+step.healthErr.Error())
		}
	}
	return out
}

// failUnhealthy returns the error of a release whose health is not good, after it was recorded.
func (p *Plan) failUnhealthy() error {
	for _, step := range p.steps {
		if step.healthErr != nil {
			p.err = errors.Join(p.err, step.fail(fmt.Errorf("it is deployed, and the release is recorded: %w", step.healthErr)))
		}
	}
	return p.err
}

// verifyStack reads the current state of a step's stack, checks it, and returns its resources.
func (d *Deployment) verifyStack(ctx context.Context, step *planStep) ([]types.StackResourceSummary, error) {
	client, err := d.stackClient(ctx, step.stack)
	if err != nil {
		return nil, err
	}
	if step.current, err = client.Describe(ctx, step.stack.Name); err != nil {
		return nil, err
	}
	switch step.current.Phase {
	case cfn.Updatable:
	case cfn.Absent:
		if isEmpty(step.stack) {
			return nil, step.skipEmpty()
		}
		return nil, fault.New(fault.VerificationFailed, "the stack is not there")
	default:
		return nil, fault.Errorf(fault.VerificationFailed, "the stack is in state %s", step.current.StackStatus)
	}
	if err := d.compareStack(ctx, client, step); err != nil {
		return nil, err
	}
	if changed := step.comparison.Changed(); len(changed) > 0 {
		return nil, fault.Errorf(fault.VerificationFailed,
			"what is deployed is not what the assembly holds (%s): `lockstep plan --env %s` shows what differs",
			compare.Paths(changed), d.target.Environment)
	}
	if missing := missingOutputs(step.stack.Template, step.current.StackOutputs(step.stack)); len(missing) > 0 {
		return nil, fault.Errorf(fault.VerificationFailed, "it lacks the outputs %s", strings.Join(missing, ", "))
	}
	resources, err := client.Resources(ctx, step.current.ID())
	if err != nil {
		return nil, err
	}
	if err := checkComplete(resources); err != nil {
		return nil, err
	}
	if err := d.checkPublished(ctx, step.stack); err != nil {
		return nil, err
	}
	return resources, nil
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
		return fault.New(fault.VerificationFailed, strings.Join(incomplete, "; "))
	}
	return nil
}

// maxAlarmsPerCall is how many alarms a call takes. Source: the CloudWatch API reference, DescribeAlarms.
const maxAlarmsPerCall = 100

// checkAlarms names the alarms among the resources that are in state ALARM. It reads them with the lookup role, because
// the deploy role may not.
//
// An audit alarm says that somebody has done something, and not that the stack is ill: the deployment itself is often
// what has raised it. One that came to ALARM before a time is no effect of what was done since; they are returned.
func (d *Deployment) checkAlarms(
	ctx context.Context, step *planStep, resources []types.StackResourceSummary, since time.Time,
) (before []string, err error) {
	names := healthAlarms(step.stack.Template, resources)
	if len(names) == 0 {
		return nil, nil
	}
	cfg, err := d.sessions.Config(ctx, bootstrapRole(d.target, roles.Lookup), d.target.Region)
	if err != nil {
		return nil, err
	}
	client := awsclient.NewCloudWatch(cfg)
	var firing []string
	add := func(name, reason *string, changed *time.Time) {
		text := alarmText(name, reason)
		if changed != nil && changed.Before(since) {
			before = append(before, text+" (since before this deployment)")
			return
		}
		firing = append(firing, text)
	}
	for some := range slices.Chunk(names, maxAlarmsPerCall) {
		out, err := client.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{
			AlarmNames: some,
			StateValue: cwtypes.StateValueAlarm,
			AlarmTypes: []cwtypes.AlarmType{cwtypes.AlarmTypeMetricAlarm, cwtypes.AlarmTypeCompositeAlarm},
		})
		if err != nil {
			return before, fault.Errorf(fault.AlarmsFiring, "its alarms cannot be read: %w", err)
		}
		for _, a := range out.MetricAlarms {
			add(a.AlarmName, a.StateReason, cmp.Or(a.StateTransitionedTimestamp, a.StateUpdatedTimestamp))
		}
		for _, a := range out.CompositeAlarms {
			add(a.AlarmName, a.StateReason, cmp.Or(a.StateTransitionedTimestamp, a.StateUpdatedTimestamp))
		}
	}
	if len(firing) > 0 {
		return before, fault.New(fault.AlarmsFiring, strings.Join(firing, "; "))
	}
	return before, nil
}

// healthAlarms returns the names of the alarms among the resources of a stack that its template does not mark as audit
// alarms.
func healthAlarms(template assembly.Template, resources []types.StackResourceSummary) []string {
	var names []string
	for _, r := range resources {
		switch aws.ToString(r.ResourceType) {
		case "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm":
			if !template.Resources[aws.ToString(r.LogicalResourceId)].IsAuditAlarm {
				names = append(names, aws.ToString(r.PhysicalResourceId))
			}
		}
	}
	return names
}

func alarmText(name, reason *string) string {
	return fmt.Sprintf("alarm %s rings: %s", aws.ToString(name), aws.ToString(reason))
}
