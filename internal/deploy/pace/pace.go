// Package pace owns how many calls may be under way at once: as many as the other side bears, found by trying. It knows nothing of what the calls are.
package pace

import (
	"context"
	"sync"
	"time"
)

// A Pace is a limit of calls under way that adapts. While few calls are throttled it grows as long as it is what holds callers up; when too many
// are, it shrinks.
type Pace struct {
	least, most float64
	now         func() time.Time

	mu      sync.Mutex
	limit   float64
	under   int
	waiting []chan struct{}
	// since is when the stretch began of which calls, throttled and full tell.
	since            time.Time
	calls, throttled int
	full             bool
	// probing is on until the first backing off: the limit doubles then.
	probing bool
}

const (
	// stretch is how long the answers are watched before the limit is changed.
	stretch = 200 * time.Millisecond
	// tolerated is the part of throttled calls that is the price of finding out.
	tolerated = 0.05
	slower    = 0.75
	faster    = 1.1
)

// New is a pace that begins with a limit and stays between 1 and most.
func New(begin, most int) *Pace {
	return &Pace{least: 1, most: float64(most), limit: float64(begin), now: time.Now, probing: true}
}

// Enter waits until a call may begin. The error is that of the context.
func (p *Pace) Enter(ctx context.Context) error {
	p.mu.Lock()
	if float64(p.under+1) <= p.limit && len(p.waiting) == 0 {
		p.under++
		p.mu.Unlock()
		return nil
	}
	p.full = true
	turn := make(chan struct{})
	p.waiting = append(p.waiting, turn)
	p.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		p.giveUp(turn)
		return ctx.Err()
	}
}

// giveUp takes a caller out of the queue, or passes on the turn that it was given in the same moment.
func (p *Pace) giveUp(turn chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, w := range p.waiting {
		if w == turn {
			p.waiting = append(p.waiting[:i], p.waiting[i+1:]...)
			return
		}
	}
	p.under--
	p.admit()
}

// Leave says that a call has ended, and whether the other side refused it because there were too many.
func (p *Pace) Leave(throttled bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.under--
	p.calls++
	if throttled {
		p.throttled++
	}
	p.adapt()
	p.admit()
}

// adapt changes the limit once in a stretch, by what was seen in it.
func (p *Pace) adapt() {
	now := p.now()
	if p.since.IsZero() {
		p.since = now
	}
	if now.Sub(p.since) < stretch {
		return
	}
	switch {
	case float64(p.throttled) > tolerated*float64(p.calls):
		p.limit, p.probing = max(p.least, p.limit*slower), false
	case p.full && p.probing:
		p.limit = min(p.most, p.limit*2)
	case p.full:
		p.limit = min(p.most, max(p.limit*faster, p.limit+1))
	}
	p.since, p.calls, p.throttled, p.full = now, 0, 0, len(p.waiting) > 0
}

// admit lets in as many as there is room for, in the order in which they came.
func (p *Pace) admit() {
	for len(p.waiting) > 0 && float64(p.under+1) <= p.limit {
		close(p.waiting[0])
		p.waiting = p.waiting[1:]
		p.under++
	}
}

// Limit is how many calls may be under way at this moment.
func (p *Pace) Limit() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return int(p.limit)
}
