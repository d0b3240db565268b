package comment

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
	"lockstep/internal/text"
)

// The bounds of a call.
const (
	callTimeout = 30 * time.Second
	maxAnswer   = 64 << 20 // a hundred comments of the longest kind have less
	maxReason   = 200
)

// An answerError is an answer of a service that is no success.
type answerError struct {
	status int
	reason string
	// need says which right is missing; empty if that is not the reason.
	need string
	// isTemporary reports whether the same call may succeed later. retryAfter is the time that the service names; zero for
	// none.
	isTemporary bool
	retryAfter  time.Duration
}

func (e *answerError) Error() string {
	message := fmt.Sprintf("the service answers with the status %d", e.status)
	if e.reason != "" {
		message += ": " + e.reason
	}
	if e.need != "" {
		message += "; " + e.need
	}
	if e.retryAfter > 0 {
		message += fmt.Sprintf("; it takes the next request in %v", e.retryAfter)
	}
	return message
}

// Code returns the code of the error.
func (e *answerError) Code() fault.Code { return fault.ServiceRefused }

// list reads a page of comments. The next page is never asked for at the address that an answer names.
func (r Request) list(ctx context.Context, page int, into *[]comment) (hasNext bool, err error) {
	response, err := r.do(ctx, http.MethodGet,
		r.Service.commentsPath(r)+"?per_page=100&page="+strconv.Itoa(page), nil, into)
	if err != nil {
		return false, err
	}
	return response.Get("X-Next-Page") != "" || strings.Contains(response.Get("Link"), `rel="next"`), nil
}

// call sends a request and stores the answer in the value that into points to; nil for none.
func (r Request) call(ctx context.Context, method, path string, content, into any) error {
	_, err := r.do(ctx, method, path, content, into)
	return err
}

// do sends a request, stores the answer, and returns its headers.
func (r Request) do(ctx context.Context, method, path string, content, into any) (http.Header, error) {
	var body io.Reader
	if content != nil {
		data, err := json.Marshal(content)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	request, err := http.NewRequestWithContext(ctx, method, r.API+path, body)
	if err != nil {
		return nil, err
	}
	request.Header.Set(r.Service.header, r.Service.prefix+r.Token)
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	client := http.Client{
		Timeout: callTimeout, Transport: r.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	answer, err := fsx.ReadAll(response.Body, "the answer", maxAnswer)
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 != 2 {
		return nil, r.newAnswerError(response, answer)
	}
	if into == nil {
		return response.Header, nil
	}
	if err := jsonx.UnmarshalForeign(answer, into); err != nil {
		return nil, fmt.Errorf("the answer of the service: %w", err)
	}
	return response.Header, nil
}

// newAnswerError returns the error of an answer that is no success.
func (r Request) newAnswerError(response *http.Response, answer []byte) *answerError {
	e := &answerError{status: response.StatusCode, reason: r.reasonOf(answer)}
	limit := response.Header.Get("X-Ratelimit-Remaining") == "0" || response.Header.Get("Retry-After") != ""
	switch {
	case e.status == http.StatusTooManyRequests, e.status == http.StatusForbidden && limit:
		e.isTemporary, e.retryAfter = true, retryAfter(response)
	case e.status >= http.StatusInternalServerError:
		e.isTemporary, e.retryAfter = true, retryAfter(response)
	case e.status == http.StatusForbidden, e.status == http.StatusUnauthorized:
		e.need = r.Service.need
	case e.status == http.StatusNotFound:
		e.need = fmt.Sprintf("there is no %s, or the token may not see it: %s", r, r.Service.need)
	case e.status/100 == 3:
		e.need = "the repository was renamed or moved: write its new path into config/pipeline.yaml"
	}
	return e
}

// retryAfter returns how long the service wants to be left alone; zero if it does not say. Sources: GitHub's "Rate
// limits for the REST API" and GitLab's "Rate limits", response headers.
func retryAfter(response *http.Response) time.Duration {
	if seconds, err := strconv.ParseInt(response.Header.Get("Retry-After"), 10, 32); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if response.Header.Get("X-Ratelimit-Remaining") != "0" {
		return 0
	}
	reset, err := strconv.ParseInt(response.Header.Get("X-Ratelimit-Reset"), 10, 64)
	sent, dateErr := http.ParseTime(response.Header.Get("Date"))
	if err != nil || dateErr != nil {
		return 0
	}
	return max(time.Second, time.Unix(reset, 0).Sub(sent))
}

// reasonOf returns what a service says of a refusal, on one line and without the token.
func (r Request) reasonOf(answer []byte) string {
	var said struct {
		Message any `json:"message"`
		Error   any `json:"error"`
		Errors  any `json:"errors"`
	}
	if jsonx.UnmarshalForeign(answer, &said) != nil {
		return ""
	}
	var parts []string
	for _, part := range []any{cmp.Or[any](said.Message, said.Error), said.Errors} {
		if part != nil {
			parts = append(parts, fmt.Sprint(part))
		}
	}
	reason := text.OneLine(strings.Join(parts, ": "))
	if r.Token != "" {
		reason = strings.ReplaceAll(reason, r.Token, "…")
	}
	if len(reason) > maxReason {
		reason = strings.ToValidUTF8(reason[:maxReason], "") + "…"
	}
	return reason
}
