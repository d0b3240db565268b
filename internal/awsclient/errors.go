package awsclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"

	"github.com/aws/smithy-go"

	"lockstep/internal/refusal"
)

// Wrap says in one line what went wrong with a call to AWS, without the layers that the SDK puts around it and without
// secrets. errors.Is and errors.As still find the original.
func Wrap(err error) error {
	var refused *refusal.Error
	var inner *callError
	switch {
	case err == nil, errors.As(err, &refused), errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &inner): // a call failed that this one needed, as for its credentials
		return &callError{inner.message, err}
	case IsUnreachable(err):
		return &callError{unreachableMessage(err), err}
	}
	var operation *smithy.OperationError
	var api smithy.APIError
	switch isCall := errors.As(err, &operation); {
	case errors.As(err, &api):
		text := api.ErrorCode()
		if message := redact(api.ErrorMessage()); message != "" {
			text += ": " + message
		}
		if isCall {
			text = operation.Operation() + ": " + text
		}
		return &callError{text, err}
	case isCall: // an error of a middleware or of the encoding
		return &callError{operation.Err.Error(), err}
	}
	return err
}

// A callError is the error of a call in one line.
type callError struct {
	message string
	err     error
}

func (e *callError) Error() string { return e.message }
func (e *callError) Unwrap() error { return e.err }

// redact cuts what AWS adds to a signature error: the canonical request, with the session token among its headers.
func redact(message string) string {
	for _, from := range []string{"The Canonical String", "The String-to-Sign", "Canonical request"} {
		message, _, _ = strings.Cut(message, from)
	}
	return strings.Join(strings.Fields(message), " ")
}

// IsUnreachable reports whether the endpoint gave no answer, as against a bad one.
func IsUnreachable(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	var network net.Error
	var request *url.Error
	return errors.As(err, &network) || errors.As(err, &request) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// unreachableMessage names the endpoint that does not answer. Only scheme and host are shown: a query may hold a
// signature.
func unreachableMessage(err error) string {
	endpoint := ""
	cause := err
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
	return fmt.Sprintf("the AWS endpoint%s stopped answering (%s): see that it is up and reachable, then run this "+
		"again", endpoint, why)
}

// ErrorCode returns the code of the error that AWS answered with, or "" if err is not AWS's answer.
func ErrorCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
