package awsclient

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// How long a call is retried. Until somebody has answered, two attempts without an answer are the end, so that a dead
// endpoint is an error within 15 s. After that, silence is a matter of time: networks change, and an operation that was
// begun goes on meanwhile. That is not so on this machine: where no process listens, such as emulated accounts that
// were killed, it is soon the end. Throttling is a matter of time too, and is retried for as long as an account with
// many stacks may need. Any other fault is retried a number of times.
const (
	maxAttempts           = 10
	firstContactTimeout   = 8 * time.Second
	silenceTimeout        = 5 * time.Minute
	localSilenceTimeout   = 15 * time.Second
	throttleTimeout       = 15 * time.Minute
	maxCredentialRenewals = 3
	// An attempt waits for an answer that long, counted from the end of its upload. One that follows a silent attempt is
	// given more time, because the first may have been slow and not dead.
	responseTimeout         = 6 * time.Second
	repeatedResponseTimeout = time.Minute
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
	met := &contact{}
	cfg.APIOptions = append(slices.Clip(cfg.APIOptions), met.addTo)
	client, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if cfg.HTTPClient == nil {
		client, ok = awshttp.NewBuildableClient(), true
	}
	if ok {
		cfg.HTTPClient = &repeatingClient{
			first: withTimeouts(client, responseTimeout), repeated: withTimeouts(client, repeatedResponseTimeout),
		}
	}
	return cfg
}

// withTimeouts returns a client that waits that long for an answer.
func withTimeouts(client *awshttp.BuildableClient, response time.Duration) *awshttp.BuildableClient {
	return client.
		WithDialerOptions(func(d *net.Dialer) { d.Timeout = responseTimeout }).
		WithTransportOptions(func(t *http.Transport) {
			t.TLSHandshakeTimeout = responseTimeout
			t.ResponseHeaderTimeout = response // counted from the end of the upload
		})
}

// A repeatingClient waits longer for the answer of a call that was not answered before.
type repeatingClient struct{ first, repeated aws.HTTPClient }

// Do implements aws.HTTPClient.
func (c *repeatingClient) Do(r *http.Request) (*http.Response, error) {
	attempts, ok := middleware.GetStackValue(r.Context(), attemptsKey{}).(*attemptCounts)
	if ok && attempts.silences > 0 && attempts.contact.isMade() {
		return c.repeated.Do(r)
	}
	return c.first.Do(r)
}

// A contact is what the clients of one configuration know of whether anybody answers. It may be used by many at once.
type contact struct {
	mu sync.Mutex
	// made says that somebody has answered a call.
	made bool
	// silentSince is when the first call since the last answer went unanswered; zero if none did.
	silentSince time.Time
}

func (c *contact) isMade() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.made
}

// answered notes an answer.
func (c *contact) answered() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.made, c.silentSince = true, time.Time{}
}

// isWorthWaiting notes that a call went unanswered whose operation began at some time, and reports whether it should be
// sent again, given how long silence is waited out.
func (c *contact) isWorthWaiting(began time.Time, timeout time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.made {
		return time.Since(began) <= firstContactTimeout
	}
	if c.silentSince.IsZero() {
		c.silentSince = time.Now()
	}
	return time.Since(c.silentSince) <= timeout
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
			if isThrottled(err) || renew != nil && (isExpiredToken(err) || isUnexplained(err)) {
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

// isUnexplained reports whether a call was refused without a reason, as S3 refuses one of the method HEAD: its answer
// has no body, so credentials that are too old look like those that lack a right.
func isUnexplained(err error) bool {
	code := ErrorCode(err)
	return code == "Forbidden" || code == "BadRequest"
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
	silences int
	contact  *contact
	// log is what the caller wants to know of the attempts; nil for nothing.
	log *attemptLog
}

// shouldRetry counts a failed attempt and reports whether another one is worth it.
func (a *attemptCounts) shouldRetry(err error, renew func()) bool {
	elapsed := time.Since(a.started)
	switch {
	case isThrottled(err):
		return elapsed < throttleTimeout
	case IsUnreachable(err) && !wasReset(err):
		a.silences++
		a.noteUnanswered()
		return a.contact.isWorthWaiting(a.started, silenceTimeoutOf(err))
	case isUnexplained(err) && renew != nil:
		if a.renewals > 0 {
			return false
		}
		a.renewals++
		renew()
		return true
	case isExpiredToken(err) && renew != nil:
		a.renewals++
		renew()
		return a.renewals <= maxCredentialRenewals
	}
	a.failures++
	a.noteUnanswered()
	return a.failures < maxAttempts
}

// noteUnanswered notes that an attempt had no answer of the service, which may have done what it was asked.
func (a *attemptCounts) noteUnanswered() {
	if a.log != nil {
		a.log.isUnanswered = true
	}
}

// silenceTimeoutOf returns how long the silence that an error is a sign of is waited out.
func silenceTimeoutOf(err error) time.Duration {
	var failed *net.OpError
	if errors.Is(err, syscall.ECONNREFUSED) && errors.As(err, &failed) {
		if address, ok := failed.Addr.(*net.TCPAddr); ok && address.IP.IsLoopback() {
			return localSilenceTimeout
		}
	}
	return silenceTimeout
}

// wasReset reports whether a connection was made and then closed by the other side. Somebody answers there, so how long
// the operation has taken, with its upload, says nothing.
func wasReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

type attemptsKey struct{}

// addTo gives each operation its counts, which all its attempts share, and notes each answer.
func (c *contact) addTo(stack *middleware.Stack) error {
	err := stack.Initialize.Add(middleware.InitializeMiddlewareFunc("LockstepAttempts",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
			middleware.InitializeOutput, middleware.Metadata, error,
		) {
			log, _ := ctx.Value(attemptLogKey{}).(*attemptLog)
			ctx = middleware.WithStackValue(ctx, attemptsKey{}, &attemptCounts{started: time.Now(), contact: c, log: log})
			return next.HandleInitialize(ctx, in)
		}), middleware.Before)
	return errors.Join(err, stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("LockstepContact",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
			middleware.DeserializeOutput, middleware.Metadata, error,
		) {
			out, metadata, err := next.HandleDeserialize(ctx, in)
			if answer, ok := out.RawResponse.(*smithyhttp.Response); ok && answer.StatusCode != 0 { // 0 is for none
				c.answered()
			}
			return out, metadata, err
		}), middleware.After))
}
