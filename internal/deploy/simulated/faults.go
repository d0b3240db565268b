package simulated

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"syscall"
	"time"
)

// A Fault is what becomes of a call on its way.
type Fault string

// The faults. Only with NoFault and AnswerLost AWS does what it was asked.
const (
	NoFault Fault = ""
	// Throttled is the answer that there are too many calls.
	Throttled Fault = "throttled"
	// ServerError is an answer of AWS with the status 503.
	ServerError Fault = "server error"
	// AnswerLost is a connection that ends before the answer has come.
	AnswerLost Fault = "answer lost"
	// UploadReset is a connection that ends while the request is sent.
	UploadReset Fault = "upload reset"
	// KeyExpired is the answer that the credentials are too old.
	KeyExpired Fault = "credentials expired"
	// Silent is no answer, for as long as a client waits for one.
	Silent Fault = "silent"
	// Killed is no connection at all: the process that would have called is dead.
	Killed Fault = "killed"
)

// periods are how often AWS answers with a fault in a realistic cloud, in calls of one service.
var periods = []struct {
	every int64
	fault Fault
}{{17, Throttled}, {23, ServerError}, {29, AnswerLost}, {31, KeyExpired}, {37, UploadReset}}

// A service is silent for half a minute from every silentEvery-th call on, for as many attempts as fit into that time.
const (
	silentEvery    = 101
	silentAttempts = int64(30 * time.Second / clientTimeout)
	// clientTimeout is how long a client waits for an answer.
	clientTimeout = 6 * time.Second
)

// periodicFault returns the fault of the call of a service with a number, which counts from 1.
func periodicFault(_ string, number int64) Fault {
	if number > silentEvery && number%silentEvery < silentAttempts {
		return Silent
	}
	for _, p := range periods {
		if number%p.every == 0 {
			return p.fault
		}
	}
	return NoFault
}

// nextFault returns the fault of the next call of a service.
func (c *Cloud) nextFault(service string) Fault {
	if c.FaultOf == nil {
		return NoFault
	}
	c.mu.Lock()
	c.callsOf[service]++
	number := c.callsOf[service]
	c.mu.Unlock()
	return c.FaultOf(service, number)
}

// serve answers a request, or fails as its fault says.
func (c *Cloud) serve(r *http.Request) (*http.Response, error) {
	key, _, service := parseCredentialScope(r.Header.Get("Authorization"))
	answer := httptest.NewRecorder()
	switch fault := c.nextFault(service); {
	case fault == Throttled:
		writeThrottled(answer, r, service)
	case fault == ServerError:
		writeServerError(answer, r, service)
	case fault == KeyExpired && r.Header.Get("X-Amz-Security-Token") != "" && attemptOf(r) <= maxExpired:
		c.writeExpired(answer, r, service)
	case c.hasExpired(key):
		c.writeExpired(answer, r, service)
	case fault == UploadReset:
		_, _ = r.Body.Read(make([]byte, 1)) // some of it was sent
		return nil, connectionReset(r)
	case fault == Silent:
		c.paused.Add(int64(clientTimeout))
		return nil, &url.Error{Op: r.Method, URL: r.URL.String(), Err: context.DeadlineExceeded}
	case fault == Killed:
		return nil, fmt.Errorf("the process was killed")
	default:
		c.ServeHTTP(answer, r)
		if fault == AnswerLost {
			return nil, connectionReset(r)
		}
	}
	return answer.Result(), nil
}

// maxExpired is how many attempts of a call find that the credentials are too old. Credentials that were renewed twice
// are new. Without a limit, concurrent calls could bring every attempt of one call to a number that has this fault.
const maxExpired = 2

// attemptOf returns the number of a request among those of its call, from 1.
func attemptOf(r *http.Request) (number int) {
	if _, err := fmt.Sscanf(r.Header.Get("Amz-Sdk-Request"), "attempt=%d", &number); err != nil {
		return 1
	}
	return number
}

func writeThrottled(w http.ResponseWriter, r *http.Request, service string) {
	switch {
	case service == "s3":
		writeS3Error(w, http.StatusServiceUnavailable, "SlowDown", r.Method == http.MethodHead)
	case speaksJSON(service):
		writeJSONError(w, "ThrottlingException")
	default:
		writeError(w, http.StatusBadRequest, "Throttling", "Rate exceeded")
	}
}

func writeServerError(w http.ResponseWriter, r *http.Request, service string) {
	switch {
	case service == "s3":
		writeS3Error(w, http.StatusServiceUnavailable, "ServiceUnavailable", r.Method == http.MethodHead)
	case speaksJSON(service):
		writeJSON(w, http.StatusInternalServerError, map[string]string{"__type": "InternalServerError"})
	default:
		writeError(w, http.StatusServiceUnavailable, "ServiceUnavailable", "Service is unavailable")
	}
}

// speaksJSON reports whether a service answers in JSON; the others do in XML.
func speaksJSON(service string) bool { return service == "ssm" || service == "kms" || service == "ecr" }

// connectionReset returns the error of a connection that the other side has closed.
func connectionReset(r *http.Request) error {
	return &url.Error{Op: r.Method, URL: r.URL.String(), Err: syscall.ECONNRESET}
}

func (c *Cloud) writeExpired(w http.ResponseWriter, r *http.Request, service string) {
	if service == "s3" {
		writeS3Error(w, http.StatusBadRequest, "ExpiredToken", r.Method == http.MethodHead)
		return
	}
	if speaksJSON(service) {
		writeJSONError(w, "ExpiredTokenException")
		return
	}
	writeError(w, http.StatusForbidden, "ExpiredToken", "The security token included in the request is expired")
}
