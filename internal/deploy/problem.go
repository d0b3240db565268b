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

	"github.com/aws/smithy-go"
)

// problem says in one line what went wrong with a call to AWS, without the layers that the SDK puts around it and without
// what must not be shown. The original stays reachable for errors.As.
func problem(err error) error {
	var refusal *Refusal
	var told *telling
	switch {
	case err == nil, errors.As(err, &refusal), errors.As(err, &told), errors.Is(err, context.Canceled):
		return err
	case silent(err):
		return &telling{silence(err), err}
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	text := api.ErrorCode() + ": " + harmless(api.ErrorMessage())
	if api.ErrorMessage() == "" {
		text = api.ErrorCode()
	}
	var operation *smithy.OperationError
	if errors.As(err, &operation) {
		text = operation.Operation() + ": " + text
	}
	return &telling{text, err}
}

// telling is an error in our own words.
type telling struct {
	text string
	err  error
}

func (t *telling) Error() string { return t.text }
func (t *telling) Unwrap() error { return t.err }

// harmless cuts what AWS adds to a signature error: the canonical request, with the session token among its headers.
func harmless(message string) string {
	for _, from := range []string{"The Canonical String", "The String-to-Sign", "Canonical request"} {
		message, _, _ = strings.Cut(message, from)
	}
	return strings.Join(strings.Fields(message), " ")
}

// silent says whether the endpoint gave no answer, as against a bad one.
func silent(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	var network net.Error
	var request *url.Error
	return errors.As(err, &network) || errors.As(err, &request) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET)
}

// silence names the endpoint that does not answer. Only scheme and host are shown: a query may hold a signature.
func silence(err error) string {
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

// code is the error code that AWS answered, empty when there is none.
func code(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// gone says whether CloudFormation knows no such stack. It distinguishes its ValidationErrors only by text.
func gone(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && strings.Contains(api.ErrorMessage(), "does not exist")
}
