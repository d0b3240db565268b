package deploy

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/compare"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/risk"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
)

// changeSetTTL is how long a change set stays that nobody wants to keep and nobody could delete.
const changeSetTTL = 24 * time.Hour

// A Plan is what a deployment would do, and the change sets to do exactly that.
type Plan struct {
	deployment *Deployment
	steps      []*planStep
	naming     cfn.Naming
	// reviewed says that a person has seen this very plan, so that nothing may be done that is not in it.
	reviewed       bool
	orphanedStacks []ledger.Stack
	permits        []change.Permit
	// release is the number of the release that was recorded, and digest that of the plan file; both zero for none.
	release int
	// signedBy is the id of the key that has signed it.
	signedBy string
	digest   digest.Plan
	started  time.Time
	err      error
}

// A planStep is what a plan does with one stack.
type planStep struct {
	stack   *assembly.Stack
	current cfn.State
	// comparison is that of current with the assembly, without the differences that CloudFormation does not count.
	comparison compare.Result
	// acceptedDigest is the digest of a comparison of which CloudFormation said in this run that nothing in it is a
	// change.
	acceptedDigest string
	// uncounted are sentences about what differs in that comparison.
	uncounted []string
	// matchDigest is the digest of the last comparison, if the stack matches only because CloudFormation does not count
	// its differences as a change; empty otherwise.
	matchDigest string
	set         *cfn.ChangeSet // nil unless the outcome is change.Planned
	record      StackRecord
	// healthErr is what is wrong with the health of the stack after it was deployed.
	healthErr error
	err       error
}

// Plan works out what the assembly would change, with a change set for every stack that differs. For stacks that match
// it writes nothing. After an error no change set remains; the plan's record is there all the same.
func (d *Deployment) Plan(ctx context.Context) (*Plan, error) {
	return d.planWithTTL(ctx, changeSetTTL)
}

// planWithTTL is Plan with the time for which the change sets are of use.
func (d *Deployment) planWithTTL(ctx context.Context, ttl time.Duration) (*Plan, error) {
	p := d.newPlan()
	p.naming.Expires = p.started.Add(ttl)
	// All stacks are read before any is prepared: what exists decides what is deferred.
	p.err = p.readStacks(ctx, (*cfn.Client).WaitUntilReady)
	if p.err == nil && !p.isUnchanged() {
		p.err = p.checkRefused(ctx)
	}
	if p.err == nil {
		p.err = d.forEachStack(ctx, func(ctx context.Context, i int, _ *assembly.Stack) error {
			return p.prepare(ctx, p.steps[i])
		})
	}
	if p.err == nil {
		p.orphanedStacks, p.err = d.orphanedStacks(ctx)
	}
	if p.err != nil {
		p.err = errors.Join(p.err, p.Discard(ctx))
	}
	return p, p.err
}

// compareStacks reads every stack and waits for none.
func (d *Deployment) compareStacks(ctx context.Context) (*Plan, error) {
	p := d.newPlan()
	p.err = p.readStacks(ctx, (*cfn.Client).Describe)
	return p, p.err
}

func (d *Deployment) newPlan() *Plan {
	now := time.Now()
	p := &Plan{deployment: d, naming: cfn.Naming{Expires: now.Add(changeSetTTL), RunID: d.Run.ID}, started: now}
	for _, s := range d.assembly.Stacks {
		record := StackRecord{Name: s.Name, Account: s.Account, Region: s.Region, Outcome: change.Untouched}
		p.steps = append(p.steps, &planStep{stack: s, record: record})
	}
	return p
}

// isUnchanged reports whether every stack is as the assembly wants it.
func (p *Plan) isUnchanged() bool {
	return !slices.ContainsFunc(p.steps, func(s *planStep) bool { return s.record.Outcome != change.Unchanged })
}

// readStacks reads the state of every stack, and marks those that match the assembly as unchanged.
func (p *Plan) readStacks(
	ctx context.Context, read func(*cfn.Client, context.Context, string) (cfn.State, error),
) error {
	return p.deployment.forEachStack(ctx, func(ctx context.Context, i int, s *assembly.Stack) error {
		step := p.steps[i]
		return step.run(func() error {
			client, err := p.deployment.stackClient(ctx, s)
			if err != nil {
				return err
			}
			if step.current, err = read(client, ctx, s.Name); err != nil {
				return err
			}
			if err := p.deployment.compareStack(ctx, client, step); err != nil {
				return err
			}
			if isEmpty(s) {
				return step.skipEmpty()
			}
			if step.current.Phase == cfn.Updatable && step.comparison.IsSame() {
				step.record.Outcome, step.record.Outputs = change.Unchanged, step.current.StackOutputs(step.stack)
			}
			return nil
		})
	})
}

// isEmpty reports whether a stack has no resources. CloudFormation takes none of those.
func isEmpty(s *assembly.Stack) bool { return len(s.Template.Resources) == 0 }

// skipEmpty records that a stack without resources is not created. One that exists is an error: nothing that is
// deployed is deleted.
func (s *planStep) skipEmpty() error {
	if s.current.Phase != cfn.Absent {
		return fault.New(fault.StackEmpty,
			"it has no resources any more, and CloudFormation takes no stack without: keep one resource, or "+
				"delete the stack with `aws cloudformation delete-stack` and take it out of the app")
	}
	s.record.Outcome = change.Unchanged
	s.record.Reason = "it has no resources, and CloudFormation takes no stack without: it is skipped"
	return nil
}

// prepare creates the change set of a stack that differs, or defers it.
func (p *Plan) prepare(ctx context.Context, step *planStep) error {
	if step.record.Outcome == change.Unchanged {
		return nil
	}
	return step.run(func() error {
		if why := p.deferralReason(step); why != "" {
			step.deferBecause(why)
			return p.deployment.flagDeferred(ctx, step)
		}
		err := p.createChangeSet(ctx, step)
		if err != nil && p.waitsForExport(step, err) {
			step.deferBecause("it imports what another stack is yet to export")
			return p.deployment.flagDeferred(ctx, step)
		}
		return err
	})
}

// deferBecause defers a step for a reason. The plan then does not show its stack's changes.
func (s *planStep) deferBecause(reason string) {
	s.record.Outcome, s.record.Reason = change.Deferred, reason
	s.record.UnseenResources = countResources(s.stack.Template)
}

// run adds the time that f takes to the step's record, and keeps its error.
func (s *planStep) run(f func() error) error {
	started := time.Now()
	err := f()
	s.record.Millis += time.Since(started).Milliseconds()
	return s.fail(err)
}

// fail keeps why a step failed, and returns it with the stack's name.
func (s *planStep) fail(err error) error {
	if err == nil {
		return nil
	}
	err = fsx.Explain(err)
	var failure *cfn.FailureError
	if errors.As(err, &failure) {
		failure.Causes = cfn.LocateCauses(failure.Causes, s.stack.Template)
		s.record.Causes = failure.Causes
	}
	s.err = err
	if !errors.Is(err, context.Canceled) {
		s.record.Outcome, s.record.Code, s.record.Reason = change.Failed, fault.CodeOf(err), err.Error()
	}
	return fmt.Errorf("stack %s: %w", s.stack.Name, err)
}

// deferralReason returns why a stack's change set cannot be created yet, or "" if it can.
func (p *Plan) deferralReason(step *planStep) string {
	switch step.current.Phase {
	case cfn.NeedsDelete:
		return fmt.Sprintf("its first creation failed (%s), so it is deleted and created again", step.current.StackStatus)
	case cfn.NeedsRollback:
		return fmt.Sprintf("its last rollback did not end (%s), so that is continued first", step.current.StackStatus)
	}
	for _, need := range step.stack.Needs {
		phase := p.step(need).current.Phase
		if (phase == cfn.Absent || phase == cfn.NeedsDelete) && step.stack.Template.MayReadFrom(need.Template) {
			return "it needs " + need.Name + ", which does not exist yet"
		}
	}
	return ""
}

// missingExportPattern matches CloudFormation's message about an import of an export that does not exist.
var missingExportPattern = regexp.MustCompile(`No export named \S+ found`)

// waitsForExport reports whether a change set was refused for want of an export that a stack before it may create.
func (p *Plan) waitsForExport(step *planStep, err error) bool {
	isChanging := func(need *assembly.Stack) bool { return p.step(need).record.Outcome != change.Unchanged }
	return missingExportPattern.MatchString(err.Error()) && slices.ContainsFunc(step.stack.Needs, isChanging)
}

func (p *Plan) step(s *assembly.Stack) *planStep {
	return p.steps[slices.IndexFunc(p.steps, func(step *planStep) bool { return step.stack == s })]
}

// createChangeSet publishes a stack's assets and creates its change set.
func (p *Plan) createChangeSet(ctx context.Context, step *planStep) error {
	d := p.deployment
	client, err := d.stackClient(ctx, step.stack)
	if err != nil {
		return err
	}
	if err := d.publishFor(ctx, step); err != nil {
		return err
	}
	if step.current.StackId != nil {
		if err := client.DeleteStaleChangeSets(ctx, step.stack.Name, d.interruptedRun); err != nil {
			return err
		}
	}
	stackLevel := cfn.StackLevelChanges(step.stack, step.current, step.comparison)
	set, err := client.CreateChangeSet(ctx, step.stack, step.current, d.assembly.Digest, p.naming)
	switch {
	case errors.Is(err, cfn.ErrNoChange) && step.current.Phase == cfn.Updatable:
		step.setUnchanged()
		return nil
	case err != nil:
		return err
	}
	step.set, step.record.Outcome, step.record.Changes = set, change.Planned, slices.Concat(set.Changes, stackLevel)
	if err := d.flagRisks(ctx, client, step); err != nil {
		return err
	}
	return p.checkReplacedExports(ctx, step)
}

// setUnchanged records that CloudFormation counts no difference of the stack as a change. What no change set decides on
// is still to be changed. Parameters, tags and topics that differ are shown, as the other commands show them, until a
// deployment has recorded that they come to the same.
func (s *planStep) setUnchanged() {
	shown := s.comparison.WithoutTemplate()
	s.accept(s.comparison)
	s.record.Outcome, s.record.Outputs = change.Unchanged, s.current.StackOutputs(s.stack)
	if stackLevel := cfn.StackLevelChanges(s.stack, s.current, shown); len(stackLevel) > 0 {
		s.record.Outcome, s.record.Changes = change.Planned, stackLevel
	}
	before, after := s.versions()
	s.record.Flags = risk.StackFlags(s.stack.Name, before, after)
	if s.record.Outcome == change.Planned {
		s.record.Flags = append(s.record.Flags, synthesizerFlags(s.stack)...)
	}
}

// accept takes a comparison for one of which CloudFormation said that nothing in it is a change.
func (s *planStep) accept(result compare.Result) {
	s.acceptedDigest = result.Digest
	s.uncounted = cfn.UncountedChanges(result)
	s.comparison = result.Accept()
}

// Flags returns the changes of the plan that need a permit.
func (p *Plan) Flags() []change.Flag {
	var out []change.Flag
	for _, step := range p.steps {
		out = append(out, step.record.Flags...)
	}
	return out
}

// Discard deletes the change sets that were not executed, all at once and within a bounded time.
func (p *Plan) Discard(ctx context.Context) error {
	ctx, cancel := awsclient.CleanupContext(ctx, p.err)
	defer cancel()
	errs := make([]error, len(p.steps))
	var all sync.WaitGroup
	for i, step := range p.steps {
		if step.set == nil {
			continue
		}
		all.Go(func() {
			client, err := p.deployment.stackClient(ctx, step.stack)
			if err == nil {
				err = client.Discard(ctx, step.set)
			}
			if err != nil {
				errs[i] = fmt.Errorf("a change set of stack %s was not deleted: %w", step.stack.Name, err)
			}
			step.set = nil
		})
	}
	all.Wait()
	if awsclient.IsUnreachable(p.err) {
		return nil // the plan's error says that AWS does not answer, and the next run deletes them
	}
	return errors.Join(errs...)
}

// Record returns the result of the plan, or of its application.
func (p *Plan) Record() Record {
	r := Record{
		Target: p.deployment.target, AssemblyDigest: p.deployment.assembly.Digest, PlanDigest: p.digest, Release: p.release,
		SignedBy: p.signedBy, Readiness: p.deployment.Readiness(),
		Started: p.started, Millis: time.Since(p.started).Milliseconds(), Outcome: change.Unchanged,
	}
	for _, step := range p.steps {
		r.Stacks = append(r.Stacks, step.record)
	}
	for _, s := range p.orphanedStacks {
		r.OrphanedStacks = append(r.OrphanedStacks, s.Name)
	}
	// The outcome of the whole is the last one of these that any stack has.
	for _, outcome := range []change.Outcome{
		change.Deferred, change.Planned, change.Created, change.Updated, change.Failed,
	} {
		if slices.ContainsFunc(r.Stacks, func(s StackRecord) bool { return s.Outcome == outcome }) {
			r.Outcome = outcome
		}
	}
	if p.err != nil {
		r.Outcome, r.Code, r.Error = change.Failed, fault.CodeOf(p.err), p.err.Error()
	}
	return r
}
