package deploy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

// withLock calls do while the lock is held and the journal is written. The journal that do gets is that of a run that
// was cut off, or the zero journal.
func (d *Deployment) withLock(
	ctx context.Context, l *ledger.Ledger, o DeployRequest, do func(before ledger.Journal) (Record, error),
) (record Record, err error) {
	lock, release, err := d.acquireLock(ctx, l)
	if err != nil {
		return d.newPlan().Record(), err
	}
	defer func() { release(err) }()
	before, err := d.beginJournal(ctx, l, lock, o)
	if err != nil {
		return d.newPlan().Record(), err
	}
	record, err = do(before)
	if errors.Is(err, context.Canceled) || errors.Is(err, cfn.ErrInterrupted) {
		return record, err // the journal says that the run was cut off, which is true
	}
	cleanup, cancel := awsclient.CleanupContext(ctx, err)
	defer cancel()
	ending := d.endJournal(cleanup, record, err)
	if awsclient.IsUnreachable(err) {
		return record, err // that AWS does not answer is said already
	}
	return record, errors.Join(err, ending)
}

// endJournal records the end of the run, with the error that it ended with.
func (d *Deployment) endJournal(ctx context.Context, record Record, err error) error {
	now, outcome := time.Now().UTC(), string(record.Outcome)
	if err == nil {
		return d.journal.End(ctx, now, outcome)
	}
	return d.journal.Fail(ctx, now, outcome, err)
}

// beginJournal begins the journal of this run. It returns that of the run before if that was cut off, or the zero
// journal.
func (d *Deployment) beginJournal(
	ctx context.Context, l *ledger.Ledger, lock *ledger.Lock, o DeployRequest,
) (ledger.Journal, error) {
	newest, err := l.LatestRelease(ctx)
	if err != nil { // no release can be recorded behind a record that was altered
		return ledger.Journal{}, refuseTampered(err)
	}
	j := ledger.Journal{
		RunID: d.Run.ID, CallerARN: d.sessions.CallerARN(), Command: d.Run.Command, Commit: d.Run.Commit,
		Token: lock.Token(), SynthDigest: d.SynthDigest, Restores: o.Restores, Started: time.Now().UTC(),
		AssetKeys: d.assetKeys(),
	}
	if newest != nil {
		j.LatestRelease = newest.Summary()
	}
	if o.Plan != nil {
		j.PlanDigest = o.Plan.Digest
	}
	last, err := l.Journal(ctx)
	if damaged := (*ledger.DamagedError)(nil); err != nil && !errors.As(err, &damaged) {
		return ledger.Journal{}, err
	}
	if last.IsInterrupted() && o.Plan != nil && last.PlanDigest == o.Plan.Digest {
		j.Stacks = last.Stacks // this run resumes that very plan
	}
	journal, before, err := l.BeginJournal(ctx, j)
	if err != nil {
		return ledger.Journal{}, err
	}
	d.journal = journal
	if !before.IsInterrupted() {
		return ledger.Journal{}, nil
	}
	d.interruptedRun = before.RunID
	d.printProgress(fmt.Sprintf("run %s by %s was cut off; this run goes on from there", before.RunID, before.CallerARN))
	return before, nil
}

// lock takes the lock for work that keeps no journal, and returns the ledger as well. The function
// that it returns is that of acquireLock.
func (d *Deployment) lock(ctx context.Context) (*ledger.Ledger, func(error), error) {
	l, err := d.Ledger(ctx)
	if err != nil {
		return nil, nil, err
	}
	_, release, err := d.acquireLock(ctx, l)
	return l, release, err
}

// acquireLock takes the lock and puts the fence before every write. The function that it returns releases the lock,
// given the error with which the work under it ended.
func (d *Deployment) acquireLock(ctx context.Context, l *ledger.Ledger) (*ledger.Lock, func(error), error) {
	liveness := d.newLivenessFile()
	lock, err := l.AcquireLock(ctx, ledger.Holder{
		ID: d.Run.ID, CallerARN: d.sessions.CallerARN(), Command: d.Run.Command,
		Host: ledger.Host(), PID: os.Getpid(), LivenessFile: liveness.Path(), Since: time.Now().UTC(),
	})
	if err != nil {
		var held *ledger.LockHeldError
		if errors.As(err, &held) {
			liveness.Close()
			return nil, nil, refusal.Newf(fault.LockHeld, err, "%s; wait until it has ended, or, if it is gone for good, "+
				"`lockstep unlock --env %s --holder %s`", held, d.target.Environment, held.Holder.ID)
		}
		// The lock may be written all the same: its liveness file stays, locked until this process ends.
		return nil, nil, err
	}
	if lock.PreviousHolder != nil {
		d.printProgress(fmt.Sprintf("the lock of %s, which is gone, is taken over", lock.PreviousHolder))
	}
	d.sessions.Fence().Set(&awsclient.Guard{
		Check: lock.Check, Validity: ledger.Lease / 2, LockKey: lock.Key(),
	})
	release := func(ended error) {
		d.sessions.Fence().Set(nil)
		cleanup, cancel := awsclient.CleanupContext(ctx, ended)
		defer cancel()
		if err := lock.Release(cleanup); err != nil {
			// The liveness file stays, locked until this process ends.
			d.printProgress(fmt.Sprintf("the lock could not be released (%v): on this machine it is free when this process "+
				"has ended, on others in %v", err, ledger.Lease))
			return
		}
		liveness.Close()
	}
	return lock, release, nil
}

// newLivenessFile returns the file that shows other runs on this machine that this one lives; nil if there is none.
func (d *Deployment) newLivenessFile() *ledger.LivenessFile {
	if d.LivenessDir == "" {
		return nil
	}
	file, err := ledger.CreateLivenessFile(d.LivenessDir, d.Run.ID)
	if err != nil {
		d.printProgress(fmt.Sprintf("this run's liveness file cannot be written (%v): if the run is killed, the next one "+
			"waits until the lock's lease ends", err))
	}
	return file
}
