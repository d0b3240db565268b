package awsclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
	"lockstep/internal/refusal"
)

// callWith returns the error of a call whose HTTP client answers so.
func callWith(t *testing.T, answer clientFunc) error {
	t.Helper()
	_, err := NewCloudFormation(testConfig(answer)).DescribeStacks(
		t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String("s")})
	require.Error(t, err)
	return err
}

// requestError is the error of an HTTP client for a request that got no answer.
func requestError(cause error) error {
	return &url.Error{Op: "Post", URL: "https://host.invalid/?X-Amz-Signature=secret", Err: cause}
}

func dialError(errno syscall.Errno) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", errno)}
}

// A timeout is an error of net/http for a time that is over.
type timeout struct{ error }

func (timeout) Timeout() bool   { return true }
func (timeout) Temporary() bool { return true }

func TestErrors_OfTheNetworkAreUnreachable(t *testing.T) {
	printed := faulttest.Printed(t)
	for name, test := range map[string]struct {
		cause error
		want  string
	}{
		"ECONNREFUSED":    {dialError(syscall.ECONNREFUSED), "stopped answering"},
		"ECONNRESET":      {dialError(syscall.ECONNRESET), "stopped answering"},
		"bare ECONNRESET": {syscall.ECONNRESET, "stopped answering"},
		"EPIPE of a socket": {
			&net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.EPIPE)}, "stopped answering",
		},
		"ETIMEDOUT":     {dialError(syscall.ETIMEDOUT), "stopped answering"},
		"ENETUNREACH":   {dialError(syscall.ENETUNREACH), "stopped answering"},
		"EHOSTUNREACH":  {dialError(syscall.EHOSTUNREACH), "stopped answering"},
		"EADDRNOTAVAIL": {dialError(syscall.EADDRNOTAVAIL), "stopped answering"},
		"a firewall":    {dialError(syscall.EACCES), "firewall"},
		"a sandbox":     {dialError(syscall.EPERM), "sandbox"},
		"no such host": {
			&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "h"}}, "region is spelled right",
		},
		"DNS is down": {
			&net.DNSError{Err: "server misbehaving", Name: "h", IsTemporary: true}, "names can be looked up",
		},
		"unknown authority":   {&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, "AWS_CA_BUNDLE"},
		"another host":        {x509.HostnameError{Certificate: &x509.Certificate{}, Host: "h"}, "AWS_CA_BUNDLE"},
		"certificate expired": {x509.CertificateInvalidError{Reason: x509.Expired, Cert: &x509.Certificate{}}, "clock"},
		"no TLS record": {
			tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, "AWS_CA_BUNDLE",
		},
		"HTTP in place of TLS": {
			http.ErrSchemeMismatch, "speaks no TLS",
		},
		"time-out of an answer": {timeout{errors.New("net/http: timeout awaiting response headers")}, "stopped answering"},
		"time-out of TLS":       {timeout{errors.New("net/http: TLS handshake timeout")}, "stopped answering"},
		"deadline":              {context.DeadlineExceeded, "stopped answering"},
		"EOF":                   {io.EOF, "broke off"},
		"unexpected EOF":        {io.ErrUnexpectedEOF, "broke off"},
		"idle connection":       {errors.New("http: server closed idle connection"), "stopped answering"},
		"no HTTP":               {errors.New(`malformed HTTP response "SSH-2.0"`), "stopped answering"},
		"proxy is down": {
			&net.OpError{Op: "proxyconnect", Net: "tcp", Err: dialError(syscall.ECONNREFUSED)}, "HTTPS_PROXY",
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := callWith(t, func(*http.Request) (*http.Response, error) { return nil, requestError(test.cause) })
			assert.True(t, IsUnreachable(err), "%v", err)
			assert.ErrorContains(t, printed.Error(err), test.want)
			assert.NotContains(t, err.Error(), "secret")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestErrors_OfThisMachineAreNotUnreachable(t *testing.T) {
	printed := faulttest.Printed(t)
	for errno, want := range map[syscall.Errno]string{
		syscall.ENOENT:       "see that it exists",
		syscall.EACCES:       "change its owner or mode",
		syscall.EPERM:        "change its owner or mode",
		syscall.ENOSPC:       "the disk that holds /disk is full: make room there",
		syscall.EDQUOT:       "the disk that holds /disk is full: make room there",
		syscall.EMFILE:       "ulimit -n",
		syscall.ENFILE:       "too many open files",
		syscall.ELOOP:        "circle",
		syscall.EISDIR:       "a folder where a file is expected",
		syscall.ENOTDIR:      "a file where a folder is expected",
		syscall.EROFS:        "read-only",
		syscall.EPIPE:        "whoever read the output has ended",
		syscall.EIO:          "the disk could not be read",
		syscall.ENAMETOOLONG: "too long",
	} {
		t.Run(errno.Error(), func(t *testing.T) {
			file := &fs.PathError{Op: "open", Path: "/disk/file", Err: errno}
			for kind, err := range map[string]error{
				"alone":            file,
				"with its asset":   fmt.Errorf("asset a: %w", file),
				"as of a link":     &os.LinkError{Op: "rename", Old: "/tmp/a", New: "/disk/file", Err: errno},
				"during an upload": requestError(file),
			} {
				assert.False(t, IsUnreachable(err), kind)
				assert.False(t, IsUnreachable(Wrap(err)), kind)
				assert.ErrorContains(t, printed.Error(Wrap(err)), want, kind)
				assert.NotContains(t, Wrap(err).Error(), "endpoint", kind)
				assert.ErrorIs(t, printed.Error(Wrap(err)), errno, kind)
			}
			err := callWith(t, func(*http.Request) (*http.Response, error) { return nil, requestError(file) })
			assert.False(t, IsUnreachable(err))
			assert.ErrorContains(t, printed.Error(err), want)
		})
	}
	t.Run("no descriptor is left for a socket", func(t *testing.T) {
		cause := &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", syscall.EMFILE)}
		err := callWith(t, func(*http.Request) (*http.Response, error) { return nil, requestError(cause) })
		assert.False(t, IsUnreachable(err))
		assert.ErrorContains(t, printed.Error(err), "ulimit -n")
	})
}

func TestErrors_OfNoCallAreNotUnreachable(t *testing.T) {
	for _, err := range []error{
		nil, io.EOF, io.ErrUnexpectedEOF, context.Canceled, context.DeadlineExceeded, errors.New("other"),
		requestError(errors.New("unsupported protocol scheme")), requestError(context.Canceled),
	} {
		assert.False(t, IsUnreachable(err), "%v", err)
	}
	assert.True(t, IsUnreachable(WrapRead(io.ErrUnexpectedEOF)), "the body of an answer was cut off")
}

func TestErrors_OfRequestsThatCannotBeSent(t *testing.T) {
	printed := faulttest.Printed(t)
	for name, test := range map[string]struct{ cause, want string }{
		"access key with a line break": {
			`net/http: invalid header field value for "Authorization"`, "set AWS_ACCESS_KEY_ID again",
		},
		"session token with a line break": {
			`net/http: invalid header field value for "X-Amz-Security-Token"`, "set AWS_SESSION_TOKEN again",
		},
		"proxy asks for a password": {"Proxy Authentication Required", "HTTPS_PROXY"},
		"proxy forbids":             {"Forbidden", "HTTPS_PROXY"},
		"proxy has no way":          {"Bad Gateway", "HTTPS_PROXY"},
	} {
		t.Run(name, func(t *testing.T) {
			err := callWith(t, func(*http.Request) (*http.Response, error) {
				return nil, requestError(errors.New(test.cause))
			})
			assert.False(t, IsUnreachable(err))
			assert.ErrorContains(t, printed.Error(err), test.want)
			assert.NotContains(t, err.Error(), "stopped answering")
			assert.NotContains(t, err.Error(), "secret")
		})
	}
}

func TestErrors_OfAWSSayWhatToDo(t *testing.T) {
	printed := faulttest.Printed(t)
	for name, test := range map[string]struct {
		status              int
		code, message, want string
	}{
		"clock":              {403, "RequestTimeTooSkewed", "The difference is too large.", "clock is wrong"},
		"clock of a query":   {403, "SignatureDoesNotMatch", "Signature expired: 2020 is now earlier", "clock is wrong"},
		"clock ahead":        {403, "InvalidSignatureException", "Signature not yet current: 2030", "clock is wrong"},
		"secret":             {403, "SignatureDoesNotMatch", "The signature does not match.", "AWS_SECRET_ACCESS_KEY"},
		"expired":            {403, "ExpiredToken", "The token has expired.", "sign in again"},
		"expired elsewhere":  {400, "ExpiredTokenException", "The token has expired.", "sign in again"},
		"unknown key":        {403, "InvalidClientTokenId", "The token is invalid.", "does not know the access key"},
		"unknown key of S3":  {403, "InvalidAccessKeyId", "It does not exist.", "does not know the access key"},
		"region not enabled": {403, "OptInRequired", "Not subscribed.", "enable it"},
		"another region":     {400, "AuthorizationHeaderMalformed", "expecting eu-west-1", "another region"},
		"throttled":          {400, "Throttling", "Rate exceeded", "later"},
		"too many requests":  {429, "TooManyRequestsException", "", "later"},
		"slow down":          {503, "SlowDown", "Reduce the rate.", "later"},
		"internal":           {500, "InternalFailure", "", "AWS has a fault"},
		"unavailable":        {503, "ServiceUnavailable", "", "AWS has a fault"},
		"bad gateway":        {502, "Whatever", "", "AWS has a fault"},
		"denied":             {403, "AccessDenied", "not authorized to perform x", "not authorized to perform x"},
	} {
		t.Run(name, func(t *testing.T) {
			err := callWith(t, func(*http.Request) (*http.Response, error) {
				body := fmt.Sprintf("<ErrorResponse><Error><Code>%s</Code><Message>%s</Message></Error></ErrorResponse>",
					test.code, test.message)
				return &http.Response{
					StatusCode: test.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)),
				}, nil
			})
			assert.ErrorContains(t, printed.Error(err), "DescribeStacks: "+test.code)
			assert.ErrorContains(t, printed.Error(err), test.want)
			assert.False(t, IsUnreachable(err))
			var refused *refusal.Error
			assert.NotErrorAs(t, err, &refused)
		})
	}
}

func TestErrors_WithoutARegion(t *testing.T) {
	printed := faulttest.Printed(t)
	cfg := testConfig(clientFunc(func(*http.Request) (*http.Response, error) { return nil, errors.New("not called") }))
	cfg.Region = ""
	_, err := NewCloudFormation(cfg).DescribeStacks(
		t.Context(), &cloudformation.DescribeStacksInput{StackName: aws.String("s")})
	assert.ErrorContains(t, printed.Error(err), "set AWS_REGION")
}
