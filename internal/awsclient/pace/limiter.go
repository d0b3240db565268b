// Package pace owns how many calls may be under way at once: as many as the other side bears, found by trying. It knows
// nothing of what the calls are.
package pace

import (
	"context"
	"sync"
	"time"
)

// A Limiter is a limit of calls under way that adapts. While few calls are throttled it grows as long as it is what
// holds callers up; when too many are, it shrinks.
type Limiter struct {
	minLimit, maxLimit float64
	now                func() time.Time

	mu       sync.Mutex
	limit    float64
	inFlight int
	waiting  []chan struct{}
	// windowStart is when the stretch began of which calls, throttled and full tell.
	windowStart      time.Time
	calls, throttled int
	saturated        bool
	// slowStart is on until the first backing off: the limit doubles then.
	slowStart bool
}

const (
	// window is how long the answers are watched before the limit is changed.
	window = 200 * time.Millisecond
	// maxThrottledRatio is the part of throttled calls that is the price of finding out.
	maxThrottledRatio = 0.05
	decreaseFactor    = 0.75
	increaseFactor    = 1.1
)

// New is a pace that begins with a limit and stays between 1 and most.
func New(begin, most int) *Limiter {
	return &Limiter{minLimit: 1, maxLimit: float64(most), limit: float64(begin), now: time.Now, slowStart: true}
}

// Acquire waits until a call may begin. The error is that of the context.
func (p *Limiter) Acquire(ctx context.Context) error {
	p.mu.Lock()
	if float64(p.inFlight+1) <= p.limit && len(p.waiting) == 0 {
		p.inFlight++
		p.mu.Unlock()
		return nil
	}
	p.saturated = true
	turn := make(chan struct{})
	p.waiting = append(p.waiting, turn)
	p.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		p.cancelWait(turn)
		return ctx.Err()
	}
}

// cancelWait takes a caller out of the queue, or passes on the turn that it was given in the same moment.
func (p *Limiter) cancelWait(turn chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, w := range p.waiting {
		if w == turn {
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			return
		}
	}
	p.inFlight--
	p.admitWaiting()
}

// Release says that a call has ended, and whether the other side refused it because there were too many.
func (p *Limiter) Release(throttled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight--
	p.calls++
	if throttled {
		p.throttled++
	}
	p.adapt()
	p.admitWaiting()
}

// adapt changes the limit once in a stretch, by what was seen in it.
func (p *Limiter) adapt() {
	now := p.now()
	if p.windowStart.IsZero() {
		p.windowStart = now
	}
	if now.Sub(p.windowStart) < window {
		return
	}
	switch {
	case float64(p.throttled) > maxThrottledRatio*float64(p.calls):
		p.limit, p.slowStart = max(p.minLimit, p.limit*decreaseFactor), false
	case p.saturated && p.slowStart:
		p.limit = min(p.maxLimit, p.limit*2)
	case p.saturated:
		p.limit = min(p.maxLimit, max(p.limit*increaseFactor, p.limit+1))
	}
	p.windowStart, p.calls, p.throttled, p.saturated = now, 0, 0, len(p.waiting) > 0
}

// admitWaiting lets in as many as there is room for, in the order in which they came.
func (p *Limiter) admitWaiting() {
	for len(p.waiting) > 0 && float64(p.inFlight+1) <= p.limit {
		close(p.waiting[0])
		p.waiting = p.waiting[1:]
		p.inFlight++
	}
}

// Limit is how many calls may be under way at this moment.
func (p *Limiter) Limit() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.limit)
}
