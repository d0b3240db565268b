package faults

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"html"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/stretchr/testify/require"

	"lockstep/internal/rehearsal"
)

// proxy forwards calls to the emulator. A test may make each of them fail.
type proxy struct {
	t       *testing.T
	address string
	target  *url.URL
	client  *http.Client

	mu           sync.Mutex
	fault        fault
	calls        int
	spoiledCalls int
	// sessions holds the credentials of the sessions that the emulator gave out, by access key id.
	sessions map[string]aws.Credentials
	// replacesSignature makes the proxy sign every call itself, with the time of this machine.
	replacesSignature bool
	// root holds the credentials of the tooling account's root.
	root aws.Credentials
}

// A fault may answer a call itself, before or after the call was forwarded. It reports whether it did.
type fault func(c *call) bool

// call is a call to the proxy.
type call struct {
	n      int // the number of calls before this one, since the fault was set
	action string
	w      http.ResponseWriter
	r      *http.Request
	body   []byte
	// forward sends the call to the emulator and returns the answer.
	forward func() (*http.Response, []byte)
}

// newProxy starts a proxy of the emulated accounts.
func newProxy(t *testing.T, s *rehearsal.Session) *proxy {
	t.Helper()
	target, err := url.Parse(s.Endpoint)
	require.NoError(t, err)
	authority, err := os.ReadFile(s.Authority)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(authority))
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 32,
	}
	p := &proxy{t: t, target: target, sessions: map[string]aws.Credentials{}, client: &http.Client{Transport: transport}}
	p.root = rootCredentials(t, s)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	p.address = "http://" + listener.Addr().String()
	return p
}

// setFault sets the fault of the calls from now on, nil for none, and sets the counts to zero.
func (p *proxy) setFault(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.calls, p.spoiledCalls = f, 0, 0
}

// counts returns how many calls there were since the fault was set, and how many of them the fault answered.
func (p *proxy) counts() (calls, spoiled int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls, p.spoiledCalls
}

// ServeHTTP implements http.Handler.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	p.mu.Lock()
	f := p.fault
	c := &call{n: p.calls, action: actionOf(r, body), w: w, r: r, body: body}
	p.calls++
	p.mu.Unlock()
	c.forward = func() (*http.Response, []byte) { return p.forward(r, body) }
	if f != nil && f(c) {
		p.mu.Lock()
		p.spoiledCalls++
		p.mu.Unlock()
		return
	}
	answer, text := c.forward()
	writeResponse(w, answer, text)
}

// forward sends a call to the emulator. The answer is nil if there is none.
func (p *proxy) forward(r *http.Request, body []byte) (*http.Response, []byte) {
	out, err := http.NewRequest(r.Method, p.target.String()+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return nil, nil
	}
	out.Header, out.Host = r.Header.Clone(), r.Host // the host is signed
	if err := p.sign(out, body); err != nil {
		return nil, nil
	}
	answer, err := p.client.Do(out)
	if err != nil {
		return nil, nil
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, nil
	}
	p.recordSession(text)
	return answer, text
}

// sign replaces the signature of a call by one with the time of this machine, if the proxy is to do so.
func (p *proxy) sign(r *http.Request, body []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.replacesSignature {
		return nil
	}
	_, rest, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	scope := strings.Split(rest, "/")
	if len(scope) < 5 {
		return nil
	}
	credentials, known := p.sessions[scope[0]]
	if !known {
		credentials = p.root
	}
	sum := sha256.Sum256(body)
	r.Header.Del("Authorization")
	return v4.NewSigner().SignHTTP(r.Context(), credentials, r, hex.EncodeToString(sum[:]), scope[3], scope[2], time.Now())
}

var sessionCredentials = regexp.MustCompile(`(?s)<AccessKeyId>(.*?)</AccessKeyId>.*?` +
	`<SecretAccessKey>(.*?)</SecretAccessKey>.*?<SessionToken>(.*?)</SessionToken>`)

// recordSession stores the credentials of a session that an answer of the emulator holds.
func (p *proxy) recordSession(answer []byte) {
	if m := sessionCredentials.FindSubmatch(answer); m != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.sessions[string(m[1])] = aws.Credentials{
			AccessKeyID: string(m[1]), SecretAccessKey: string(m[2]), SessionToken: html.UnescapeString(string(m[3])),
		}
	}
}

// writeResponse writes an answer, or resets the connection if there is none.
func writeResponse(w http.ResponseWriter, answer *http.Response, text []byte) {
	if answer == nil {
		resetConnection(w)
		return
	}
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(text) // the client may have gone
}

// resetConnection resets the connection, as a host that went down.
func resetConnection(w http.ResponseWriter) {
	connection, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := connection.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = connection.Close()
}

// actionOf returns what a call asks for: the action of the query protocol, the target of the JSON protocol, or else the
// HTTP method.
func actionOf(r *http.Request, body []byte) string {
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		if form, err := url.ParseQuery(string(body)); err == nil {
			return form.Get("Action")
		}
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		return target
	}
	return r.Method
}

// withProbability returns a fault that happens to a share of the calls. The random numbers are the same in every test.
func withProbability(share float64, spoil fault) fault {
	var mu sync.Mutex
	chance := rand.New(rand.NewPCG(1, 2))
	return func(c *call) bool {
		mu.Lock()
		isHit := chance.Float64() < share
		mu.Unlock()
		return isHit && spoil(c)
	}
}
