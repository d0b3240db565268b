package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/ledger"
)

// A Plan is what a deployment would do, and the change sets to do exactly that.
type Plan struct {
	deployment *Deployment
	steps      []*planStep
	naming     changeSetNaming
	// reviewed says that a person has seen this very plan, so that it may do nothing that was not in it.
	reviewed bool
	// orphanedStacks are the stacks that stay although the assembly has them no more.
	orphanedStacks []ledger.Stack
	// allowed are the permits that were given.
	allowed []Permit
	// release is the number of the release that came of it, and digest that of the plan file that it is of; both zero for none.
	release int
	digest  digest.Plan
	started time.Time
	err     error
}

// planStep is the part of a plan that belongs to one stack.
type planStep struct {
	stack   *assembly.Stack
	current stackState
	set     *changeSet // nil unless Outcome is Planned
	record  StackRecord
	err     error
}

// Plan works out what the assembly would change, with a change set for every stack that differs. Stacks that are as they should be
// cost no write. When one cannot be planned, no change set stays and the error says so; the plan's record is there all the same.
func (d *Deployment) Plan(ctx context.Context) (*Plan, error) {
	return d.planWithTTL(ctx, changeSetTTL)
}

// planWithTTL is Plan with change sets that may stay for a while.
func (d *Deployment) planWithTTL(ctx context.Context, stay time.Duration) (*Plan, error) {
	p := d.newPlan()
	p.naming.expires = time.Now().Add(stay)
	p.err = d.forEachStack(ctx, func(ctx context.Context, i int, s *assembly.Stack) error {
		return p.readStack(ctx, p.steps[i], d.waitUntilReady)
	})
	if p.err == nil {
		p.err = d.forEachStack(ctx, func(ctx context.Context, i int, s *assembly.Stack) error { return p.prepare(ctx, p.steps[i]) })
	}
	if p.err == nil {
		p.orphanedStacks, p.err = d.orphanedStacks(ctx)
	}
	if p.err != nil {
		p.err = errors.Join(p.err, p.Discard(ctx))
	}
	return p, p.err
}

// compareStacks looks at every stack and waits for none.
func (d *Deployment) compareStacks(ctx context.Context) (*Plan, error) {
	p := d.newPlan()
	p.err = d.forEachStack(ctx, func(ctx context.Context, i int, s *assembly.Stack) error {
		return p.readStack(ctx, p.steps[i], d.readState)
	})
	return p, p.err
}

func (d *Deployment) newPlan() *Plan {
	p := &Plan{deployment: d, naming: changeSetNaming{expires: time.Now().Add(changeSetTTL), runID: d.Run.ID}, started: time.Now()}
	for _, s := range d.assembly.Stacks {
		p.steps = append(p.steps, &planStep{stack: s, record: StackRecord{Name: s.Name, Account: s.Account, Region: s.Region, Outcome: Untouched}})
	}
	return p
}

// isUnchanged says whether every stack is as it should be.
func (p *Plan) isUnchanged() bool {
	return !slices.ContainsFunc(p.steps, func(s *planStep) bool { return s.record.Outcome != Unchanged })
}

// readStack reads how a stack is. All are read before any is prepared: what exists decides what is deferred.
func (p *Plan) readStack(ctx context.Context, step *planStep, read stateReader) error {
	return p.recordStep(step, func() error {
		client, err := p.deployment.cloudFormation(ctx, step.stack)
		if err != nil {
			return err
		}
		step.current, err = read(ctx, client, step.stack.Name)
		if err != nil {
			return err
		}
		unchanged, err := matchesAssembly(ctx, client, step.stack, &step.current, false)
		if unchanged {
			step.record.Outcome, step.record.Outputs = Unchanged, step.current.outputs()
		}
		return err
	})
}

// prepare makes the change set of a stack that differs.
func (p *Plan) prepare(ctx context.Context, step *planStep) error {
	if step.record.Outcome == Unchanged {
		return nil
	}
	return p.recordStep(step, func() error {
		if why := p.deferralReason(step); why != "" {
			step.record.Outcome, step.record.Reason = Deferred, why
			return nil
		}
		err := p.createChangeSet(ctx, step)
		if err != nil && p.waitsForExport(step, err) {
			step.record.Outcome, step.record.Reason = Deferred, "it imports what another stack is yet to export"
			return nil
		}
		return err
	})
}

// recordStep times what is done for a stack and keeps why it failed.
func (p *Plan) recordStep(step *planStep, f func() error) error {
	started := time.Now()
	err := f()
	step.record.Millis += time.Since(started).Milliseconds()
	return step.fail(err)
}

// fail keeps why a stack failed, and returns it with the stack's name.
func (s *planStep) fail(err error) error {
	if err == nil {
		return nil
	}
	s.err = err
	if !errors.Is(err, context.Canceled) {
		s.record.Outcome, s.record.Reason = Failed, err.Error()
	}
	return fmt.Errorf("stack %s: %w", s.stack.Name, err)
}

// deferralReason says why a stack's change set cannot be made yet, empty if it can.
func (p *Plan) deferralReason(step *planStep) string {
	switch step.current.phase {
	case needsDelete:
		return fmt.Sprintf("its first creation failed (%s), so it is deleted and created anew", step.current.StackStatus)
	case needsRollback:
		return fmt.Sprintf("its last rollback did not end (%s), so that is continued first", step.current.StackStatus)
	}
	for _, need := range step.stack.Needs {
		other := p.step(need)
		if missing := other.current.phase == absent || other.current.phase == needsDelete; missing && step.stack.Template.MayReadFrom(need.Template) {
			return "it needs " + need.Name + ", which does not exist yet"
		}
	}
	return ""
}

// waitsForExport says whether a change set was refused because an export is missing that a stack before it may bring.
func (p *Plan) waitsForExport(step *planStep, err error) bool {
	return len(step.stack.Needs) > 0 && missingExport.MatchString(err.Error()) &&
		slices.ContainsFunc(step.stack.Needs, func(need *assembly.Stack) bool { return p.step(need).record.Outcome != Unchanged })
}

func (p *Plan) step(s *assembly.Stack) *planStep {
	return p.steps[slices.IndexFunc(p.steps, func(step *planStep) bool { return step.stack == s })]
}

// createChangeSet publishes what a stack needs and makes its change set.
func (p *Plan) createChangeSet(ctx context.Context, step *planStep) error {
	d := p.deployment
	client, err := d.cloudFormation(ctx, step.stack)
	if err != nil {
		return err
	}
	if err := d.publishAssets(ctx, step.stack); err != nil {
		return err
	}
	if step.current.StackId != nil {
		if err := d.deleteStaleChangeSets(ctx, client, step.stack.Name); err != nil {
			return err
		}
	}
	own := step.stackLevelChanges()
	set, err := newChangeSet(ctx, client, step.stack, step.current, d.assembly.Digest, p.naming)
	switch {
	case errors.Is(err, errNoChange) && step.current.phase == updatable:
		if !step.stack.Template.Equivalent(step.current.template) && !step.stack.TemplateMatchesURL() {
			return fmt.Errorf("its template %s was edited after it was synthesised, and what is published under its hash is what it was before: synthesise again", step.stack.Template.File)
		}
		step.record.Outcome, step.record.Outputs = Unchanged, step.current.outputs()
		if len(own) > 0 {
			step.record.Outcome, step.record.Changes = Planned, own
		}
		return nil
	case err != nil:
		return err
	}
	step.set, step.record.Outcome, step.record.Changes = set, Planned, slices.Concat(set.changes, own)
	step.record.Flags, err = flagsOf(step.stack.Name, set.changes, step.current.template, step.stack.Template.Body)
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
	ctx, cancel := cleanupContext(ctx, p.err)
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
	if isUnreachable(p.err) {
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
	for _, s := range p.orphanedStacks {
		r.OrphanedStacks = append(r.OrphanedStacks, s.Name)
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

// cleanupContext is a context for what has to be tidied up, even when the deployment was interrupted: then in a moment, because whoever interrupts does not wait, and
// hardly longer when it ended because nobody answers.
func cleanupContext(ctx context.Context, err error) (context.Context, context.CancelFunc) {
	within := 30 * time.Second
	switch {
	case ctx.Err() != nil:
		within = 800 * time.Millisecond
	case isUnreachable(err):
		within = 2 * time.Second
	}
	return context.WithTimeout(context.WithoutCancel(ctx), within)
}
