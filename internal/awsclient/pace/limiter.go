// Package pace owns how many calls may be under way at once: as many as the other side bears, found by trying. It knows
// nothing of what the calls are.
package pace

import (
	"context"
	"sync"
	"time"
)

// A Limiter bounds how many calls are under way, and adapts the bound: it grows while callers wait and few calls are
// throttled, and shrinks when more are.
type Limiter struct {
	minLimit, maxLimit float64
	now                func() time.Time

	mu       sync.Mutex
	limit    float64
	inFlight int
	waiting  []chan struct{}
	// windowStart is when the window began whose calls are counted here. In it, saturated says that callers waited.
	windowStart      time.Time
	calls, throttled int
	saturated        bool
	// slowStart says that no call was throttled yet, so that the limit doubles when it grows.
	slowStart bool
}

const (
	// window is how long calls are counted before the limit is changed.
	window = 200 * time.Millisecond
	// maxThrottledRatio is the share of throttled calls that does not shrink the limit.
	maxThrottledRatio = 0.05
	decreaseFactor    = 0.75
	increaseFactor    = 1.1
)

// New returns a limiter that begins with a limit and stays between 1 and a maximum.
func New(initial, maximum int) *Limiter {
	return &Limiter{minLimit: 1, maxLimit: float64(maximum), limit: float64(initial), now: time.Now, slowStart: true}
}

// Acquire waits until a call may begin. It returns the error of the context if that ends first.
func (l *Limiter) Acquire(ctx context.Context) error {
	l.mu.Lock()
	if float64(l.inFlight+1) <= l.limit && len(l.waiting) == 0 {
		l.inFlight++
		l.mu.Unlock()
		return nil
	}
	l.saturated = true
	turn := make(chan struct{})
	l.waiting = append(l.waiting, turn)
	l.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		l.cancelWait(turn)
		return ctx.Err()
	}
}

// cancelWait removes a caller from the queue, or passes on the turn that it got at the same moment.
func (l *Limiter) cancelWait(turn chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, w := range l.waiting {
		if w == turn {
			l.waiting = append(l.waiting[:i], l.waiting[i+1:]...)
			return
		}
	}
	l.inFlight--
	l.admitWaiting()
}

// Release reports the end of a call, and whether the other side refused it because there were too many.
func (l *Limiter) Release(throttled bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.inFlight--
	l.calls++
	if throttled {
		l.throttled++
	}
	l.adapt()
	l.admitWaiting()
}

// adapt changes the limit at the end of each window, by the calls in it.
func (l *Limiter) adapt() {
	now := l.now()
	if l.windowStart.IsZero() {
		l.windowStart = now
	}
	if now.Sub(l.windowStart) < window {
		return
	}
	switch {
	case float64(l.throttled) > maxThrottledRatio*float64(l.calls):
		l.limit, l.slowStart = max(l.minLimit, l.limit*decreaseFactor), false
	case l.saturated && l.slowStart:
		l.limit = min(l.maxLimit, l.limit*2)
	case l.saturated:
		l.limit = min(l.maxLimit, max(l.limit*increaseFactor, l.limit+1))
	}
	l.windowStart, l.calls, l.throttled, l.saturated = now, 0, 0, len(l.waiting) > 0
}

// admitWaiting admits waiting callers while there is room, in the order in which they came.
func (l *Limiter) admitWaiting() {
	for len(l.waiting) > 0 && float64(l.inFlight+1) <= l.limit {
		close(l.waiting[0])
		l.waiting = l.waiting[1:]
		l.inFlight++
	}
}

// Limit returns how many calls may be under way at this moment.
func (l *Limiter) Limit() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.limit)
}
