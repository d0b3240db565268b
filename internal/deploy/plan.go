package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"lockstep/internal/deploy/assembly"
)

// A Plan is what a deployment would do, and the change sets to do exactly that.
type Plan struct {
	deployment *Deployment
	steps      []*planned
	started    time.Time
	err        error
}

// planned is the part of a plan that belongs to one stack.
type planned struct {
	stack  *assembly.Stack
	have   deployed
	set    *changeSet // nil unless Outcome is Planned
	record StackRecord
	err    error
}

// Plan works out what the assembly would change, with a change set for every stack that differs. Stacks that are as they should be
// cost no write. When one cannot be planned, no change set stays and the error says so; the plan's record is there all the same.
func (d *Deployment) Plan(ctx context.Context) (*Plan, error) {
	p := d.newPlan()
	p.err = d.each(ctx, func(ctx context.Context, i int, s *assembly.Stack) error { return p.look(ctx, p.steps[i]) })
	if p.err == nil {
		p.err = d.each(ctx, func(ctx context.Context, i int, s *assembly.Stack) error { return p.prepare(ctx, p.steps[i]) })
	}
	if p.err != nil {
		p.err = errors.Join(p.err, p.Discard(ctx))
	}
	return p, p.err
}

func (d *Deployment) newPlan() *Plan {
	p := &Plan{deployment: d, started: time.Now()}
	for _, s := range d.assembly.Stacks {
		p.steps = append(p.steps, &planned{stack: s, record: StackRecord{Name: s.Name, Account: s.Account, Region: s.Region, Outcome: Untouched}})
	}
	return p
}

// look reads how a stack is. All are read before any is prepared: what exists decides what is deferred.
func (p *Plan) look(ctx context.Context, step *planned) error {
	return p.within(step, func() error {
		client, err := p.deployment.cloudFormation(ctx, step.stack)
		if err != nil {
			return err
		}
		step.have, err = p.deployment.settle(ctx, client, step.stack.Name)
		if err != nil {
			return err
		}
		unchanged, err := same(ctx, client, step.stack, step.have, false)
		if unchanged {
			step.record.Outcome, step.record.Outputs = Unchanged, step.have.outputs()
		}
		return err
	})
}

// prepare makes the change set of a stack that differs.
func (p *Plan) prepare(ctx context.Context, step *planned) error {
	if step.record.Outcome == Unchanged {
		return nil
	}
	return p.within(step, func() error {
		if why := p.deferral(step); why != "" {
			step.record.Outcome, step.record.Reason = Deferred, why
			return nil
		}
		err := p.deployment.prepare(ctx, step)
		if err != nil && p.waitsForExport(step, err) {
			step.record.Outcome, step.record.Reason = Deferred, "it imports what another stack is yet to export"
			return nil
		}
		return err
	})
}

// within times what is done for a stack and keeps why it failed.
func (p *Plan) within(step *planned, f func() error) error {
	started := time.Now()
	err := f()
	step.record.Millis += time.Since(started).Milliseconds()
	return step.fail(err)
}

// fail keeps why a stack failed, and returns it with the stack's name.
func (s *planned) fail(err error) error {
	if err == nil {
		return nil
	}
	s.err = err
	if !errors.Is(err, context.Canceled) {
		s.record.Outcome, s.record.Reason = Failed, err.Error()
	}
	return fmt.Errorf("stack %s: %w", s.stack.Name, err)
}

// deferral says why a stack's change set cannot be made yet, empty if it can.
func (p *Plan) deferral(step *planned) string {
	if step.have.phase == leftover {
		return fmt.Sprintf("its first creation failed (%s), so it is deleted and created anew", step.have.StackStatus)
	}
	for _, need := range step.stack.Needs {
		other := p.step(need)
		if missing := other.have.phase == absent || other.have.phase == leftover; missing && step.stack.Template.Reads(need.Template) {
			return "it needs " + need.Name + ", which does not exist yet"
		}
	}
	return ""
}

// waitsForExport says whether a change set was refused because an export is missing that a stack before it may bring.
func (p *Plan) waitsForExport(step *planned, err error) bool {
	return len(step.stack.Needs) > 0 && missingExport.MatchString(err.Error()) &&
		slices.ContainsFunc(step.stack.Needs, func(need *assembly.Stack) bool { return p.step(need).record.Outcome != Unchanged })
}

func (p *Plan) step(s *assembly.Stack) *planned {
	return p.steps[slices.IndexFunc(p.steps, func(step *planned) bool { return step.stack == s })]
}

// prepare publishes what a stack needs and makes its change set.
func (d *Deployment) prepare(ctx context.Context, step *planned) error {
	client, err := d.cloudFormation(ctx, step.stack)
	if err != nil {
		return err
	}
	if err := d.publish(ctx, step.stack); err != nil {
		return err
	}
	set, err := newChangeSet(ctx, client, step.stack, step.have, d.assembly.Digest)
	switch {
	case errors.Is(err, errNoChange) && step.have.phase == settled:
		return d.onlyProtection(step)
	case err != nil:
		return err
	}
	step.set, step.record.Outcome, step.record.Changes = set, Planned, set.changes
	return nil
}

// onlyProtection is a stack whose change set would do nothing. Its termination protection, which is no part of one, may differ.
func (d *Deployment) onlyProtection(step *planned) error {
	step.record.Outcome, step.record.Outputs = Unchanged, step.have.outputs()
	if step.protectionDiffers() {
		step.record.Outcome = Planned
		step.record.Changes = []Change{{
			Action: Modify, LogicalID: step.stack.Name, Type: "AWS::CloudFormation::Stack", Properties: []string{"TerminationProtection"},
		}}
	}
	return nil
}

// Discard deletes the change sets that were not executed.
func (p *Plan) Discard(ctx context.Context) error {
	var errs []error
	for _, step := range p.steps {
		if step.set == nil {
			continue
		}
		client, err := p.deployment.cloudFormation(ctx, step.stack)
		if err == nil {
			err = step.set.discard(ctx, client, step.have.phase == absent)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("a change set of stack %s stays behind: %w", step.stack.Name, err))
		}
		step.set = nil
	}
	return errors.Join(errs...)
}

// Record is what the plan, or its execution, came to.
func (p *Plan) Record() Record {
	r := Record{
		Target: p.deployment.target, AssemblyDigest: p.deployment.assembly.Digest,
		Started: p.started, Millis: time.Since(p.started).Milliseconds(), Outcome: Unchanged,
	}
	for _, step := range p.steps {
		r.Stacks = append(r.Stacks, step.record)
	}
	for _, outcome := range []Outcome{Deferred, Planned, Created, Updated, Failed} { // the last one counts
		if slices.ContainsFunc(r.Stacks, func(s StackRecord) bool { return s.Outcome == outcome }) {
			r.Outcome = outcome
		}
	}
	if p.err != nil {
		r.Outcome, r.Error = Failed, p.err.Error()
	}
	return r
}

// afterwards is a context for what has to be tidied up, even when the deployment was interrupted: then in a moment, because whoever
// interrupts does not wait.
func afterwards(ctx context.Context) (context.Context, context.CancelFunc) {
	within := 30 * time.Second
	if ctx.Err() != nil {
		within = 800 * time.Millisecond
	}
	return context.WithTimeout(context.WithoutCancel(ctx), within)
}
