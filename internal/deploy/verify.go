package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"lockstep/internal/deploy/assembly"
)

// Verify reads back what is in the account: every stack of the assembly there, in a good state, as the assembly wants it, and each of
// its resources complete. It writes nothing.
func (d *Deployment) Verify(ctx context.Context) (Record, error) {
	p := d.newPlan()
	p.err = d.each(ctx, func(ctx context.Context, i int, s *assembly.Stack) error {
		return p.within(p.steps[i], func() error { return d.verify(ctx, p.steps[i]) })
	})
	return p.Record(), p.err
}

// check reads back what was deployed, before a release may say so.
func (p *Plan) check(ctx context.Context) error {
	d := p.deployment
	p.err = d.each(ctx, func(ctx context.Context, i int, s *assembly.Stack) error {
		step := p.steps[i]
		seen := &planned{stack: s}
		if err := d.verify(ctx, seen); err != nil {
			return step.fail(fmt.Errorf("it was deployed, and reading it back: %w", err))
		}
		step.have = seen.have
		return nil
	})
	return p.err
}

func (d *Deployment) verify(ctx context.Context, step *planned) error {
	client, err := d.cloudFormation(ctx, step.stack)
	if err != nil {
		return err
	}
	if step.have, err = describe(ctx, client, step.stack.Name); err != nil {
		return err
	}
	switch step.have.phase {
	case settled:
	case absent:
		return errors.New("the stack is not there")
	default:
		return fmt.Errorf("the stack is in state %s", step.have.StackStatus)
	}
	asWanted, err := same(ctx, client, step.stack, &step.have, true)
	if err != nil {
		return err
	}
	if !asWanted {
		return fmt.Errorf("what is deployed is not what the assembly holds: `lockstep plan --env %s` shows what differs", d.target.Environment)
	}
	if err := incomplete(ctx, client, step.have); err != nil {
		return err
	}
	step.record.Outcome, step.record.Outputs = Unchanged, step.have.outputs()
	return nil
}

// incomplete names the resources of a stack that are in no good state.
func incomplete(ctx context.Context, client *cloudformation.Client, have deployed) error {
	var bad []string
	pages := cloudformation.NewListStackResourcesPaginator(client, &cloudformation.ListStackResourcesInput{StackName: have.StackId})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return problem(err)
		}
		for _, r := range page.StackResourceSummaries {
			if !strings.HasSuffix(string(r.ResourceStatus), "_COMPLETE") {
				bad = append(bad, fmt.Sprintf("%s (%s) is in state %s", aws.ToString(r.LogicalResourceId), aws.ToString(r.ResourceType), r.ResourceStatus))
			}
		}
	}
	if len(bad) > 0 {
		return errors.New(strings.Join(bad, "; "))
	}
	return nil
}
