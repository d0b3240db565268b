package simulated

import (
	"net/http"
	"net/http/httptest"
	"time"
)

// A CredentialsEndpoint gives out credentials of an account, as the endpoint in a container of AWS does. Those that it
// gives out expire, and it has always new ones.
type CredentialsEndpoint struct {
	Cloud   *Cloud
	Account string
	// Lifetime is how long credentials are valid.
	Lifetime time.Duration
	// Path is where they are asked for.
	Path string
}

// ServeHTTP implements http.Handler.
func (e *CredentialsEndpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != e.Path {
		http.NotFound(w, r)
		return
	}
	key, expires := e.Cloud.issueKey(e.Account, e.Lifetime)
	writeJSON(w, http.StatusOK, map[string]string{
		"AccessKeyId": key, "SecretAccessKey": "simulated", "Token": "token",
		"Expiration": expires.UTC().Format(time.RFC3339),
	})
}

// Do implements aws.HTTPClient without a network.
func (e *CredentialsEndpoint) Do(r *http.Request) (*http.Response, error) {
	answer := httptest.NewRecorder()
	e.ServeHTTP(answer, r)
	return answer.Result(), nil
}
