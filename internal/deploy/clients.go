package deploy

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"lockstep/internal/awsclient/pace"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
)

// How long calls are tried again. Two attempts that go unanswered are the end: within 15 s a dead endpoint is an error. Other faults are tried again
// a number of times, and throttling, which is only a matter of time, for as long as an account with many stacks may need.
const (
	maxAttempts           = 10
	responseTimeout       = 6 * time.Second
	unreachableTimeout    = 8 * time.Second
	throttleTimeout       = 15 * time.Minute
	maxCredentialRenewals = 3
	// maxRetryBackoff is the longest pause between two attempts.
	maxRetryBackoff = 5 * time.Second
)

// withRetry returns the configuration with our retries and time limits, whatever its origin.
func withRetry(cfg aws.Config, region string) aws.Config {
	cfg = cfg.Copy()
	cfg.Region = region
	cfg.Retryer = func() aws.Retryer { return newRetryer(nil) }
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

// retryer is the SDK's standard retryer, but for how long each kind of fault is tried again, and for credentials that have expired: those are
// thrown away, so that the next attempt gets new ones.
type retryer struct {
	*retry.Standard
	renew func()
}

func newRetryer(renew func()) aws.Retryer {
	return retryer{retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxBackoff = maxRetryBackoff
		o.RateLimiter = ratelimit.None
		o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			if isThrottled(err) || renew != nil && isExpiredToken(err) {
				return aws.TrueTernary
			}
			return aws.UnknownTernary
		}))
	}), renew}
}

// MaxAttempts implements aws.Retryer: there is no number, GetRetryToken decides.
func (retryer) MaxAttempts() int { return 0 }

var throttleErrors = retry.IsErrorThrottles(retry.DefaultThrottles)

// isThrottled says whether a call was refused because there are too many, by AWS's codes for that or by HTTP's.
func isThrottled(err error) bool {
	var answer interface{ HTTPStatusCode() int }
	return throttleErrors.IsErrorThrottle(err).Bool() || errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusTooManyRequests
}

// isExpiredToken says whether a call was refused because its credentials are too old, or are not known any more.
func isExpiredToken(err error) bool {
	switch errorCode(err) {
	case "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClientException":
		return true
	}
	return false
}

// GetRetryToken implements aws.Retryer.
func (r retryer) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	tries, ok := middleware.GetStackValue(ctx, attemptsKey{}).(*attemptCounts)
	if !ok {
		return nil, err
	}
	if !tries.shouldRetry(err, r.renew) {
		return nil, err
	}
	return r.Standard.GetRetryToken(ctx, err)
}

// attemptCounts counts the attempts of one operation by what was wrong with them.
type attemptCounts struct {
	started            time.Time
	failures, renewals int
}

// shouldRetry says whether one more attempt is worth it.
func (t *attemptCounts) shouldRetry(err error, renew func()) bool {
	since := time.Since(t.started)
	switch {
	case isThrottled(err):
		return since < throttleTimeout
	case isUnreachable(err):
		return since <= unreachableTimeout
	case isExpiredToken(err) && renew != nil:
		t.renewals++
		renew()
		return t.renewals <= maxCredentialRenewals
	}
	t.failures++
	return t.failures < maxAttempts
}

type attemptsKey struct{}

// addAttemptCounts remembers when an operation began, its retries included.
func addAttemptCounts(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("LockstepStart",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
			middleware.InitializeOutput, middleware.Metadata, error,
		) {
			return next.HandleInitialize(middleware.WithStackValue(ctx, attemptsKey{}, &attemptCounts{started: time.Now()}), in)
		}), middleware.Before)
}

// A Limiter holds the calls of all deployments of a run to what AWS bears: all together, and those to each account, whose limits are its own. Where too
// many are refused it slows down, and then speeds up again.
type Limiter struct {
	total    *pace.Limiter
	mu       sync.Mutex
	accounts map[string]*pace.Limiter
	// clients are the HTTP clients that the deployments share, by those that they are made of.
	clients map[aws.HTTPClient]aws.HTTPClient
}

// How many calls are under way at once at the beginning, and at most.
const (
	totalInitial, totalMax     = 16, 512
	accountInitial, accountMax = 8, 32
)

// NewLimiter is a pacer that has yet to find out.
func NewLimiter() *Limiter {
	return &Limiter{total: pace.New(totalInitial, totalMax), accounts: map[string]*pace.Limiter{}, clients: map[aws.HTTPClient]aws.HTTPClient{}}
}

// withRetry is patient with an HTTP client, and so connections, that all deployments share.
func (p *Limiter) withRetry(cfg aws.Config, region string) aws.Config {
	own := withRetry(cfg, region)
	if p == nil {
		return own
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if shared, ok := p.clients[cfg.HTTPClient]; ok {
		own.HTTPClient = shared
	} else {
		p.clients[cfg.HTTPClient] = own.HTTPClient
	}
	return own
}

func (p *Limiter) account(id string) *pace.Limiter {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.accounts[id]
	if found == nil {
		found = pace.New(accountInitial, accountMax)
		p.accounts[id] = found
	}
	return found
}

// Limit is how many calls may be under way at this moment.
func (p *Limiter) Limit() int { return p.total.Limit() }

// withLimit is the configuration with every attempt of every call held to the pace of an account.
func (p *Limiter) withLimit(cfg aws.Config, account string) aws.Config {
	if p == nil {
		return cfg
	}
	own := p.account(account)
	cfg = cfg.Copy()
	cfg.APIOptions = append(slices.Clip(cfg.APIOptions), func(stack *middleware.Stack) error {
		return stack.Finalize.Insert(middleware.FinalizeMiddlewareFunc("LockstepPace",
			func(ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler) (
				middleware.FinalizeOutput, middleware.Metadata, error,
			) {
				if err := p.enter(ctx, own); err != nil {
					return middleware.FinalizeOutput{}, middleware.Metadata{}, err
				}
				out, metadata, err := next.HandleFinalize(ctx, in)
				own.Release(isThrottled(err))
				p.total.Release(isThrottled(err))
				return out, metadata, err
			}), "Retry", middleware.After)
	})
	return cfg
}

func (p *Limiter) enter(ctx context.Context, own *pace.Limiter) error {
	if err := own.Acquire(ctx); err != nil {
		return err
	}
	err := p.total.Acquire(ctx)
	if err != nil {
		own.Release(false)
	}
	return err
}

func stsClient(cfg aws.Config) *sts.Client { return sts.NewFromConfig(cfg) }
func ssmClient(cfg aws.Config) *ssm.Client { return ssm.NewFromConfig(cfg) }
func cloudFormationClient(cfg aws.Config) *cloudformation.Client {
	return cloudformation.NewFromConfig(cfg)
}

// s3Client addresses buckets by path at a custom endpoint, whose certificate and name do not cover a host per bucket. The
// SDK sets BaseEndpoint before these options from the configuration, AWS_ENDPOINT_URL_S3, or the shared configuration file.
func s3Client(cfg aws.Config) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = o.BaseEndpoint != nil })
}
