package awsclient

import (
	"context"
	"errors"
	"io"
	"strings"

	"github.com/aws/smithy-go"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/refusal"
)

// Wrap says in one line what went wrong with a call to AWS and, where that is known, what to do about it, without the
// layers that the SDK puts around it and without secrets. errors.Is and errors.As still find the original.
func Wrap(err error) error {
	var refused *refusal.Error
	var inner *callError
	switch {
	case err == nil, errors.As(err, &refused), errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &inner): // a call failed that this one needed, as for its credentials
		return &callError{inner.code, inner.message, err, inner.isUnreachable}
	case isLocal(err):
		return wrapLocal(err)
	case IsUnreachable(err):
		return newUnreachableError(err)
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
		return newCallError(text, err)
	case isCall: // an error of a middleware, such as the fence, which has a code, or of the encoding
		if code := fault.Of(err); code != "" {
			return &callError{code, requestMessage(operation), err, false}
		}
		return newCallError(requestMessage(operation), err)
	}
	return err
}

// WrapRead is Wrap for an error of reading the body of an answer.
func WrapRead(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return newUnreachableError(err)
	}
	return Wrap(err)
}

// wrapLocal wraps an error of this machine in a call, as of the file that is uploaded, without the call around it.
func wrapLocal(err error) error {
	cause := err
	var operation *smithy.OperationError
	if errors.As(err, &operation) {
		cause = innermost(operation.Err)
	}
	explained := fsx.Explain(cause)
	return &callError{fault.CodeOf(explained), explained.Error(), err, false}
}

// A callError is the error of a call in one line.
type callError struct {
	code          fault.Code
	message       string
	err           error
	isUnreachable bool
}

func (e *callError) Error() string { return e.message }
func (e *callError) Unwrap() error { return e.err }

// Code returns the code of the error.
func (e *callError) Code() fault.Code { return e.code }

// newCallError returns an error for what AWS has answered, or for a request that was not sent.
func newCallError(message string, err error) error {
	found := remedyFor(err)
	if found.text != "" {
		message += ": " + found.text
	}
	return &callError{found.code, message, err, false}
}

// newUnreachableError returns an error for an endpoint that gave no answer.
func newUnreachableError(err error) error {
	code, message := explainUnreachable(err)
	return &callError{code, message, err, true}
}

// redact cuts what AWS adds to a signature error: the canonical request, with the session token among its headers.
func redact(message string) string {
	for _, from := range []string{"The Canonical String", "The String-to-Sign", "Canonical request"} {
		message, _, _ = strings.Cut(message, from)
	}
	return strings.Join(strings.Fields(message), " ")
}

// ErrorCode returns the code of the error that AWS answered with, or "" if err is not AWS's answer.
func ErrorCode(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}
