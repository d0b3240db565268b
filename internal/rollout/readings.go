package rollout

import (
	"context"

	"golang.org/x/sync/errgroup"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/fault"
)

// maxReadings is how many accounts are read at once.
const maxReadings = 8

// A reading is what was read of an account.
type reading[T any] struct {
	account config.EnvironmentAccount
	// isEmpty reports that the account cannot hold a release, so that there is nothing to read and nothing went wrong.
	isEmpty bool
	value   T
	// err says that the account could not be read, or not completely.
	err error
}

// readAccounts reads every account of the environments and returns what was read, in their order. An account that
// cannot be read does not keep the others from being read. It does not start emulated accounts that were never started
// before. The command is for whom it reads.
func readAccounts[T any](
	ctx context.Context, s *Session, environments []config.Environment, command string,
	read func(context.Context, *deploy.Deployment) (T, error),
) ([]reading[T], error) {
	if s.wasNeverRehearsed() {
		readings := newReadings[T](environments)
		for i := range readings {
			readings[i].isEmpty = true
		}
		return readings, nil
	}
	access, release, err := s.openAccess(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = release() }() // the accounts have been read, whether the emulator stops or not
	opener := &accountOpener{session: s, access: access, command: command}
	return readWith(ctx, opener, environments, read), nil
}

// readWith reads every account of the environments, several at once.
func readWith[T any](
	ctx context.Context, o *accountOpener, environments []config.Environment,
	read func(context.Context, *deploy.Deployment) (T, error),
) []reading[T] {
	readings := newReadings[T](environments)
	var group errgroup.Group
	group.SetLimit(maxReadings)
	for i := range readings {
		r := &readings[i]
		group.Go(func() error {
			d, err := o.open(ctx, r.account)
			if err == nil {
				r.value, err = read(ctx, d)
			}
			r.isEmpty = err != nil && !o.access.mayHoldReleases(ctx, r.account)
			if !r.isEmpty {
				r.err = err
			}
			return nil
		})
	}
	_ = group.Wait() // each reading has its own error
	return readings
}

// newReadings returns a reading for each account of the environments, in their order.
func newReadings[T any](environments []config.Environment) (readings []reading[T]) {
	for _, env := range environments {
		for _, account := range env.Accounts() {
			readings = append(readings, reading[T]{account: account})
		}
	}
	return readings
}

// statusOf returns the status of an account, of which the reading has read what it could.
func statusOf[T any](s *Session, r reading[T], read deploy.Status) deploy.Status {
	target := s.target(r.account.Environment)
	switch {
	case r.isEmpty:
		return deploy.Status{Target: target, Problem: deploy.NothingDeployed}
	case r.err != nil && !read.Unreadable: // the account could not even be opened
		return deploy.Status{Target: target, Problem: r.err.Error(), Code: fault.CodeOf(r.err), Unreadable: true}
	}
	return read
}

// Statuses returns what is deployed in each account of the environments, with as many earlier releases as asked for. An
// account that cannot be read has the reason as its problem.
func (s *Session) Statuses(
	ctx context.Context, environments []config.Environment, earlier int,
) ([]deploy.Status, error) {
	readings, err := readAccounts(ctx, s, environments, "status",
		func(ctx context.Context, d *deploy.Deployment) (deploy.Status, error) {
			status := d.Status(ctx, earlier)
			return status, status.Err()
		})
	var statuses []deploy.Status
	for _, r := range readings {
		statuses = append(statuses, statusOf(s, r, r.value))
	}
	return statuses, err
}
