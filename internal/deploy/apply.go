package deploy

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/ledger"
)

// missingExport is CloudFormation's message about an import of nothing.
var missingExport = regexp.MustCompile(`No export named \S+ found`)

// apply executes the plan: each stack as soon as those that it needs are done, several at once. A stack that fails stops those that need it
// and no other. Deferred stacks get their change sets when their turn comes.
func (p *Plan) apply(ctx context.Context) error {
	run := &planExecution{plan: p, done: map[*assembly.Stack]chan struct{}{}}
	for _, step := range p.steps {
		run.done[step.stack] = make(chan struct{})
	}
	var all sync.WaitGroup
	limit := make(chan struct{}, maxConcurrent)
	for _, step := range p.steps {
		all.Go(func() {
			defer close(run.done[step.stack])
			for _, need := range step.stack.Needs {
				<-run.done[need]
			}
			limit <- struct{}{}
			defer func() { <-limit }()
			run.applyStep(ctx, step)
		})
	}
	all.Wait()
	p.err = errors.Join(run.errs...)
	if ctx.Err() != nil {
		p.err = errors.Join(p.err, ctx.Err())
	}
	p.err = errors.Join(p.err, p.Discard(ctx))
	return p.err
}

// planExecution is one execution of a plan.
type planExecution struct {
	plan *Plan
	// done is closed when a stack's turn is over, after which its step is not written any more.
	done map[*assembly.Stack]chan struct{}

	mu   sync.Mutex
	errs []error
}

func (a *planExecution) applyStep(ctx context.Context, step *planStep) {
	if step.record.Outcome != Planned && step.record.Outcome != Deferred {
		return
	}
	if i := slices.IndexFunc(step.stack.Needs, func(need *assembly.Stack) bool { return a.plan.step(need).isUnfinished() }); i >= 0 {
		step.record.Outcome, step.record.Reason = Untouched, "it needs "+step.stack.Needs[i].Name+", which was not deployed"
		return
	}
	if ctx.Err() != nil {
		step.record.Outcome = Untouched
		return
	}
	err := a.plan.recordStep(step, func() error { return a.plan.applyStack(ctx, step) })
	if err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.errs = append(a.errs, err)
	}
}

// isUnfinished says whether a stack whose turn is over is not what the assembly wants.
func (s *planStep) isUnfinished() bool {
	return s.err != nil || s.record.Outcome == Failed || s.record.Outcome == Untouched
}

// applyStack brings one stack to where the assembly wants it, and notes in the journal when it begins and how it ends.
func (p *Plan) applyStack(ctx context.Context, step *planStep) error {
	d := p.deployment
	client, err := d.cloudFormation(ctx, step.stack)
	if err != nil {
		return err
	}
	if step.record.Outcome == Deferred {
		if err := p.planDeferred(ctx, client, step); err != nil || step.record.Outcome == Unchanged {
			return err
		}
	}
	created := step.current.phase == absent
	if step.set != nil {
		execute := func() error { return d.execute(ctx, client, step) }
		if !created && step.stack.Template.StackPolicy != "" && removesData(step.record.Changes) {
			// Whoever allowed the loss has seen what the policy would refuse.
			err = withoutStackPolicy(ctx, client, step.stack, execute)
		} else {
			err = execute()
		}
		if err != nil {
			return err
		}
	}
	if err := setProtection(ctx, client, step.stack, step.current); err != nil {
		return err
	}
	now, err := describeStack(ctx, client, step.stack.Name)
	if err != nil {
		return err
	}
	step.current = now
	step.record.Outcome, step.record.Reason, step.record.Outputs = Updated, "", now.outputs()
	if created {
		step.record.Outcome = Created
	}
	return nil
}

// planDeferred makes the change set of a deferred stack, now that what it waited for is there.
func (p *Plan) planDeferred(ctx context.Context, client *cloudformation.Client, step *planStep) error {
	d := p.deployment
	switch step.current.phase {
	case needsDelete:
		if err := d.deleteFailedStack(ctx, client, step); err != nil {
			return err
		}
	case needsRollback:
		if err := d.continueRollback(ctx, client, step); err != nil {
			return err
		}
	}
	step.record.Reason = ""
	if err := p.createChangeSet(ctx, step); err != nil {
		return err
	}
	if step.record.Outcome != Planned {
		return nil
	}
	d.showPlan(Record{Stacks: []StackRecord{step.record}})
	if p.reviewed {
		if err := checkOnlyAdds(step.record); err != nil {
			return err
		}
	}
	return checkAllowed(step.record.Flags, p.allowed)
}

// checkOnlyAdds refuses a deferred stack's change set that does more than a reviewer could foresee.
func checkOnlyAdds(r StackRecord) error {
	var more []string
	for _, c := range resourceChanges(r.Name, r.Changes) {
		if c.Action != Add {
			more = append(more, fmt.Sprintf("%s %s (%s)", ActionSymbols[c.Action], c.LogicalID, c.Type))
		}
	}
	if len(more) == 0 {
		return nil
	}
	return refuse(nil, "it was deferred in the reviewed plan and would now do more than add resources (%s): what it needs is there now, so plan and review again", strings.Join(more, ", "))
}

// deleteFailedStack deletes a stack of which nothing was ever in use.
func (d *Deployment) deleteFailedStack(ctx context.Context, client *cloudformation.Client, step *planStep) error {
	d.printProgress(fmt.Sprintf("%s: deleting what a failed creation left behind", step.stack.Name))
	id := step.current.StackId
	if aws.ToBool(step.current.EnableTerminationProtection) {
		_, err := client.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{
			StackName: id, EnableTerminationProtection: aws.Bool(false),
		})
		if err != nil {
			return wrapAWS(err)
		}
	}
	seen, err := newestEventID(ctx, client, aws.ToString(id))
	if err != nil {
		return err
	}
	if _, err := client.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: id}); err != nil {
		return wrapAWS(err)
	}
	// A deleted stack is found by its id alone, and not in every case.
	have, err := d.waitWhileBusy(ctx, client, aws.ToString(id))
	if err != nil {
		return err
	}
	if have.phase != absent {
		return fmt.Errorf("the leftover of a failed creation cannot be deleted: %w", d.lastFailure(ctx, client, have, seen))
	}
	step.current = stackState{}
	return nil
}

// continueRollback ends a rollback that did not end by itself.
func (d *Deployment) continueRollback(ctx context.Context, client *cloudformation.Client, step *planStep) error {
	d.printProgress(fmt.Sprintf("%s: continuing the rollback that did not end", step.stack.Name))
	id := aws.ToString(step.current.StackId)
	seen, err := newestEventID(ctx, client, id)
	if err != nil {
		return err
	}
	if _, err := client.ContinueUpdateRollback(ctx, &cloudformation.ContinueUpdateRollbackInput{StackName: &id}); err != nil {
		return wrapAWS(err)
	}
	have, err := d.waitWhileBusy(ctx, client, id)
	if err != nil {
		return err
	}
	if have.phase != updatable {
		return fmt.Errorf("the rollback cannot be continued: %w; mend what is named, or continue it with `aws cloudformation continue-update-rollback "+
			"--resources-to-skip`, then run this again", d.lastFailure(ctx, client, have, seen))
	}
	step.current = have
	_, err = matchesAssembly(ctx, client, step.stack, &step.current, false)
	return err
}

// lastFailure is why the operation failed whose events come after one that was seen.
func (d *Deployment) lastFailure(ctx context.Context, client *cloudformation.Client, have stackState, seen string) error {
	f := &eventReader{client: client, lastSeenID: seen}
	if _, err := f.next(ctx, aws.ToString(have.StackId)); err != nil {
		return err
	}
	return f.failure(ctx, have)
}

// execute executes the stack's change set and follows it to its end. The journal knows of it before CloudFormation does.
func (d *Deployment) execute(ctx context.Context, client *cloudformation.Client, step *planStep) error {
	set := step.set
	seen, err := newestEventID(ctx, client, set.stackID)
	if err != nil {
		return err
	}
	if err := d.writeJournalEntry(ctx, step, ledger.Begun); err != nil {
		return err
	}
	_, err = client.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{ChangeSetName: &set.id, StackName: &set.stackID, ClientRequestToken: &set.name})
	if errorCode(err) == "ChangeSetNotFound" {
		return errors.New("its change set is gone, or CloudFormation has forgotten it: somebody else has changed the stack or removed the change set; run this again")
	}
	if err != nil && !set.hasStarted(ctx, client, err) {
		return wrapAWS(err)
	}
	step.set = nil // it is used up
	err = d.follow(ctx, client, step.stack.Name, set.stackID, seen)
	switch {
	case errors.Is(err, errInterrupted):
		return err // how it ends is not known
	case err != nil:
		return errors.Join(err, d.writeJournalEntry(ctx, step, ledger.Failed))
	}
	return d.writeJournalEntry(ctx, step, ledger.Done)
}

// hasStarted says whether a change set is executed although the call says that it cannot be: then the answer to an earlier call was lost.
func (c *changeSet) hasStarted(ctx context.Context, client *cloudformation.Client, err error) bool {
	if errorCode(err) != "InvalidChangeSetStatus" {
		return false
	}
	out, err := client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: &c.id, StackName: &c.stackID})
	if err != nil {
		return false
	}
	switch out.ExecutionStatus {
	case types.ExecutionStatusExecuteInProgress, types.ExecutionStatusExecuteComplete, types.ExecutionStatusExecuteFailed:
		return true
	}
	return false
}

// writeJournalEntry writes into the journal how far the run is with a stack.
func (d *Deployment) writeJournalEntry(ctx context.Context, step *planStep, state ledger.EntryState) error {
	if d.journal == nil {
		return nil
	}
	entry := ledger.JournalEntry{State: state, Since: time.Now().UTC()}
	if step.set != nil {
		entry.ChangeSet = step.set.id
	}
	return d.journal.RecordStack(ctx, step.stack.Name, entry)
}

// follow tells a stack's events until CloudFormation is done with it. The error names the first resource that failed.
func (d *Deployment) follow(ctx context.Context, client *cloudformation.Client, name, id, seen string) error {
	f := &eventReader{client: client, lastSeenID: seen}
	for wait := newPollBackoff(); ; {
		have, err := describeStack(ctx, client, id)
		if err == nil {
			err = d.reportEvents(ctx, f, name, id)
		}
		switch {
		case ctx.Err() != nil:
			return errInterrupted
		case err != nil:
			return fmt.Errorf("%w; CloudFormation may still be at work on the stack: the next run waits for it and goes on from there", err)
		case have.phase == busy, !f.hasStackEvent: // it begins in a moment
		case isSuccessStatus(have.StackStatus):
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

// isSuccessStatus says whether a state is the good end of an operation.
func isSuccessStatus(status types.StackStatus) bool {
	switch status {
	case types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusImportComplete:
		return true
	}
	return false
}

func (d *Deployment) reportEvents(ctx context.Context, f *eventReader, name, id string) error {
	events, err := f.next(ctx, id)
	for _, e := range events {
		if isStackEvent(e) || !strings.HasSuffix(string(e.ResourceStatus), "_IN_PROGRESS") { // that a resource was begun says little
			d.printProgress(formatEvent(name, e))
		}
	}
	return err
}

func (s *planStep) protectionDiffers() bool { return protectionDiffers(s.stack, s.current) }

// setProtection sets the stack's policy and its termination protection, which no change set does.
func setProtection(ctx context.Context, client *cloudformation.Client, s *assembly.Stack, before stackState) error {
	if err := setStackPolicy(ctx, client, s, waitPolicyRetry); err != nil {
		return err
	}
	if !protectionDiffers(s, before) {
		return nil
	}
	_, err := client.UpdateTerminationProtection(ctx, &cloudformation.UpdateTerminationProtectionInput{
		StackName: &s.Name, EnableTerminationProtection: aws.Bool(s.TerminationProtection),
	})
	return wrapAWS(err)
}
