package simulated

import (
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"

	"lockstep/internal/awsmodel/requests"
)

// Config returns a configuration of the AWS SDK whose caller is the root of an account. The cloud answers in memory,
// and what fails is tried again at once. A request
// that the model of its service does not take is not sent.
func (c *Cloud) Config(account, region string) aws.Config {
	cfg := Config("http://simulated.invalid", account, region)
	cfg.HTTPClient = c
	cfg.Retryer = func() aws.Retryer { return atOnce{retry.NewStandard()} }
	return requests.Validate(cfg)
}

// atOnce is a retryer without pauses.
type atOnce struct{ *retry.Standard }

// RetryDelay implements aws.Retryer.
func (atOnce) RetryDelay(int, error) (time.Duration, error) { return 0, nil }

// Do implements aws.HTTPClient. It uses no network, so that a test can run in the virtual time of testing/synctest.
func (c *Cloud) Do(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	if r.Body == nil {
		r.Body = http.NoBody
	}
	out, err := c.serve(r)
	if err != nil {
		return nil, err
	}
	out.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	out.Request = r
	return out, nil
}
