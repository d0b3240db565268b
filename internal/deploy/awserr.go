package deploy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"

	"lockstep/internal/refusal"

	"github.com/aws/smithy-go"
)

// wrapAWS says in one line what went wrong with a call to AWS, without the layers that the SDK puts around it and without
// what must not be shown. The original stays reachable for errors.As.
func wrapAWS(err error) error {
	var refusal *refusal.Error
	var told *messageError
	switch {
	case err == nil, errors.As(err, &refusal), errors.As(err, &told), errors.Is(err, context.Canceled):
		return err
	case isUnreachable(err):
		return &messageError{unreachableMessage(err), err}
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	text := api.ErrorCode() + ": " + redact(api.ErrorMessage())
	if api.ErrorMessage() == "" {
		text = api.ErrorCode()
	}
	var operation *smithy.OperationError
	if errors.As(err, &operation) {
		text = operation.Operation() + ": " + text
	}
	return &messageError{text, err}
}

// messageError is an error in our own words.
type messageError struct {
	message string
	err     error
}

func (t *messageError) Error() string { return t.message }
func (t *messageError) Unwrap() error { return t.err }

// redact cuts what AWS adds to a signature error: the canonical request, with the session token among its headers.
func redact(message string) string {
	for _, from := range []string{"The Canonical String", "The String-to-Sign", "Canonical request"} {
		message, _, _ = strings.Cut(message, from)
	}
	return strings.Join(strings.Fields(message), " ")
}

// isUnreachable says whether the endpoint gave no answer, as against a bad one.
func isUnreachable(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	var network net.Error
	var request *url.Error
	return errors.As(err, &network) || errors.As(err, &request) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// unreachableMessage names the endpoint that does not answer. Only scheme and host are shown: a query may hold a signature.
func unreachableMessage(err error) string {
	endpoint, cause := "", err
	var request *url.Error
	if errors.As(err, &request) {
		if u, bad := url.Parse(request.URL); bad == nil {
			endpoint = " " + u.Scheme + "://" + u.Host
		}
		cause = request.Err
	}
	var network *net.OpError
	if errors.As(cause, &network) {
		cause = network
	}
	why := cause.Error()
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		why = "the connection broke off"
	}
	return fmt.Sprintf("the AWS endpoint%s stopped answering (%s): see that it is up and reachable, then run this again", endpoint, why)
}

// errorCode is the error code that AWS answered, empty when there is none.
func errorCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// isNotFound says whether CloudFormation knows no such stack. It distinguishes its ValidationErrors only by text.
func isNotFound(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.Contains(api.ErrorMessage(), "does not exist")
}
