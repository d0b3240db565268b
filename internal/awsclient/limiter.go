package awsclient

import (
	"context"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"

	"lockstep/internal/awsclient/pace"
)

// A Limiter bounds the calls that all deployments of a run have under way: those to each account, because each has
// limits of its own, and all together. Both bounds shrink when AWS throttles and grow again afterwards. A nil Limiter
// bounds nothing.
type Limiter struct {
	total    *pace.Limiter
	mu       sync.Mutex
	accounts map[string]*pace.Limiter
	// clients are the HTTP clients that the deployments share, by those that they are made from.
	clients map[aws.HTTPClient]aws.HTTPClient
}

// How many calls may be under way at the beginning, and at most.
const (
	totalInitial   = 16
	totalMax       = 512
	accountInitial = 8
	accountMax     = 32
)

// NewLimiter returns a limiter for one run.
func NewLimiter() *Limiter {
	return &Limiter{
		total:    pace.New(totalInitial, totalMax),
		accounts: map[string]*pace.Limiter{},
		clients:  map[aws.HTTPClient]aws.HTTPClient{},
	}
}

// Limit returns how many calls may be under way at this moment.
func (l *Limiter) Limit() int { return l.total.Limit() }

// withRetry is the function withRetry with an HTTP client, and so connections, that all deployments share.
func (l *Limiter) withRetry(cfg aws.Config, region string) aws.Config {
	own := withRetry(cfg, region)
	if l == nil {
		return own
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if shared, ok := l.clients[cfg.HTTPClient]; ok {
		own.HTTPClient = shared
	} else {
		l.clients[cfg.HTTPClient] = own.HTTPClient
	}
	return own
}

// withLimit returns the configuration with every attempt of every call counted against an account's bound and the
// total.
func (l *Limiter) withLimit(cfg aws.Config, account string) aws.Config {
	if l == nil {
		return cfg
	}
	own := l.account(account)
	cfg = cfg.Copy()
	cfg.APIOptions = append(slices.Clip(cfg.APIOptions), func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("LockstepLimiter",
			func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
				middleware.FinalizeOutput, middleware.Metadata, error,
			) {
				if err := l.acquire(ctx, own); err != nil {
					return middleware.FinalizeOutput{}, middleware.Metadata{}, err
				}
				out, metadata, err := next.HandleFinalize(ctx, in)
				throttled := isThrottled(err)
				own.Release(throttled)
				l.total.Release(throttled)
				return out, metadata, err
			}), "Retry", middleware.After)
	})
	return cfg
}

// account returns the bound of an account.
func (l *Limiter) account(id string) *pace.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := l.accounts[id]
	if found == nil {
		found = pace.New(accountInitial, accountMax)
		l.accounts[id] = found
	}
	return found
}

// acquire waits until the account and the whole run have room for one more call.
func (l *Limiter) acquire(ctx context.Context, account *pace.Limiter) error {
	if err := account.Acquire(ctx); err != nil {
		return err
	}
	err := l.total.Acquire(ctx)
	if err != nil {
		account.Release(false)
	}
	return err
}
