package deploy

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"lockstep/internal/deploy/assembly"
)

// missingExport is CloudFormation's message about an import of nothing.
var missingExport = regexp.MustCompile(`No export named \S+ found`)

// Apply executes the plan: each stack as soon as those that it needs are done, several at once. After a failure no further stack is
// begun; those begun are seen to their end. Deferred stacks get their change sets when their turn comes.
func (p *Plan) Apply(ctx context.Context) error {
	run := &applying{plan: p, done: map[*assembly.Stack]chan struct{}{}}
	for _, step := range p.steps {
		run.done[step.stack] = make(chan struct{})
	}
	var all sync.WaitGroup
	limit := make(chan struct{}, inParallel)
	for _, step := range p.steps {
		all.Go(func() {
			defer close(run.done[step.stack])
			for _, need := range step.stack.Needs {
				<-run.done[need]
			}
			limit <- struct{}{}
			defer func() { <-limit }()
			run.step(ctx, step)
		})
	}
	all.Wait()
	p.err = errors.Join(run.errs...)
	if ctx.Err() != nil {
		p.err = errors.Join(p.err, ctx.Err())
	}
	return errors.Join(p.err, p.Discard(ctx))
}

// applying is one execution of a plan.
type applying struct {
	plan *Plan
	done map[*assembly.Stack]chan struct{}

	mu   sync.Mutex
	errs []error
}

func (a *applying) failed() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.errs) > 0
}

func (a *applying) step(ctx context.Context, step *planned) {
	if step.record.Outcome != Planned && step.record.Outcome != Deferred {
		return
	}
	if ctx.Err() != nil || a.failed() {
		step.record.Outcome = Untouched
		return
	}
	err := a.plan.within(step, func() error { return a.plan.deployment.apply(ctx, step) })
	if err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.errs = append(a.errs, err)
	}
}

// apply brings one stack to where the assembly wants it.
func (d *Deployment) apply(ctx context.Context, step *planned) error {
	client, err := d.cloudFormation(ctx, step.stack)
	if err != nil {
		return err
	}
	if step.record.Outcome == Deferred {
		if err := d.catchUp(ctx, client, step); err != nil || step.record.Outcome == Unchanged {
			return err
		}
	}
	created := step.have.phase == absent
	if step.set != nil {
		if err := d.execute(ctx, client, step); err != nil {
			return err
		}
	}
	if err := protect(ctx, client, step.stack, step.have); err != nil {
		return err
	}
	now, err := describe(ctx, client, step.stack.Name)
	if err != nil {
		return err
	}
	step.record.Outcome, step.record.Reason, step.record.Outputs = Updated, "", now.outputs()
	if created {
		step.record.Outcome = Created
	}
	return nil
}

// catchUp makes the change set of a deferred stack, now that what it waited for is there.
func (d *Deployment) catchUp(ctx context.Context, client *cloudformation.Client, step *planned) error {
	if step.have.phase == leftover {
		if err := d.remove(ctx, client, step); err != nil {
			return err
		}
	}
	step.record.Reason = ""
	if err := d.prepare(ctx, step); err != nil {
		return err
	}
	if step.record.Outcome == Planned {
		d.tell(text(step.record))
	}
	return nil
}

// remove deletes a stack of which nothing is left but its name.
func (d *Deployment) remove(ctx context.Context, client *cloudformation.Client, step *planned) error {
	d.tell(fmt.Sprintf("%s: deleting what a failed creation left behind", step.stack.Name))
	id := step.have.StackId
	if aws.ToBool(step.have.EnableTerminationProtection) {
		_, err := client.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{
			StackName: id, EnableTerminationProtection: aws.Bool(false),
		})
		if err != nil {
			return problem(err)
		}
	}
	if _, err := client.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: id}); err != nil {
		return problem(err)
	}
	// A deleted stack is found by its id alone, and not in every case.
	have, err := d.settle(ctx, client, aws.ToString(id))
	if err != nil {
		return err
	}
	if have.phase != absent {
		return fmt.Errorf("the leftover of a failed creation is in state %s after it was deleted", have.StackStatus)
	}
	step.have = deployed{}
	return nil
}

// execute executes the stack's change set and follows it to its end.
func (d *Deployment) execute(ctx context.Context, client *cloudformation.Client, step *planned) error {
	set := step.set
	seen, err := newestEvent(ctx, client, set.stackID)
	if err != nil {
		return err
	}
	if _, err = client.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: &set.id, StackName: &set.stackID}); err != nil {
		return problem(err)
	}
	step.set = nil // it is used up
	return d.follow(ctx, client, step.stack.Name, set.stackID, seen)
}

// follow tells a stack's events until CloudFormation is done with it. The error names the first resource that failed.
func (d *Deployment) follow(ctx context.Context, client *cloudformation.Client, name, id, seen string) error {
	f := &follower{client: client, seen: seen}
	for wait := newPause(); ; {
		have, err := describe(ctx, client, id)
		if err == nil {
			err = d.tellEvents(ctx, f, name, id)
		}
		switch {
		case ctx.Err() != nil:
			return errInterrupted
		case err != nil:
			return fmt.Errorf("%w; CloudFormation may still be at work on the stack: the next run waits for it and goes on from there", err)
		case have.phase == busy, have.StackStatus == types.StackStatusReviewInProgress: // it begins in a moment
		case succeeded(have.StackStatus):
			return nil
		default:
			return f.failure(ctx, have)
		}
		if wait.sleep(ctx) != nil {
			return errInterrupted
		}
	}
}

var errInterrupted = errors.New("interrupted; CloudFormation goes on with the stack, and the next run waits for it")

// succeeded says whether a state is the good end of an operation.
func succeeded(status types.StackStatus) bool {
	switch status {
	case types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusImportComplete:
		return true
	}
	return false
}

func (d *Deployment) tellEvents(ctx context.Context, f *follower, name, id string) error {
	events, err := f.next(ctx, id)
	for _, e := range events {
		if ofStack(e) || !strings.HasSuffix(string(e.ResourceStatus), "_IN_PROGRESS") { // that a resource was begun says little
			d.tell(describeEvent(name, e))
		}
	}
	return err
}

func (s *planned) protectionDiffers() bool {
	return aws.ToBool(s.have.EnableTerminationProtection) != s.stack.TerminationProtection
}

// protect sets the stack's policy and its termination protection, which no change set does.
func protect(ctx context.Context, client *cloudformation.Client, s *assembly.Stack, before deployed) error {
	if err := setStackPolicy(ctx, client, s, awsPause); err != nil {
		return err
	}
	if aws.ToBool(before.EnableTerminationProtection) == s.TerminationProtection {
		return nil
	}
	_, err := client.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{
		StackName: &s.Name, EnableTerminationProtection: aws.Bool(s.TerminationProtection),
	})
	return problem(err)
}
