package pace

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// runWindows lets that many stretches go by with ten calls each, so many of which are throttled, while others wait.
func runWindows(p *Limiter, clock *time.Time, n, throttled int) {
	for range n {
		for i := range 10 {
			p.inFlight++
			p.saturated = true
			p.Release(i < throttled)
		}
		*clock = clock.Add(window)
		p.inFlight++
		p.saturated = true
		p.Release(false)
	}
}

func newLimiter(begin, most int) (*Limiter, *time.Time) {
	clock := time.Unix(0, 0)
	p := New(begin, most)
	p.now = func() time.Time { return clock }
	return p, &clock
}

func TestLimiter_GrowsAndBacksOff(t *testing.T) {
	p, clock := newLimiter(4, 100)
	runWindows(p, clock, 3, 0)
	assert.Equal(t, 32, p.Limit(), "it doubles until it is throttled")
	runWindows(p, clock, 1, 5)
	assert.Equal(t, 24, p.Limit())
	runWindows(p, clock, 20, 5)
	assert.Equal(t, 1, p.Limit(), "one call is always under way")
	runWindows(p, clock, 10, 0)
	assert.Equal(t, 11, p.Limit())
	runWindows(p, clock, 100, 0)
	assert.Equal(t, 100, p.Limit(), "there is a bound")
}

func TestLimiter_UnsaturatedDoesNotGrow(t *testing.T) {
	p, clock := newLimiter(4, 100)
	for range 50 {
		require.NoError(t, p.Acquire(t.Context()))
		p.Release(false)
		*clock = clock.Add(window)
	}
	assert.Equal(t, 4, p.Limit())
}

func TestLimiter_ToleratesFewThrottledCalls(t *testing.T) {
	p, clock := newLimiter(4, 100)
	p.slowStart = false
	for range 5 {
		for i := range 40 {
			p.inFlight++
			p.saturated = true
			p.Release(i == 0)
		}
		*clock = clock.Add(window)
	}
	assert.Greater(t, p.Limit(), 4)
}

func TestLimiter_NeverExceedsLimit(t *testing.T) {
	p := New(3, 3)
	var under, most, done atomic.Int64
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if !assert.NoError(t, p.Acquire(t.Context())) {
				return
			}
			for now := under.Add(1); ; {
				if seen := most.Load(); now <= seen || most.CompareAndSwap(seen, now) {
					break
				}
			}
			under.Add(-1)
			done.Add(1)
			p.Release(false)
		})
	}
	all.Wait()
	assert.LessOrEqual(t, most.Load(), int64(3))
	assert.Equal(t, int64(200), done.Load())
}

func TestLimiter_CanceledWaiterTakesNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := New(1, 1)
		require.NoError(t, p.Acquire(t.Context()))
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error, 1)
		go func() { result <- p.Acquire(ctx) }()
		synctest.Wait()
		require.Len(t, p.waiting, 1)
		cancel()
		require.ErrorIs(t, <-result, context.Canceled)
		p.Release(false)
		require.NoError(t, p.Acquire(t.Context()))
	})
}
