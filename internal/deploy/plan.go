package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/ledger"
)

// A Plan is what a deployment would do, and the change sets to do exactly that.
type Plan struct {
	deployment *Deployment
	steps      []*planned
	naming     naming
	// reviewed says that a person has seen this very plan, so that it may do nothing that was not in it.
	reviewed bool
	// left are the stacks that stay although the assembly has them no more.
	left []ledger.Stack
	// allowed are the permits that were given.
	allowed []Permit
	// release is the number of the release that came of it, and digest that of the plan file that it is of; both zero for none.
	release int
	digest  string
	started time.Time
	err     error
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
func (d *Deployment) Plan(ctx context.Context) (*Plan, error) { return d.planFor(ctx, abandoned) }

// planFor is Plan with change sets that may stay for a while.
func (d *Deployment) planFor(ctx context.Context, stay time.Duration) (*Plan, error) {
	p := d.newPlan()
	p.naming.until = time.Now().Add(stay)
	p.err = d.each(ctx, func(ctx context.Context, i int, s *assembly.Stack) error { return p.look(ctx, p.steps[i], d.settle) })
	if p.err == nil {
		p.err = d.each(ctx, func(ctx context.Context, i int, s *assembly.Stack) error { return p.prepare(ctx, p.steps[i]) })
	}
	if p.err == nil {
		p.left, p.err = d.leftBehind(ctx)
	}
	if p.err != nil {
		p.err = errors.Join(p.err, p.Discard(ctx))
	}
	return p, p.err
}

// survey looks at every stack and waits for none.
func (d *Deployment) survey(ctx context.Context) (*Plan, error) {
	p := d.newPlan()
	p.err = d.each(ctx, func(ctx context.Context, i int, s *assembly.Stack) error { return p.look(ctx, p.steps[i], d.glance) })
	return p, p.err
}

func (d *Deployment) newPlan() *Plan {
	p := &Plan{deployment: d, naming: naming{until: time.Now().Add(abandoned), run: d.Run.ID}, started: time.Now()}
	for _, s := range d.assembly.Stacks {
		p.steps = append(p.steps, &planned{stack: s, record: StackRecord{Name: s.Name, Account: s.Account, Region: s.Region, Outcome: Untouched}})
	}
	return p
}

// unchanged says whether every stack is as it should be.
func (p *Plan) unchanged() bool {
	return !slices.ContainsFunc(p.steps, func(s *planned) bool { return s.record.Outcome != Unchanged })
}

// look reads how a stack is. All are read before any is prepared: what exists decides what is deferred.
func (p *Plan) look(ctx context.Context, step *planned, read stateReader) error {
	return p.within(step, func() error {
		client, err := p.deployment.cloudFormation(ctx, step.stack)
		if err != nil {
			return err
		}
		step.have, err = read(ctx, client, step.stack.Name)
		if err != nil {
			return err
		}
		unchanged, err := same(ctx, client, step.stack, &step.have, false)
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
		err := p.change(ctx, step)
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
	switch step.have.phase {
	case leftover:
		return fmt.Sprintf("its first creation failed (%s), so it is deleted and created anew", step.have.StackStatus)
	case stuck:
		return fmt.Sprintf("its last rollback did not end (%s), so that is continued first", step.have.StackStatus)
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

// change publishes what a stack needs and makes its change set.
func (p *Plan) change(ctx context.Context, step *planned) error {
	d := p.deployment
	client, err := d.cloudFormation(ctx, step.stack)
	if err != nil {
		return err
	}
	if err := d.publish(ctx, step.stack); err != nil {
		return err
	}
	if step.have.StackId != nil {
		if err := d.sweep(ctx, client, step.stack.Name); err != nil {
			return err
		}
	}
	own := step.itself()
	set, err := newChangeSet(ctx, client, step.stack, step.have, d.assembly.Digest, p.naming)
	switch {
	case errors.Is(err, errNoChange) && step.have.phase == settled:
		if !step.stack.Template.SameEffect(step.have.template) && !step.stack.TemplateIsPublished() {
			return fmt.Errorf("its template %s was edited after it was synthesised, and what is published under its hash is what it was before: synthesise again", step.stack.Template.File)
		}
		step.record.Outcome, step.record.Outputs = Unchanged, step.have.outputs()
		if len(own) > 0 {
			step.record.Outcome, step.record.Changes = Planned, own
		}
		return nil
	case err != nil:
		return err
	}
	step.set, step.record.Outcome, step.record.Changes = set, Planned, slices.Concat(set.changes, own)
	step.record.Flags, err = flagsOf(step.stack.Name, set.changes, step.have.template, step.stack.Template.Body)
	return err
}

// Flags are what of the plan has to be allowed by name.
func (p *Plan) Flags() []Flag {
	var out []Flag
	for _, step := range p.steps {
		out = append(out, step.record.Flags...)
	}
	return out
}

// Discard deletes the change sets that were not executed, all at once and within the time that there is for it.
func (p *Plan) Discard(ctx context.Context) error {
	ctx, cancel := afterwards(ctx, p.err)
	defer cancel()
	errs := make([]error, len(p.steps))
	var all sync.WaitGroup
	for i, step := range p.steps {
		if step.set == nil {
			continue
		}
		all.Go(func() {
			client, err := p.deployment.cloudFormation(ctx, step.stack)
			if err == nil {
				err = step.set.discard(ctx, client)
			}
			if err != nil {
				errs[i] = fmt.Errorf("a change set of stack %s stays behind: %w", step.stack.Name, err)
			}
			step.set = nil
		})
	}
	all.Wait()
	if silent(p.err) {
		return nil // it says already that nobody answers, and the next run sweeps up
	}
	return errors.Join(errs...)
}

// Record is what the plan, or its execution, came to.
func (p *Plan) Record() Record {
	r := Record{
		Target: p.deployment.target, AssemblyDigest: p.deployment.assembly.Digest, PlanDigest: p.digest, Release: p.release,
		Started: p.started, Millis: time.Since(p.started).Milliseconds(), Outcome: Unchanged,
	}
	for _, step := range p.steps {
		r.Stacks = append(r.Stacks, step.record)
	}
	for _, s := range p.left {
		r.Left = append(r.Left, s.Name)
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

// afterwards is a context for what has to be tidied up, even when the deployment was interrupted: then in a moment, because whoever interrupts does not wait, and
// hardly longer when it ended because nobody answers.
func afterwards(ctx context.Context, err error) (context.Context, context.CancelFunc) {
	within := 30 * time.Second
	switch {
	case ctx.Err() != nil:
		within = 800 * time.Millisecond
	case silent(err):
		within = 2 * time.Second
	}
	return context.WithTimeout(context.WithoutCancel(ctx), within)
}
