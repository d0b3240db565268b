package awsclient

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"lockstep/internal/fault"
)

// A Fence stands before every write of every client that is made from a session's configuration. AWS knows nothing of
// the run's lock, so the fence asks whether the run still holds it. The zero Fence lets every call pass.
type Fence struct {
	guard atomic.Pointer[Guard]
	// now returns the time; nil for the machine's clock.
	now func() time.Time
}

// A Guard says whether a run may write.
type Guard struct {
	// Check returns an error if the run may not write.
	Check func(context.Context) error
	// Validity is how long an answer of Check counts: an attempt that is sent later is asked about again.
	Validity time.Duration
	// LockKey is the key of the object that holds the lock. Check itself renews it, so its writes are not asked about.
	LockKey string
}

// Set asks the guard before every further write, which is not sent if the guard's check fails. Nil lets every call pass
// again.
func (f *Fence) Set(guard *Guard) { f.guard.Store(guard) }

// A fencedCall is one operation, with all its attempts.
type fencedCall struct {
	parameters any
	// checkedAt is when the guard was last asked; zero if it was not.
	checkedAt time.Time
}

type fencedCallKey struct{}

// errStale says that an attempt has waited so long for its turn that the guard has to be asked again.
var errStale = fault.New(fault.LockLost, "the guard was asked too long ago")

// middleware returns the configuration with the fence. Each attempt passes it: the guard is asked before the attempt
// waits for its turn, because the guard's own calls wait as well, and the age of the answer is looked at when the turn
// has come. The configuration must have its limiter already.
func (f *Fence) middleware(cfg aws.Config) aws.Config {
	cfg = cfg.Copy()
	cfg.APIOptions = append(slices.Clip(cfg.APIOptions), func(stack *middleware.Stack) error {
		return errors.Join(
			stack.Initialize.Add(middleware.InitializeMiddlewareFunc("LockstepFencedCall", beginCall), middleware.Before),
			stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("LockstepFence", f.ask), "Retry", middleware.After),
			stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("LockstepFenceAge", f.checkAge), "Signing",
				middleware.Before),
		)
	})
	return cfg
}

func beginCall(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
	middleware.InitializeOutput, middleware.Metadata, error,
) {
	return next.HandleInitialize(
		middleware.WithStackValue(ctx, fencedCallKey{}, &fencedCall{parameters: in.Parameters}), in)
}

// guardOf returns the guard of an operation; nil if the operation passes unasked.
func (f *Fence) guardOf(ctx context.Context) (*Guard, *fencedCall) {
	call, _ := middleware.GetStackValue(ctx, fencedCallKey{}).(*fencedCall)
	guard := f.guard.Load()
	if guard == nil || call == nil || isRead(middleware.GetOperationName(ctx)) || guard.writesLock(call.parameters) {
		return nil, nil
	}
	return guard, call
}

// writesLock reports whether the parameters are those of a write of the lock.
func (g *Guard) writesLock(parameters any) bool {
	put, ok := parameters.(*s3.PutObjectInput)
	return ok && g.LockKey != "" && aws.ToString(put.Key) == g.LockKey
}

// ask asks the guard before an attempt, unless its last answer still counts.
func (f *Fence) ask(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	out middleware.FinalizeOutput, metadata middleware.Metadata, err error,
) {
	for {
		if guard, call := f.guardOf(ctx); guard != nil && f.isStale(guard, call) {
			asked := f.time()
			if err := guard.Check(ctx); err != nil {
				return out, metadata, err
			}
			call.checkedAt = asked
		}
		out, metadata, err = next.HandleFinalize(ctx, in)
		if !errors.Is(err, errStale) {
			return out, metadata, err
		}
	}
}

// checkAge sends an attempt, unless the guard's answer no longer counts.
func (f *Fence) checkAge(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
	middleware.FinalizeOutput, middleware.Metadata, error,
) {
	if guard, call := f.guardOf(ctx); guard != nil && f.isStale(guard, call) {
		return middleware.FinalizeOutput{}, middleware.Metadata{}, errStale
	}
	return next.HandleFinalize(ctx, in)
}

// isStale reports whether the guard's last answer about a call no longer counts.
func (f *Fence) isStale(guard *Guard, call *fencedCall) bool {
	return call.checkedAt.IsZero() || f.time().Sub(call.checkedAt) > guard.Validity
}

func (f *Fence) time() time.Time {
	if f.now == nil {
		return time.Now()
	}
	return f.now()
}

// readVerbs are the first words of the operations that change nothing in an account. Detect is among them: what it
// finds is kept beside the stack. Source: the API references of the services; every other operation counts as a write.
var readVerbs = []string{"Describe", "Detect", "Estimate", "Get", "Head", "List", "Simulate", "Validate"}

// isRead reports whether an operation changes nothing, by its name.
func isRead(operation string) bool {
	return slices.ContainsFunc(readVerbs, func(verb string) bool { return strings.HasPrefix(operation, verb) })
}
