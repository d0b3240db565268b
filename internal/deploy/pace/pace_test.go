package pace

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// stretches lets that many stretches go by with ten calls each, so many of which are throttled, while others wait.
func stretches(p *Pace, clock *time.Time, n, throttled int) {
	for range n {
		for i := range 10 {
			p.under++
			p.full = true
			p.Leave(i < throttled)
		}
		*clock = clock.Add(stretch)
		p.under++
		p.full = true
		p.Leave(false)
	}
}

func newPace(begin, most int) (*Pace, *time.Time) {
	clock := time.Unix(0, 0)
	p := New(begin, most)
	p.now = func() time.Time { return clock }
	return p, &clock
}

func TestItSpeedsUpBacksOffAndSpeedsUpAgain(t *testing.T) {
	p, clock := newPace(4, 100)
	stretches(p, clock, 3, 0)
	assert.Equal(t, 32, p.Limit(), "it doubles until it is throttled")
	stretches(p, clock, 1, 5)
	assert.Equal(t, 24, p.Limit())
	stretches(p, clock, 20, 5)
	assert.Equal(t, 1, p.Limit(), "one call is always under way")
	stretches(p, clock, 10, 0)
	assert.Equal(t, 11, p.Limit())
	stretches(p, clock, 100, 0)
	assert.Equal(t, 100, p.Limit(), "there is a bound")
}

func TestALimitThatHoldsNobodyUpDoesNotGrow(t *testing.T) {
	p, clock := newPace(4, 100)
	for range 50 {
		require.NoError(t, p.Enter(t.Context()))
		p.Leave(false)
		*clock = clock.Add(stretch)
	}
	assert.Equal(t, 4, p.Limit())
}

func TestAFewThrottledCallsAreThePriceOfFindingOut(t *testing.T) {
	p, clock := newPace(4, 100)
	p.probing = false
	for range 5 {
		for i := range 40 {
			p.under++
			p.full = true
			p.Leave(i == 0)
		}
		*clock = clock.Add(stretch)
	}
	assert.Greater(t, p.Limit(), 4)
}

func TestNoMoreAreUnderWayThanTheLimitAndAllGetTheirTurn(t *testing.T) {
	p := New(3, 3)
	var under, most, done atomic.Int64
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if !assert.NoError(t, p.Enter(t.Context())) {
				return
			}
			for now := under.Add(1); ; {
				if seen := most.Load(); now <= seen || most.CompareAndSwap(seen, now) {
					break
				}
			}
			under.Add(-1)
			done.Add(1)
			p.Leave(false)
		})
	}
	all.Wait()
	assert.LessOrEqual(t, most.Load(), int64(3))
	assert.Equal(t, int64(200), done.Load())
}

func TestWhoGivesUpTakesNobodysPlace(t *testing.T) {
	p := New(1, 1)
	require.NoError(t, p.Enter(t.Context()))
	ctx, cancel := context.WithCancel(t.Context())
	gaveUp := make(chan error, 1)
	go func() { gaveUp <- p.Enter(ctx) }()
	require.Eventually(t, func() bool { p.mu.Lock(); defer p.mu.Unlock(); return len(p.waiting) == 1 }, time.Second, time.Millisecond)
	cancel()
	require.ErrorIs(t, <-gaveUp, context.Canceled)
	p.Leave(false)
	require.NoError(t, p.Enter(t.Context()))
}
