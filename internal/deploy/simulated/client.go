package simulated

import (
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// Config returns a configuration of the AWS SDK whose caller is the root of an account. The cloud answers in memory.
func (c *Cloud) Config(account, region string) aws.Config {
	cfg := Config("http://simulated.invalid", account, region)
	cfg.HTTPClient = c
	return cfg
}

// Do implements aws.HTTPClient. It uses no network, so that a test can run in the virtual time of testing/synctest.
func (c *Cloud) Do(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	c.ServeHTTP(w, r)
	out := w.Result()
	out.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	out.Request = r
	return out, nil
}
