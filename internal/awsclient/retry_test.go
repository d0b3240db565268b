package awsclient

import (
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
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
			attempts := &attemptCounts{started: time.Now().Add(-time.Minute)}
			assert.Equal(t, test.want, attempts.shouldRetry(test.err, nil))
		})
	}
	t.Run("but not for ever", func(t *testing.T) {
		attempts := &attemptCounts{started: time.Now()}
		retried := 0
		for attempts.shouldRetry(network(syscall.ECONNRESET), nil) {
			retried++
		}
		assert.Equal(t, maxAttempts-1, retried)
		assert.False(t, attempts.shouldRetry(errors.New("anything else"), nil))
	})
}
