package awsclient

import (
	"context"
	"time"
)

// How long a run may tidy up.
const (
	cleanupTimeout            = 30 * time.Second
	cleanupTimeoutInterrupted = 800 * time.Millisecond // whoever interrupts does not wait
	cleanupTimeoutUnreachable = 2 * time.Second        // AWS hardly begins to answer now
)

// CleanupContext returns a context in which a run tidies up after it ended with an error, even if ctx was cancelled.
func CleanupContext(ctx context.Context, err error) (context.Context, context.CancelFunc) {
	timeout := cleanupTimeout
	switch {
	case ctx.Err() != nil:
		timeout = cleanupTimeoutInterrupted
	case IsUnreachable(err):
		timeout = cleanupTimeoutUnreachable
	}
	return context.WithTimeout(context.WithoutCancel(ctx), timeout)
}
