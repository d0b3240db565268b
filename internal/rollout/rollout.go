package rollout

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/rehearsal"
	"lockstep/internal/report"
	"lockstep/internal/telemetry"
)

// A Request is what a session does to the accounts of environments.
type Request struct {
	// Command is the name of the command, which locks and journals show.
	Command      string
	Environments []config.Environment
	Source       Source
	Operation    Operation
	// ExpectedDigest is the digest of the cloud assembly of the one environment; empty for any.
	ExpectedDigest digest.Environment
	// MaxFailures is how many accounts of an environment may fail before no further one is started. If it is negative, the
	// accounts of a wave are all started, and a failure stops the waves after it.
	MaxFailures int
	// KeepGoing says that an environment that fails does not stop those after it, unless it was refused.
	KeepGoing bool
}

// Run runs the request's operation in every account, environment after environment up to the first that fails, unless
// the request says otherwise. It returns a record of each account, also if the error is not nil.
func (s *Session) Run(ctx context.Context, q Request) (records []report.AccountRecord, err error) {
	access, release, err := s.openAccess(ctx, q.Environments)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	opener := &accountOpener{session: s, access: access, command: q.Command, rights: deploy.ReadAccess}
	var errs []error
	for _, env := range q.Environments {
		opener.limiter = awsclient.NewLimiter()
		accounts, err := opener.runEnvironment(ctx, env, q)
		for _, a := range accounts {
			records = append(records, a.record)
		}
		if err == nil {
			continue
		}
		errs = append(errs, fmt.Errorf("%s: %w", env.Name, err))
		var refused *refusal.Error
		if !q.KeepGoing || errors.As(err, &refused) || ctx.Err() != nil {
			break
		}
	}
	return records, errors.Join(errs...)
}

// runEnvironment runs the operation in every account of an environment, wave after wave.
func (o *accountOpener) runEnvironment(ctx context.Context, env config.Environment, q Request) ([]*account, error) {
	var accounts []*account
	var sizes, firsts []int // of each wave, how many accounts it has, and the index of its first one in accounts
	for _, wave := range env.Waves() {
		sizes = append(sizes, len(wave))
		firsts = append(firsts, len(accounts))
		for _, target := range wave {
			accounts = append(accounts, o.newAccount(target))
		}
	}
	runner := WaveRunner{MaxConcurrent: DefaultMaxConcurrent, MaxFailures: q.MaxFailures}
	results := runner.Run(ctx, sizes, func(ctx context.Context, wave, i int) error {
		return accounts[firsts[wave]+i].runInSpan(ctx, q)
	})
	var errs []error
	for w, wave := range results {
		for i, err := range wave {
			errs = append(errs, accounts[firsts[w]+i].recordError(err, len(accounts) > 1))
		}
	}
	err := errors.Join(errs...)
	finishErr := q.Operation.finish(ctx, accounts, err)
	if err == nil && finishErr != nil {
		accounts[0].fail(finishErr)
	}
	return accounts, finishErr
}

// An account is one account and region of an environment during a rollout.
type account struct {
	config.EnvironmentAccount
	opener     *accountOpener
	assembly   localAssembly
	deployment *deploy.Deployment
	// plan and targetPlan are set by a Plan.
	plan       *deploy.Plan
	targetPlan planfile.Target
	record     report.AccountRecord
	// selected are the stacks of the assembly, and coverage says how much of it can be rehearsed; nil on AWS.
	selected *assembly.Assembly
	coverage *rehearsal.Coverage
}

func (o *accountOpener) newAccount(target config.EnvironmentAccount) *account {
	return &account{
		EnvironmentAccount: target,
		opener:             o,
		record: report.AccountRecord{
			Mode: o.session.Mode(), Endpoint: o.session.Endpoint,
			Record: deploy.Record{Target: o.session.target(target.Environment), Started: o.session.Now()},
		},
	}
}

// progress reports a line of progress in the account.
func (a *account) progress(line string) { a.opener.session.progressFor(a.EnvironmentAccount)(line) }

// runInSpan is run in a span of its own.
func (a *account) runInSpan(ctx context.Context, q Request) error {
	ctx, span := telemetry.Start(ctx, "account "+a.ID, telemetry.Environment(a.Name),
		telemetry.Account(a.ID), telemetry.Region(a.Region))
	err := a.run(ctx, q)
	span.End(err)
	return err
}

// run opens the account with its assembly and runs the operation in it. An account without a release has nothing to go
// back to, and is left as it is.
func (a *account) run(ctx context.Context, q Request) error {
	err := a.open(ctx, q)
	if errors.Is(err, errNothingToRestore) {
		a.progress(fmt.Sprintf("account %s in %s: %v", a.ID, a.Region, err))
		a.record.Outcome = change.Untouched
		return nil
	}
	if err != nil {
		return err
	}
	a.record.Record, err = q.Operation.run(ctx, a)
	a.recordCoverage(err)
	return err
}

// recordCoverage records how much of the assembly was rehearsed by an operation that ended with an error or with nil.
// After an error only the stacks count that came to their end.
func (a *account) recordCoverage(err error) {
	if a.coverage == nil {
		return
	}
	isReached := func(s *assembly.Stack) bool {
		i := slices.IndexFunc(a.record.Stacks, func(r deploy.StackRecord) bool { return r.Name == s.Name })
		if i < 0 {
			return err == nil
		}
		switch a.record.Stacks[i].Outcome {
		case change.Created, change.Updated, change.Unchanged:
			return true
		case change.Planned:
			return err == nil
		}
		return false
	}
	var reached, notReached []string
	for _, s := range a.selected.Stacks {
		if isReached(s) {
			reached = append(reached, s.TemplateFiles()...)
		} else {
			notReached = append(notReached, s.TemplateFiles()...)
		}
	}
	coverage := a.coverage.Of(reached, notReached)
	for _, image := range a.deployment.UnbuiltImages() {
		coverage.Images = append(coverage.Images, rehearsal.UnbuiltImage(image))
	}
	a.record.Coverage = &coverage
}

// recordError writes an error into the account's record. It returns the error as the rollout reports it: with the
// account's id if there are several accounts, and nil for an account that was not started, because the failures before
// it are reported.
func (a *account) recordError(err error, named bool) error {
	if err == nil {
		return nil
	}
	if a.record.Error == "" {
		a.fail(err)
	}
	var notStarted *NotStartedError
	if errors.As(err, &notStarted) {
		a.record.Outcome = change.Untouched
		return nil
	}
	if named {
		return fmt.Errorf("account %s in %s: %w", a.ID, a.Region, err)
	}
	return err
}

// fail records that the account failed.
func (a *account) fail(err error) {
	a.record.Outcome, a.record.Code, a.record.Error = change.Failed, fault.CodeOf(err), err.Error()
}

// open loads the account's assembly and opens the account with it.
func (a *account) open(ctx context.Context, q Request) error {
	target := a.record.Target
	cfg, err := a.opener.access.callerConfig(target.Region)
	if err != nil {
		return err
	}
	if a.assembly, err = q.Source.load(ctx, a.opener, a.EnvironmentAccount); err != nil {
		return err
	}
	if err := q.checkExpected(a.Name, a.assembly); err != nil {
		return err
	}
	options, err := a.opener.options(ctx, a.EnvironmentAccount)
	if err != nil {
		return err
	}
	options.Access = q.Operation.access()
	options.ImportsExisting = slices.Contains(a.allPermits(q.Operation), change.ImportExisting)
	options.EnvironmentDigest = a.assembly.environmentDigest
	options.SiblingDigests = a.assembly.siblingDigests
	files, err := assembly.Open(a.assembly.folder)
	if err != nil {
		return err
	}
	options.Artifacts.Assembly, options.Artifacts.Checked = files, files
	if a.assembly.earlier != nil {
		options.EarlierDigests = a.assembly.earlierOptions
	}
	var adapted *assembly.Assembly
	if options.SynthDigest, err = a.synthDigest(files); err == nil {
		adapted, err = a.readAdapted(ctx, files, options)
	}
	if err != nil {
		return fmt.Errorf("cloud assembly %s: %w", a.assembly.folder, err)
	}
	if a.coverage != nil {
		options.Artifacts.Checked = a.coverage.Answered
	}
	a.deployment, err = deploy.Open(ctx, cfg, target, adapted, options)
	return err
}

// checkExpected returns a *refusal.Error if a cloud assembly is not the one that the request expects, by the digest of
// what it deploys or by that of its files, which the Dagger module computes.
func (q Request) checkExpected(environment string, found localAssembly) error {
	if q.ExpectedDigest == "" || q.ExpectedDigest == found.environmentDigest {
		return nil
	}
	if found.earlier != nil {
		ofFiles, err := found.earlier()
		if err != nil {
			return err
		}
		if q.ExpectedDigest == ofFiles.environment {
			return nil
		}
	}
	return refusal.Newf(fault.NotExpected, nil,
		"the cloud assembly of %s is %.12s, and %.12s is expected: nothing was done with it; see "+
			"who has exchanged it, or synthesise again", environment, found.environmentDigest, q.ExpectedDigest)
}

// synthDigest returns the digest of the assembly as it was synthesised: the recorded one for that of a release.
func (a *account) synthDigest(files fs.FS) (digest.Synth, error) {
	if a.assembly.synthDigest != "" {
		return a.assembly.synthDigest, nil
	}
	return assembly.SynthDigest(files)
}

// readAdapted reads the assembly in the form that the account can deploy, and records how much of the original that is.
func (a *account) readAdapted(
	ctx context.Context, files fs.FS, options deploy.Options,
) (*assembly.Assembly, error) {
	files, coverage, err := a.opener.access.adaptAssembly(files, options.Selection.Parameters)
	if err != nil {
		return nil, err
	}
	a.coverage = coverage
	selected, unselected, err := options.ReadAssembly(files, a.record.Target)
	a.selected = selected
	a.reportUnselected(unselected)
	if err != nil || coverage == nil {
		return selected, err
	}
	coverage.Parameters, err = a.opener.access.provideParameters(ctx, selected)
	return selected, err
}

// reportUnselected names the stacks that neither this environment nor another one takes, each once in a session.
func (a *account) reportUnselected(unselected []*assembly.Stack) {
	s := a.opener.session
	for _, stack := range unselected {
		isTaken := func(env config.Environment) bool {
			return slices.ContainsFunc(env.AllPlaces(), func(place config.Environment) bool {
				stackInPlace := *stack
				if stack.IsAgnostic {
					stackInPlace.Account, stackInPlace.Region = place.ID, place.Region
				}
				return selectionOf(place).Takes(&stackInPlace)
			})
		}
		if slices.ContainsFunc(s.Config.Targets(), isTaken) {
			continue
		}
		if _, named := s.unselected.LoadOrStore(stack.ID, true); !named {
			a.progress(fmt.Sprintf("stack %s, for %s, goes to no environment: none has that place and selects it", stack.Name,
				stack.Place()))
		}
	}
}
