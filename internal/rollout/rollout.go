// Package rollout owns the order in which accounts are deployed to: wave after wave, those of a wave at the same time,
// until too many have failed. It knows nothing of what is done in an account.
package rollout

import (
	"context"
	"fmt"
	"sync"
)

// A Policy takes something to many places: wave after wave, and the places of a wave at the same time. They do not
// depend on each other, so one that fails stops none of its wave, but no further wave begins.
type Policy struct {
	// MaxConcurrent is how many places are worked on at the same time, which bounds the memory; at least 1. How fast AWS
	// is called is the pacer's business.
	MaxConcurrent int
	// MaxFailures is how many places may fail before no further one is begun, whatever wave it is in; negative for none in
	// an earlier wave and any number in the same.
	MaxFailures int
}

// DefaultMaxConcurrent is how many accounts are worked on at the same time unless told otherwise.
const DefaultMaxConcurrent = 64

// A NotStartedError is a place that was not begun because others had failed.
type NotStartedError struct{ Failed int }

func (e *NotStartedError) Error() string {
	return fmt.Sprintf("not begun, because %d before it failed", e.Failed)
}

// Run does something in every place, by its number in its wave, and returns what came of each, wave by wave.
func (r Policy) Run(ctx context.Context, waves []int, do func(ctx context.Context, wave, place int) error) [][]error {
	out := make([][]error, len(waves))
	failed := 0
	for w, places := range waves {
		begin := r.MaxFailures >= 0 || failed == 0
		out[w], failed = r.runWave(ctx, places, failed, begin, func(ctx context.Context, place int) error { return do(ctx, w, place) })
	}
	return out
}

// runWave does it in the places of one wave and returns what came of each, and how many have failed altogether.
func (r Policy) runWave(
	ctx context.Context, places, failed int, begin bool, do func(context.Context, int) error,
) ([]error, int) {
	errs := make([]error, places)
	var mu sync.Mutex
	var all sync.WaitGroup
	room := make(chan struct{}, max(1, r.MaxConcurrent))
	stopped := func() error {
		mu.Lock()
		defer mu.Unlock()
		if ctx.Err() == nil && (!begin || r.MaxFailures >= 0 && failed > r.MaxFailures) {
			return &NotStartedError{failed}
		}
		return ctx.Err()
	}
	for i := range errs {
		room <- struct{}{}
		if errs[i] = stopped(); errs[i] != nil {
			<-room
			continue
		}
		all.Go(func() {
			defer func() { <-room }()
			errs[i] = do(ctx, i)
			if errs[i] != nil {
				mu.Lock()
				defer mu.Unlock()
				failed++
			}
		})
	}
	all.Wait()
	return errs, failed
}
