package deploy

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/compare"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/risk"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
	"lockstep/internal/telemetry"
)

// apply executes the plan: each stack as soon as those that it needs are done, several at once. A stack that fails
// stops those that need it and no other. Deferred stacks get their change sets when their turn comes.
func (p *Plan) apply(ctx context.Context) error {
	run := &planExecution{plan: p, done: map[*assembly.Stack]chan struct{}{}}
	for _, step := range p.steps {
		run.done[step.stack] = make(chan struct{})
	}
	var all sync.WaitGroup
	slots := make(chan struct{}, maxConcurrent)
	for _, step := range p.steps {
		all.Go(func() {
			defer close(run.done[step.stack])
			for _, need := range step.stack.Needs {
				<-run.done[need]
			}
			slots <- struct{}{}
			defer func() { <-slots }()
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

// A planExecution is one execution of a plan.
type planExecution struct {
	plan *Plan
	// done is closed when a stack's turn is over, after which its step is not written any more.
	done map[*assembly.Stack]chan struct{}

	mu   sync.Mutex
	errs []error
}

func (e *planExecution) applyStep(ctx context.Context, step *planStep) {
	if step.record.Outcome != change.Planned && step.record.Outcome != change.Deferred {
		return
	}
	isUnfinished := func(need *assembly.Stack) bool { return e.plan.step(need).isUnfinished() }
	if i := slices.IndexFunc(step.stack.Needs, isUnfinished); i >= 0 {
		step.record.Outcome = change.Untouched
		step.record.Reason = "it needs " + step.stack.Needs[i].Name + ", which was not deployed"
		return
	}
	if ctx.Err() != nil {
		step.record.Outcome = change.Untouched
		return
	}
	ctx, span := telemetry.Start(ctx, "stack "+step.stack.Name)
	err := step.run(func() error { return e.plan.applyStack(ctx, step) })
	span.End(err, telemetry.Status(string(step.record.Outcome)))
	if err != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.errs = append(e.errs, err)
	}
}

// isUnfinished reports whether a stack whose turn is over is not what the assembly wants.
func (s *planStep) isUnfinished() bool {
	return s.err != nil || s.record.Outcome == change.Failed || s.record.Outcome == change.Untouched
}

// applyStack makes one stack what the assembly wants.
func (p *Plan) applyStack(ctx context.Context, step *planStep) error {
	client, err := p.deployment.stackClient(ctx, step.stack)
	if err != nil {
		return err
	}
	if step.record.Outcome == change.Deferred {
		if err := p.planDeferred(ctx, client, step); err != nil || step.record.Outcome == change.Unchanged {
			return err
		}
	}
	outcome := change.Updated
	if step.current.Phase == cfn.Absent {
		outcome = change.Created
	}
	switch {
	case step.set != nil:
		if err := p.deployment.publishAgain(ctx, step.stack); err != nil {
			return err
		}
		if err := p.deployment.executeStep(ctx, client, step); err != nil {
			return err
		}
	case len(step.comparison.Changed()) == 0:
		outcome = change.Unchanged
		step.record.Changes = nil
	}
	if err := client.SetProtection(ctx, step.stack, step.current); err != nil {
		return err
	}
	if step.current, err = client.Describe(ctx, step.stack.Name); err != nil {
		return err
	}
	step.record.Outcome, step.record.Reason, step.record.Outputs = outcome, "", step.current.StackOutputs(step.stack)
	return nil
}

// planDeferred creates the change set of a deferred stack, now that what it waited for exists.
func (p *Plan) planDeferred(ctx context.Context, client *cfn.Client, step *planStep) error {
	switch step.current.Phase {
	case cfn.NeedsDelete:
		if err := client.DeleteFailedStack(ctx, step.current); err != nil {
			return err
		}
		step.current = cfn.State{}
		step.comparison = compare.Result{}
	case cfn.NeedsRollback:
		state, err := client.RollBack(ctx, step.current)
		if err != nil {
			return err
		}
		step.current = state
	}
	if err := p.deployment.compareStack(ctx, client, step); err != nil {
		return err
	}
	if p.reviewed && p.deployment.RequiresCompletePlan {
		return p.deployment.refuseDeferred()
	}
	step.record.Reason = ""
	if err := p.createChangeSet(ctx, step); err != nil {
		return err
	}
	if step.record.Outcome != change.Planned {
		return nil
	}
	p.deployment.showPlan(Record{Stacks: []StackRecord{step.record}})
	if p.reviewed {
		if err := checkOnlyAdds(step.record); err != nil {
			return err
		}
	}
	return risk.CheckAllowed(step.record.Flags, p.permits)
}

// refuseDeferred refuses a stack that was deferred in the reviewed plan. The environment requires that a plan shows
// every stack that it changes.
func (d *Deployment) refuseDeferred() error {
	flags := "--env " + d.target.Environment
	if d.Run.Mode == Live {
		flags += " --live"
	}
	return refusal.Newf(fault.PlanDeferred, nil,
		"it was deferred in the reviewed plan, and %s requires complete plans: what it needs is "+
			"there now, so plan it with `lockstep plan %s --out FILE`, have that reviewed, and apply it with `lockstep deploy "+
			"%s --plan FILE`", d.target.Environment, flags, flags)
}

// executeStep executes a step's change set. The policy of the stack is lifted if data is lost with a permit: whoever
// gave it has seen what the policy would refuse.
func (d *Deployment) executeStep(ctx context.Context, client *cfn.Client, step *planStep) error {
	execute := func() error { return d.execute(ctx, client, step) }
	if step.current.Phase != cfn.Absent && step.stack.Template.StackPolicy != "" && risk.RemovesData(step.record.Changes) {
		return client.WithoutPolicy(ctx, step.stack, execute)
	}
	return execute()
}

// execute executes a step's change set and follows it to its end. It writes into the journal before CloudFormation
// begins and after it has ended.
func (d *Deployment) execute(ctx context.Context, client *cfn.Client, step *planStep) error {
	set := step.set
	operation, err := client.Operation(ctx, set)
	if err != nil {
		return err
	}
	if err := d.writeJournalEntry(ctx, step, ledger.Begun); err != nil {
		return err
	}
	if err := client.Execute(ctx, set); err != nil {
		return err
	}
	step.set = nil // it is used up
	err = client.Follow(ctx, step.stack.Name, operation)
	switch {
	case errors.Is(err, cfn.ErrInterrupted):
		return err // how it ends is not known
	case err != nil:
		return errors.Join(err, d.writeJournalEntry(ctx, step, ledger.Failed))
	}
	return d.writeJournalEntry(ctx, step, ledger.Done)
}

// writeJournalEntry writes into the journal how far the run is with a stack.
func (d *Deployment) writeJournalEntry(ctx context.Context, step *planStep, state ledger.EntryState) error {
	if d.journal == nil {
		return nil
	}
	entry := ledger.JournalEntry{State: state, Since: time.Now().UTC()}
	if step.set != nil {
		entry.ChangeSet = step.set.ID
	}
	return d.journal.RecordStack(ctx, step.stack.Name, entry)
}
