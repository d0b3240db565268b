package awsclient

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go/middleware"
)

// How long a call is retried. Two attempts without an answer are the end, so that a dead endpoint is an error within 15
// s. Throttling is a matter of time, so it is retried for as long as an account with many stacks may need. Any other
// fault is retried a number of times.
const (
	maxAttempts           = 10
	responseTimeout       = 6 * time.Second
	unreachableTimeout    = 8 * time.Second
	throttleTimeout       = 15 * time.Minute
	maxCredentialRenewals = 3
	// maxRetryBackoff is the longest pause between two attempts.
	maxRetryBackoff = 5 * time.Second
)

// withRetry returns the configuration with a region, our retries and our time limits. A retryer that it has decides how
// long the pauses between two attempts are, and no more.
func withRetry(cfg aws.Config, region string) aws.Config {
	cfg = cfg.Copy()
	cfg.Region = region
	delays := cfg.Retryer
	renew := renewalOf(cfg.Credentials)
	cfg.Retryer = func() aws.Retryer { return newRetryer(renew, delays) }
	cfg.APIOptions = append(slices.Clip(cfg.APIOptions), addAttemptCounts)
	client, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if cfg.HTTPClient == nil {
		client, ok = awshttp.NewBuildableClient(), true
	}
	if ok {
		cfg.HTTPClient = client.
			WithDialerOptions(func(d *net.Dialer) { d.Timeout = responseTimeout }).
			WithTransportOptions(func(t *http.Transport) {
				t.TLSHandshakeTimeout = responseTimeout
				t.ResponseHeaderTimeout = responseTimeout // counted from the end of the upload
			})
	}
	return cfg
}

// A retryer is the SDK's standard retryer with our own limits for each kind of fault. It renews credentials that have
// expired.
type retryer struct {
	*retry.Standard
	renew func() // discards the credentials; nil where they cannot be renewed
	// delays is the retryer that decides the pauses; nil for Standard.
	delays aws.Retryer
}

// newRetryer returns a retryer. Its pauses are those of what delays returns, unless that is nil.
func newRetryer(renew func(), delays func() aws.Retryer) aws.Retryer {
	var other aws.Retryer
	if delays != nil {
		other = delays()
	}
	return retryer{retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxBackoff = maxRetryBackoff
		o.RateLimiter = ratelimit.None
		o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			if isThrottled(err) || renew != nil && isExpiredToken(err) {
				return aws.TrueTernary
			}
			return aws.UnknownTernary
		}))
	}), renew, other}
}

// RetryDelay implements aws.Retryer.
func (r retryer) RetryDelay(attempt int, err error) (time.Duration, error) {
	if r.delays != nil {
		return r.delays.RetryDelay(attempt, err)
	}
	return r.Standard.RetryDelay(attempt, err)
}

// MaxAttempts implements aws.Retryer. It returns 0, for no limit: GetRetryToken decides.
func (retryer) MaxAttempts() int { return 0 }

// isThrottled reports whether a call was refused because there are too many, by AWS's codes for that or by HTTP's.
func isThrottled(err error) bool {
	var answer interface{ HTTPStatusCode() int }
	return retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err).Bool() ||
		errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusTooManyRequests
}

// isExpiredToken reports whether a call was refused because its credentials are too old, or not known any more.
func isExpiredToken(err error) bool {
	switch ErrorCode(err) {
	case "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "InvalidAccessKeyId",
		"UnrecognizedClientException":
		return true
	}
	return false
}

// GetRetryToken implements aws.Retryer.
func (r retryer) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	attempts, ok := middleware.GetStackValue(ctx, attemptsKey{}).(*attemptCounts)
	if !ok || !attempts.shouldRetry(err, r.renew) {
		return nil, err
	}
	return r.Standard.GetRetryToken(ctx, err)
}

// attemptCounts counts the failed attempts of one operation by their kind.
type attemptCounts struct {
	started  time.Time
	failures int
	renewals int
}

// shouldRetry counts a failed attempt and reports whether another one is worth it.
func (a *attemptCounts) shouldRetry(err error, renew func()) bool {
	elapsed := time.Since(a.started)
	switch {
	case isThrottled(err):
		return elapsed < throttleTimeout
	case IsUnreachable(err) && !wasReset(err):
		return elapsed <= unreachableTimeout
	case isExpiredToken(err) && renew != nil:
		a.renewals++
		renew()
		return a.renewals <= maxCredentialRenewals
	}
	a.failures++
	return a.failures < maxAttempts
}

// wasReset reports whether a connection was made and then closed by the other side. Somebody answers there, so how long
// the operation has taken, with its upload, says nothing.
func wasReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

type attemptsKey struct{}

// addAttemptCounts gives each operation its counts, which all its attempts share.
func addAttemptCounts(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("LockstepAttempts",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
			middleware.InitializeOutput, middleware.Metadata, error,
		) {
			ctx = middleware.WithStackValue(ctx, attemptsKey{}, &attemptCounts{started: time.Now()})
			return next.HandleInitialize(ctx, in)
		}), middleware.Before)
}
