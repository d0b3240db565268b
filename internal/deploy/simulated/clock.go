package simulated

import (
	"context"
	"time"
)

// now returns the cloud's time: that of the machine, and the pauses that its clients did not really make.
func (c *Cloud) now() time.Time { return time.Now().Add(time.Duration(c.paused.Load())) }

// Pause moves the cloud's time on by what a client would wait, at once. It returns the context's error.
func (c *Cloud) Pause(ctx context.Context, d time.Duration) error {
	c.paused.Add(int64(d))
	return ctx.Err()
}
