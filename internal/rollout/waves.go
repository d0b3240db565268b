package rollout

import (
	"context"
	"fmt"
	"sync"

	"lockstep/internal/fault"
)

// A WaveRunner runs a function for the accounts of several waves: wave after wave, and the accounts of a wave at the
// same time. The accounts of a wave do not depend on each other: a failure does not stop the others that have started.
type WaveRunner struct {
	// MaxConcurrent is how many accounts are worked on at the same time, which bounds the memory; at least 1.
	// It does not bound how fast AWS is called: that is what a awsclient.Limiter does.
	MaxConcurrent int
	// MaxFailures is how many accounts may fail before no further one is started, in whatever wave. If it is negative, all
	// accounts of a wave are started, and no further wave after one with a failure.
	MaxFailures int
}

// DefaultMaxConcurrent is how many accounts are worked on at the same time by default.
const DefaultMaxConcurrent = 64

// A NotStartedError says that an account was not started because others had failed.
type NotStartedError struct {
	// Failed is how many had failed.
	Failed int
}

func (e *NotStartedError) Error() string {
	return fmt.Sprintf("not started, because %d before it failed", e.Failed)
}

// Code returns the code of the error.
func (e *NotStartedError) Code() fault.Code { return fault.AccountNotStarted }

// Run calls do for every account, with the index of its wave and its index in the wave. The sizes are how many accounts
// each wave has. It returns the errors by wave and account.
func (r WaveRunner) Run(
	ctx context.Context, sizes []int, do func(ctx context.Context, wave, account int) error,
) [][]error {
	run := &waveRun{WaveRunner: r, slots: make(chan struct{}, max(1, r.MaxConcurrent))}
	errs := make([][]error, len(sizes))
	for wave, size := range sizes {
		errs[wave] = run.runWave(ctx, size, func(ctx context.Context, account int) error { return do(ctx, wave, account) })
	}
	return errs
}

// A waveRun is one run of a WaveRunner.
type waveRun struct {
	WaveRunner
	slots chan struct{}

	mu     sync.Mutex
	failed int
}

// runWave calls do for the accounts of one wave and returns their errors when all have ended.
func (r *waveRun) runWave(ctx context.Context, size int, do func(ctx context.Context, account int) error) []error {
	errs := make([]error, size)
	limit := r.MaxFailures
	if limit < 0 && r.failures() == 0 {
		limit = size
	}
	var running sync.WaitGroup
	for account := range errs {
		r.slots <- struct{}{}
		if errs[account] = r.checkStart(ctx, limit); errs[account] != nil {
			<-r.slots
			continue
		}
		running.Go(func() {
			defer func() { <-r.slots }()
			if errs[account] = do(ctx, account); errs[account] != nil {
				r.mu.Lock()
				r.failed++
				r.mu.Unlock()
			}
		})
	}
	running.Wait()
	return errs
}

// checkStart returns an error if no further account may be started: more than limit have failed, or ctx has ended.
func (r *waveRun) checkStart(ctx context.Context, limit int) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if failed := r.failures(); failed > limit {
		return &NotStartedError{failed}
	}
	return nil
}

func (r *waveRun) failures() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed
}
