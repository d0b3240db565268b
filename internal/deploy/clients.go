package deploy

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"

	"lockstep/internal/deploy/pace"
)

// How long calls are tried again. Two attempts that go unanswered are the end: within 15 s a dead endpoint is an error. Other faults are tried again
// a number of times, and throttling, which is only a matter of time, for as long as an account with many stacks may need.
const (
	attempts     = 10
	answerWithin = 6 * time.Second
	silenceLimit = 8 * time.Second
	throttleFor  = 15 * time.Minute
	renewals     = 3
	// longestWait is the longest pause between two attempts.
	longestWait = 5 * time.Second
)

// patient returns the configuration with our retries and time limits, whatever its origin.
func patient(cfg aws.Config, region string) aws.Config {
	cfg = cfg.Copy()
	cfg.Region = region
	cfg.Retryer = func() aws.Retryer { return newPatience(nil) }
	cfg.APIOptions = append(slices.Clip(cfg.APIOptions), noteStart)
	client, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if cfg.HTTPClient == nil {
		client, ok = awshttp.NewBuildableClient(), true
	}
	if ok {
		cfg.HTTPClient = client.
			WithDialerOptions(func(d *net.Dialer) { d.Timeout = answerWithin }).
			WithTransportOptions(func(t *http.Transport) {
				t.TLSHandshakeTimeout = answerWithin
				t.ResponseHeaderTimeout = answerWithin // counted from the end of the upload
			})
	}
	return cfg
}

// patience is the SDK's standard retryer, but for how long each kind of fault is tried again, and for credentials that have expired: those are
// thrown away, so that the next attempt gets new ones.
type patience struct {
	*retry.Standard
	renew func()
}

func newPatience(renew func()) aws.Retryer {
	return patience{retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxBackoff = longestWait
		o.RateLimiter = ratelimit.None
		o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			if throttled(err) || renew != nil && expired(err) {
				return aws.TrueTernary
			}
			return aws.UnknownTernary
		}))
	}), renew}
}

// MaxAttempts implements aws.Retryer: there is no number, GetRetryToken decides.
func (patience) MaxAttempts() int { return 0 }

var throttles = retry.IsErrorThrottles(retry.DefaultThrottles)

// throttled says whether a call was refused because there are too many, by AWS's codes for that or by HTTP's.
func throttled(err error) bool {
	var answer interface{ HTTPStatusCode() int }
	return throttles.IsErrorThrottle(err).Bool() || errors.As(err, &answer) && answer.HTTPStatusCode() == http.StatusTooManyRequests
}

// expired says whether a call was refused because its credentials are too old, or are not known any more.
func expired(err error) bool {
	switch code(err) {
	case "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClientException":
		return true
	}
	return false
}

// GetRetryToken implements aws.Retryer.
func (r patience) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	tries, ok := middleware.GetStackValue(ctx, triesKey{}).(*tries)
	if !ok {
		return nil, err
	}
	if !tries.again(err, r.renew) {
		return nil, err
	}
	return r.Standard.GetRetryToken(ctx, err)
}

// tries counts the attempts of one operation by what was wrong with them.
type tries struct {
	began           time.Time
	failed, renewed int
}

// again says whether one more attempt is worth it.
func (t *tries) again(err error, renew func()) bool {
	since := time.Since(t.began)
	switch {
	case throttled(err):
		return since < throttleFor
	case silent(err):
		return since <= silenceLimit
	case expired(err) && renew != nil:
		t.renewed++
		renew()
		return t.renewed <= renewals
	}
	t.failed++
	return t.failed < attempts
}

type triesKey struct{}

// noteStart remembers when an operation began, its retries included.
func noteStart(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("LockstepStart",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
			middleware.InitializeOutput, middleware.Metadata, error,
		) {
			return next.HandleInitialize(middleware.WithStackValue(ctx, triesKey{}, &tries{began: time.Now()}), in)
		}), middleware.Before)
}

// A Pacer holds the calls of all deployments of a run to what AWS bears: all together, and those to each account, whose limits are its own. Where too
// many are refused it slows down, and then speeds up again.
type Pacer struct {
	all      *pace.Pace
	mu       sync.Mutex
	accounts map[string]*pace.Pace
	// clients are the HTTP clients that the deployments share, by those that they are made of.
	clients map[aws.HTTPClient]aws.HTTPClient
}

// How many calls are under way at once at the beginning, and at most.
const (
	allBegin, allMost         = 16, 512
	accountBegin, accountMost = 8, 32
)

// NewPacer is a pacer that has yet to find out.
func NewPacer() *Pacer {
	return &Pacer{all: pace.New(allBegin, allMost), accounts: map[string]*pace.Pace{}, clients: map[aws.HTTPClient]aws.HTTPClient{}}
}

// patient is patient with an HTTP client, and so connections, that all deployments share.
func (p *Pacer) patient(cfg aws.Config, region string) aws.Config {
	own := patient(cfg, region)
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

func (p *Pacer) account(id string) *pace.Pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := p.accounts[id]
	if found == nil {
		found = pace.New(accountBegin, accountMost)
		p.accounts[id] = found
	}
	return found
}

// Limit is how many calls may be under way at this moment.
func (p *Pacer) Limit() int { return p.all.Limit() }

// around is the configuration with every attempt of every call held to the pace of an account.
func (p *Pacer) around(cfg aws.Config, account string) aws.Config {
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
				own.Leave(throttled(err))
				p.all.Leave(throttled(err))
				return out, metadata, err
			}), "Retry", middleware.After)
	})
	return cfg
}

func (p *Pacer) enter(ctx context.Context, own *pace.Pace) error {
	if err := own.Enter(ctx); err != nil {
		return err
	}
	err := p.all.Enter(ctx)
	if err != nil {
		own.Leave(false)
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
