package awsclient

import (
	"context"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"
)

// A Fence stands before every write of a client. AWS knows nothing of the run's lock, so the fence asks whether the run
// still holds it. The zero Fence lets every call pass.
type Fence struct {
	check atomic.Pointer[func(context.Context) error]
}

// Set makes every further write call check first; the write is not sent if that fails. A nil check lets every call pass
// again.
func (f *Fence) Set(check func(context.Context) error) {
	if check == nil {
		f.check.Store(nil)
		return
	}
	f.check.Store(&check)
}

// middleware returns the configuration with the fence, unless that is nil. It stands outside the retries: they are the
// same write.
func (f *Fence) middleware(cfg aws.Config) aws.Config {
	if f == nil {
		return cfg
	}
	cfg = cfg.Copy()
	cfg.APIOptions = append(slices.Clip(cfg.APIOptions), func(stack *middleware.Stack) error {
		return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("LockstepFence", f.handle), middleware.After)
	})
	return cfg
}

func (f *Fence) handle(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
	middleware.InitializeOutput, middleware.Metadata, error,
) {
	if check := f.check.Load(); check != nil && !isRead(middleware.GetOperationName(ctx)) {
		if err := (*check)(ctx); err != nil {
			return middleware.InitializeOutput{}, middleware.Metadata{}, err
		}
	}
	return next.HandleInitialize(ctx, in)
}

// readVerbs are the first words of the operations that change nothing in an account. Detect is among them: what it
// finds is kept beside the stack. Source: the API references of the services; every other operation counts as a write.
var readVerbs = []string{"Describe", "Detect", "Estimate", "Get", "Head", "List", "Validate"}

// isRead reports whether an operation changes nothing, by its name.
func isRead(operation string) bool {
	return slices.ContainsFunc(readVerbs, func(verb string) bool { return strings.HasPrefix(operation, verb) })
}
