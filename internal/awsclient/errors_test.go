package awsclient

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
)

// clientFunc adapts a function to an HTTP client.
type clientFunc func(*http.Request) (*http.Response, error)

func (f clientFunc) Do(r *http.Request) (*http.Response, error) { return f(r) }

func TestClients_ErrorsAreOneLine(t *testing.T) {
	printed := faulttest.Printed(t)
	for name, c := range map[string]struct {
		answer clientFunc
		want   string
		code   string
	}{
		"AWS refuses": {
			func(*http.Request) (*http.Response, error) {
				body := "<ErrorResponse><Error><Code>AccessDenied</Code>" +
					"<Message>you may not\n The Canonical String is SECRET</Message></Error></ErrorResponse>"
				return &http.Response{
					StatusCode: http.StatusForbidden,
					Header:     http.Header{},
					Body:       io.NopCloser(strings.NewReader(body)),
				}, nil
			},
			"DescribeStacks: AccessDenied: you may not", "AccessDenied",
		},
		"AWS does not answer": {
			func(*http.Request) (*http.Response, error) {
				return nil, &url.Error{Op: "Post", URL: "https://host.invalid/?secret", Err: io.EOF}
			},
			"the AWS endpoint https://host.invalid stopped answering (the connection broke off): " +
				"see that it is up and reachable, then run this again",
			"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewCloudFormation(testConfig(c.answer)).DescribeStacks(
				t.Context(),
				&cloudformation.DescribeStacksInput{StackName: aws.String("s")},
			)
			require.EqualError(t, printed.Error(err), c.want)
			assert.Equal(t, c.code, ErrorCode(err))
			var operation *smithy.OperationError
			assert.ErrorAs(t, printed.Error(err), &operation)
		})
	}
}

func TestWrap_LeavesCancellationAsItIs(t *testing.T) {
	assert.NoError(t, Wrap(nil))
	for _, err := range []error{context.Canceled, errors.New("other")} {
		assert.Same(t, err, Wrap(err))
	}
}

func TestClients_NameTheCallThatFailed(t *testing.T) {
	answer := clientFunc(func(*http.Request) (*http.Response, error) {
		body := `<Error><Code>AccessDenied</Code><Message>not you</Message></Error>`
		return &http.Response{
			StatusCode: http.StatusForbidden, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)),
		}, nil
	})
	buckets := NewS3(testConfig(answer))
	fence := &Fence{}
	fence.Set(&Guard{Check: func(ctx context.Context) error {
		_, err := buckets.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("b"), Key: aws.String("lock")})
		return err
	}})
	stacks := NewCloudFormation(fence.middleware(testConfig(answer)))
	_, err := stacks.DeleteStack(t.Context(), &cloudformation.DeleteStackInput{
		StackName: aws.String("s"),
	})
	assert.EqualError(t, err, "GetObject: AccessDenied: not you")
}
