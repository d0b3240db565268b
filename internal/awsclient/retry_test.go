package awsclient

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRetry_ResetConnectionIsRetriedHoweverLongTheOperationTakes(t *testing.T) {
	request := func(cause error) error {
		return &url.Error{Op: "Post", URL: "https://cloudformation.eu-west-1.amazonaws.com", Err: cause}
	}
	network := func(cause error) error { return request(&net.OpError{Op: "read", Net: "tcp", Err: cause}) }
	for name, test := range map[string]struct {
		err  error
		want bool
	}{
		"a reset connection":             {network(syscall.ECONNRESET), true},
		"a connection closed on writing": {network(syscall.EPIPE), true},
		"an answer that ends":            {request(io.ErrUnexpectedEOF), true},
		"no answer at all":               {request(io.EOF), true},
		"a refused connection":           {network(syscall.ECONNREFUSED), false},
		"no route":                       {network(syscall.EHOSTUNREACH), false},
		"silence":                        {request(context.DeadlineExceeded), false},
	} {
		t.Run(name, func(t *testing.T) {
			attempts := &attemptCounts{started: time.Now().Add(-time.Minute), contact: &contact{}}
			assert.Equal(t, test.want, attempts.shouldRetry(test.err, nil))
		})
	}
	t.Run("but not for ever", func(t *testing.T) {
		attempts := &attemptCounts{started: time.Now(), contact: &contact{}}
		retried := 0
		for attempts.shouldRetry(network(syscall.ECONNRESET), nil) {
			retried++
		}
		assert.Equal(t, maxAttempts-1, retried)
		assert.False(t, attempts.shouldRetry(errors.New("anything else"), nil))
	})
}

// A network is an endpoint that answers at some times and is silent at others, counted from the first call.
type network struct {
	began    time.Time
	isSilent func(since time.Duration) bool
	// upload is how long it takes to send a request.
	upload time.Duration
	// refused is the address at which nobody listens while it is silent; nil for one that does not answer.
	refused net.IP
	calls   int
}

// Do implements aws.HTTPClient.
func (n *network) Do(r *http.Request) (*http.Response, error) {
	if n.calls++; n.began.IsZero() {
		n.began = time.Now()
	}
	time.Sleep(n.upload) // as all pauses here, in the time of synctest
	if n.isSilent(time.Since(n.began)) {
		if n.refused != nil {
			return nil, &url.Error{Op: "Post", URL: r.URL.String(), Err: &net.OpError{
				Op: "dial", Net: "tcp", Addr: &net.TCPAddr{IP: n.refused, Port: 443}, Err: syscall.ECONNREFUSED,
			}}
		}
		time.Sleep(responseTimeout)
		return nil, &url.Error{Op: "Post", URL: r.URL.String(), Err: context.DeadlineExceeded}
	}
	const body = `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>a</Arn><Account>123456789012</Account>` +
		`</GetCallerIdentityResult></GetCallerIdentityResponse>`
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/xml"}}, Request: r,
		Body: io.NopCloser(bytes.NewReader([]byte(body))),
	}, nil
}

// Silence is counted from the last answer, so that a run outlives a change of networks, and a dead endpoint is known at
// once.
func TestAWS_C1_SilenceCountsSinceTheLastAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		before, silence time.Duration // since the first call
		upload          time.Duration
		ok              bool
		least, most     time.Duration
	}{
		"nobody has ever answered":  {0, time.Hour, 0, false, 0, 15 * time.Second},
		"silence for half a minute": {time.Minute, 30 * time.Second, 0, true, 30 * time.Second, time.Minute},
		"silence for four minutes":  {time.Minute, 4 * time.Minute, 0, true, 4 * time.Minute, 5 * time.Minute},
		"silence for ever":          {time.Minute, time.Hour, 0, false, 5 * time.Minute, 6 * time.Minute},
		"silence in a long upload": {
			time.Minute, 30 * time.Second, 20 * time.Second, true, 30 * time.Second, 2 * time.Minute,
		},
		"silence long after the contact": {10 * time.Hour, time.Minute, 0, true, time.Minute, 2 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{isSilent: func(since time.Duration) bool {
					return since >= test.before && since < test.before+test.silence
				}}
				cfg := withRetry(aws.Config{
					Region: "eu-west-1", HTTPClient: n, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
				}, "eu-west-1")
				client := NewSTS(cfg)
				if test.before > 0 {
					_, err := client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
					require.NoError(t, err)
					time.Sleep(test.before)
				}
				n.upload = test.upload
				began := time.Now()
				_, err := client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
				assert.Equal(t, test.ok, err == nil, "%v", err)
				assert.GreaterOrEqual(t, time.Since(began), test.least)
				assert.LessOrEqual(t, time.Since(began), test.most)
			})
		})
	}
}

// Where no process of this machine listens any more, as after emulated accounts were killed, there is no network that
// could come back.
func TestRetry_NobodyListensOnThisMachine(t *testing.T) {
	for name, test := range map[string]struct {
		address     net.IP
		least, most time.Duration
	}{
		"on this machine": {net.IPv4(127, 0, 0, 1), 10 * time.Second, 30 * time.Second},
		"elsewhere":       {net.IPv4(192, 0, 2, 1), 5 * time.Minute, 6 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := &network{refused: test.address, isSilent: func(since time.Duration) bool { return since >= time.Minute }}
				client := NewSTS(withRetry(aws.Config{
					Region: "eu-west-1", HTTPClient: n, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
				}, "eu-west-1"))
				_, err := client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
				require.NoError(t, err)
				time.Sleep(time.Minute)
				began := time.Now()
				_, err = client.GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
				require.Error(t, err)
				assert.GreaterOrEqual(t, time.Since(began), test.least)
				assert.LessOrEqual(t, time.Since(began), test.most)
			})
		})
	}
}

// A call that was slow and not dead is given more time when it is sent again.
func TestAWS_C1_RepeatedCallWaitsLonger(t *testing.T) {
	cfg := withRetry(aws.Config{}, "eu-west-1")
	client, ok := cfg.HTTPClient.(*repeatingClient)
	require.True(t, ok)
	timeout := func(c aws.HTTPClient) time.Duration {
		return c.(interface{ GetTransport() *http.Transport }).GetTransport().ResponseHeaderTimeout
	}
	assert.Equal(t, responseTimeout, timeout(client.first))
	assert.Equal(t, repeatedResponseTimeout, timeout(client.repeated))
}

// S3 answers a HEAD request without a body, so that expired credentials look like a right that is missing.
func TestRetry_HeadRequestWithExpiredCredentialsIsSentAgainOnce(t *testing.T) {
	renewed := 0
	attempts := &attemptCounts{started: time.Now(), contact: &contact{}}
	for _, code := range []string{"Forbidden", "BadRequest"} {
		refused := &smithy.GenericAPIError{Code: code}
		attempts.renewals = 0
		assert.True(t, attempts.shouldRetry(refused, func() { renewed++ }), code)
		assert.False(t, attempts.shouldRetry(refused, func() { renewed++ }), "the right is missing: "+code)
		assert.True(t, newRetryer(func() {}, nil).IsErrorRetryable(refused), code)
		assert.False(t, newRetryer(nil, nil).IsErrorRetryable(refused), "nobody renews these: "+code)
	}
	assert.Equal(t, 2, renewed)
}
