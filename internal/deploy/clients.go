package deploy

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
)

// Two attempts that go unanswered are the end: within 15 s a dead endpoint is an error. Throttling is another matter and
// is retried attempts times, which is what an account with many stacks needs.
const (
	attempts     = 10
	answerWithin = 6 * time.Second
	silenceLimit = 8 * time.Second
)

// patient returns the configuration with our retries and time limits, whatever its origin.
func patient(cfg aws.Config, region string) aws.Config {
	cfg = cfg.Copy()
	cfg.Region = region
	cfg.Retryer = func() aws.Retryer {
		return impatientWithSilence{retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = attempts
			o.MaxBackoff = 5 * time.Second
		})}
	}
	cfg.APIOptions = append(cfg.APIOptions[:len(cfg.APIOptions):len(cfg.APIOptions)], noteStart)
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

// impatientWithSilence is the SDK's standard retryer, but for endpoints that do not answer at all.
type impatientWithSilence struct{ *retry.Standard }

// GetRetryToken implements aws.Retryer.
func (r impatientWithSilence) GetRetryToken(ctx context.Context, err error) (func(error) error, error) {
	if began, ok := middleware.GetStackValue(ctx, startKey{}).(time.Time); ok && silent(err) && time.Since(began) > silenceLimit {
		return nil, err
	}
	return r.Standard.GetRetryToken(ctx, err)
}

type startKey struct{}

// noteStart remembers when an operation began, its retries included.
func noteStart(stack *middleware.Stack) error {
	return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("LockstepStart",
		func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
			middleware.InitializeOutput, middleware.Metadata, error,
		) {
			return next.HandleInitialize(middleware.WithStackValue(ctx, startKey{}, time.Now()), in)
		}), middleware.Before)
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
