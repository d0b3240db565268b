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

// proxy passes calls on to the emulator, and lets a test get in the way of each.
type proxy struct {
	t       *testing.T
	address string
	target  *url.URL
	client  *http.Client

	mu           sync.Mutex
	fault        fault
	calls        int
	spoiledCalls int
	// sessions are those of the sessions that were given out, by access key id, for a proxy that signs anew.
	sessions          map[string]aws.Credentials
	replacesSignature bool
}

// A fault may spoil a call: before it reaches the emulator, or afterwards, when only the answer is lost. It says
// whether it did.
type fault func(c *call) bool

// call is one on its way.
type call struct {
	n      int // how many there were before
	action string
	w      http.ResponseWriter
	r      *http.Request
	body   []byte
	// forward passes it on and returns the answer, for faults that spoil that.
	forward func() (*http.Response, []byte)
}

func newProxy(t *testing.T, s *rehearsal.Session) *proxy {
	t.Helper()
	target, err := url.Parse(s.Endpoint)
	require.NoError(t, err)
	authority, err := os.ReadFile(s.Authority)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(authority))
	p := &proxy{t: t, target: target, sessions: map[string]aws.Credentials{}, client: &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, MaxIdleConnsPerHost: 32,
	}}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: p, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	p.address = "http://" + listener.Addr().String()
	return p
}

// setFault lets a fault happen from now on; nil for none.
func (p *proxy) setFault(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.calls, p.spoiledCalls = f, 0, 0
}

// counts is how many calls there were, and how many of them were spoiled.
func (p *proxy) counts() (calls, hit int) {
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

// forward passes a call on. An emulator that does not answer is a gateway without a backend.
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
	p.rememberSession(text)
	return answer, text
}

// sign signs a call with the time of this machine, in the place of its caller whose time is another one.
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
		credentials = aws.Credentials{AccessKeyID: tooling, SecretAccessKey: secret}
	}
	sum := sha256.Sum256(body)
	r.Header.Del("Authorization")
	return v4.NewSigner().SignHTTP(r.Context(), credentials, r, hex.EncodeToString(sum[:]), scope[3], scope[2], time.Now())
}

var sessionCredentials = regexp.MustCompile(`(?s)<AccessKeyId>(.*?)</AccessKeyId>.*?<SecretAccessKey>(.*?)</SecretAccessKey>.*?<SessionToken>(.*?)</SessionToken>`)

// rememberSession keeps the secrets of a session that the emulator gives out.
func (p *proxy) rememberSession(answer []byte) {
	if m := sessionCredentials.FindSubmatch(answer); m != nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.sessions[string(m[1])] = aws.Credentials{AccessKeyID: string(m[1]), SecretAccessKey: string(m[2]), SessionToken: html.UnescapeString(string(m[3]))}
	}
}

func writeResponse(w http.ResponseWriter, answer *http.Response, text []byte) {
	if answer == nil {
		resetConnection(w)
		return
	}
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = w.Write(text) // whoever hung up knows
}

// resetConnection breaks the connection off, as a machine does that has gone.
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

// actionOf is what a call asks for: the action of the query protocol, or the method for S3, or the target of JSON.
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

// withProbability spoils a part of the calls, by chance but the same in every test.
func withProbability(part float64, spoil fault) fault {
	var mu sync.Mutex
	chance := rand.New(rand.NewPCG(1, 2))
	return func(c *call) bool {
		mu.Lock()
		hit := chance.Float64() < part
		mu.Unlock()
		return hit && spoil(c)
	}
}
