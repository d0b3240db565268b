// Package rollout owns the order in which accounts are deployed to: wave after wave, those of a wave at the same time,
// until too many have failed. It knows nothing of what is done in an account.
package rollout

import (
	"context"
	"fmt"
	"sync"
)

// A Policy is how many accounts are deployed to at the same time, and how many of them may fail. Accounts do not depend
// on each other, so a failure stops none of its wave, but no further wave begins.
type Policy struct {
	// MaxConcurrent is how many accounts are worked on at the same time, which bounds the memory; at least 1. How fast AWS
	// is called is another matter.
	MaxConcurrent int
	// MaxFailures is how many accounts may fail before no further one is begun, whatever wave it is in. A negative number
	// allows none in an earlier wave and any number in the same.
	MaxFailures int
}

// DefaultMaxConcurrent is how many accounts are worked on at the same time by default.
const DefaultMaxConcurrent = 64

// A NotStartedError says that an account was not begun because others had failed.
type NotStartedError struct{ Failed int }

func (e *NotStartedError) Error() string {
	return fmt.Sprintf("not begun, because %d before it failed", e.Failed)
}

// Run calls do for every account, by the number of its wave and its number in the wave. The waves are given by how many
// accounts they have. It returns the error of each account, wave by wave.
func (p Policy) Run(ctx context.Context, waves []int, do func(ctx context.Context, wave, account int) error) [][]error {
	out := make([][]error, len(waves))
	run := &run{policy: p, slots: make(chan struct{}, max(1, p.MaxConcurrent))}
	for w, accounts := range waves {
		run.isStopped = p.MaxFailures < 0 && run.failed > 0
		out[w] = run.wave(ctx, accounts, func(account int) error { return do(ctx, w, account) })
	}
	return out
}

// A run is the state of one call of Policy.Run.
type run struct {
	policy Policy
	slots  chan struct{}
	// isStopped says that an earlier wave had failures and none are allowed.
	isStopped bool

	mu     sync.Mutex
	failed int
}

// wave calls do for the accounts of one wave and returns the error of each.
func (r *run) wave(ctx context.Context, accounts int, do func(account int) error) []error {
	errs := make([]error, accounts)
	var all sync.WaitGroup
	for i := range errs {
		r.slots <- struct{}{}
		if errs[i] = r.checkStart(ctx); errs[i] != nil {
			<-r.slots
			continue
		}
		all.Go(func() {
			defer func() { <-r.slots }()
			if errs[i] = do(i); errs[i] != nil {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.failed++
			}
		})
	}
	all.Wait()
	return errs
}

// checkStart returns why no further account is begun, nil if one may be.
func (r *run) checkStart(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if r.isStopped || r.policy.MaxFailures >= 0 && r.failed > r.policy.MaxFailures {
		return &NotStartedError{r.failed}
	}
	return nil
}
