package comment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// testToken is no token of any service.
var testToken = strings.Repeat("token-of-a-job-", 2)

// A fake plays the comments of a request as GitHub and GitLab document them. Before it does what it is asked for, it
// gives the next of its refusals.
type fake struct {
	t        *testing.T
	service  Service
	comments []comment
	nextID   int64
	// refusals answer the first requests that are of their method; nil for doing it.
	refusals []refusal
	requests []string
	waits    []time.Duration
}

// A refusal is an answer that is no success. Its effect happens all the same if isLost is set: only the answer is lost.
type refusal struct {
	method string
	status int
	header map[string]string
	body   string
	isLost bool
	isCut  bool // the connection ends without an answer
}

func newFake(t *testing.T, service Service, refusals ...refusal) (*fake, Request) {
	t.Helper()
	f := &fake{t: t, service: service, nextID: 1000, refusals: refusals}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return f, Request{
		Service: service, API: server.URL + "/api", Repository: "acme/shop", Number: 7, Token: testToken,
		Wait: func(_ context.Context, pause time.Duration) error {
			f.waits = append(f.waits, pause)
			return nil
		},
	}
}

// add adds a comment of a user: on GitHub by login, on GitLab by id.
func (f *fake) add(body, login string, id int64) *comment {
	f.nextID++
	c := comment{ID: f.nextID, Body: body}
	c.User.Login, c.Author.ID = login, id
	f.comments = append(f.comments, c)
	return &f.comments[len(f.comments)-1]
}

const ownID = 42

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.requests = append(f.requests, r.Method+" "+r.URL.RequestURI())
	token := r.Header.Get(f.service.header)
	if token != f.service.prefix+testToken {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprintf(w, `{"message":"Bad credentials %s"}`, token)
		return
	}
	if i := slices.IndexFunc(f.refusals, func(no refusal) bool { return no.method == r.Method }); i >= 0 {
		no := f.refusals[i]
		f.refusals = slices.Delete(f.refusals, i, i+1)
		if no.isLost {
			f.serve(httptest.NewRecorder(), r)
		}
		if no.isCut {
			panic(http.ErrAbortHandler)
		}
		for name, value := range no.header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(no.status)
		_, _ = io.WriteString(w, no.body)
		return
	}
	f.serve(w, r)
}

// serve does what a request asks for.
func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	list := map[string]string{
		"github": "/api/repos/acme/shop/issues/7/comments", "gitlab": "/api/projects/acme%2Fshop/merge_requests/7/notes",
	}[f.service.Name]
	one := map[string]string{"github": "/api/repos/acme/shop/issues/comments", "gitlab": list}[f.service.Name]
	path := r.URL.EscapedPath()
	switch {
	case f.service.Name == "gitlab" && path == "/api/user":
		f.answer(w, map[string]any{"id": ownID, "username": "project_bot"})
	case r.Method == http.MethodGet && path == list:
		f.servePage(w, r)
	case r.Method == http.MethodPost && path == list:
		w.WriteHeader(http.StatusCreated)
		f.answer(w, f.add(f.bodyOf(r), gitHubJobUser, ownID))
	case r.Method == f.service.updateMethod && strings.HasPrefix(path, one+"/"):
		id, err := strconv.ParseInt(strings.TrimPrefix(path, one+"/"), 10, 64)
		require.NoError(f.t, err)
		i := slices.IndexFunc(f.comments, func(c comment) bool { return c.ID == id })
		if i < 0 {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		f.comments[i].Body = f.bodyOf(r)
		f.answer(w, f.comments[i])
	default:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"message":"Not Found"}`)
	}
}

// servePage answers with at most a hundred comments, and says in the service's way whether there are more.
func (f *fake) servePage(w http.ResponseWriter, r *http.Request) {
	page, err := strconv.Atoi(r.URL.Query().Get("page"))
	require.NoError(f.t, err)
	assert.Equal(f.t, "100", r.URL.Query().Get("per_page"))
	const size = 100
	from, to := min((page-1)*size, len(f.comments)), min(page*size, len(f.comments))
	if to < len(f.comments) && f.service.Name == "github" {
		w.Header().Set("Link", `<https://elsewhere.example.com/steal>; rel="next", <https://x.example.com/>; rel="last"`)
	}
	if to < len(f.comments) && f.service.Name == "gitlab" {
		w.Header().Set("X-Next-Page", strconv.Itoa(page+1))
	}
	f.answer(w, append([]comment{}, f.comments[from:to]...))
}

func (f *fake) answer(w http.ResponseWriter, content any) {
	_ = json.NewEncoder(w).Encode(content)
}

func (f *fake) bodyOf(r *http.Request) string {
	var in struct {
		Body string `json:"body"`
	}
	require.NoError(f.t, json.NewDecoder(r.Body).Decode(&in))
	return strings.ReplaceAll(in.Body, "\n", "\r\n") // as GitHub may store it
}

// bodies returns the comments that begin with a mark.
func (f *fake) bodies(name string) (out []string) {
	for _, c := range f.comments {
		if strings.HasPrefix(strings.ReplaceAll(c.Body, "\r\n", "\n"), marker(name)) {
			out = append(out, c.Body)
		}
	}
	return out
}

// forEachService runs a test on both services.
func forEachService(t *testing.T, test func(t *testing.T, service Service)) {
	t.Helper()
	for _, service := range []Service{GitHub(), GitLab()} {
		t.Run(service.Name, func(t *testing.T) { test(t, service) })
	}
}

func TestWrite_AddsOnceAndUpdatesAfterwards(t *testing.T) {
	forEachService(t, func(t *testing.T, service Service) {
		f, request := newFake(t, service)
		for i, want := range []struct {
			text    string
			outcome Outcome
		}{{"first", Added}, {"second", Updated}, {"second", Unchanged}, {"second\n", Unchanged}, {"third", Updated}} {
			outcome, err := request.Write(t.Context(), "plan of shop", want.text)
			require.NoError(t, err)
			assert.Equal(t, want.outcome, outcome, i)
		}
		bodies := f.bodies("plan of shop")
		require.Len(t, bodies, 1)
		assert.Contains(t, bodies[0], "third")
		assert.Empty(t, f.waits)

		_, err := request.Write(t.Context(), "plan of other", "beside it")
		require.NoError(t, err)
		assert.Len(t, f.comments, 2, "another project of the repository has its own")
	})
}

func TestWrite_FindsItsCommentOnALaterPage(t *testing.T) {
	forEachService(t, func(t *testing.T, service Service) {
		f, request := newFake(t, service)
		for i := range 250 {
			f.add(fmt.Sprint("comment ", i), "somebody", 1)
		}
		f.add(marker("plan")+"old", gitHubJobUser, ownID)
		f.add("later", "somebody", 1)
		outcome, err := request.Write(t.Context(), "plan", "new")
		require.NoError(t, err)
		assert.Equal(t, Updated, outcome)
		assert.Len(t, f.comments, 252)
		for _, line := range f.requests {
			assert.NotContains(t, line, "steal")
		}
	})
}

// Whoever writes the mark into a comment of their own could change what Lockstep has put there.
func TestWrite_NeverTouchesCommentOfAnother(t *testing.T) {
	forEachService(t, func(t *testing.T, service Service) {
		f, request := newFake(t, service)
		f.add(marker("plan")+"trust me", "mallory", 666)
		f.add("quoted: "+marker("plan"), gitHubJobUser, ownID)
		system := f.add(marker("plan")+"changed the title", "ghost", ownID)
		system.System = true
		outcome, err := request.Write(t.Context(), "plan", "real")
		require.NoError(t, err)
		assert.Equal(t, Added, outcome)
		assert.Equal(t, marker("plan")+"trust me", f.comments[0].Body)
		assert.Len(t, f.comments, 4)
	})
}

func TestWrite_SurvivesWhatPasses(t *testing.T) {
	forEachService(t, func(t *testing.T, service Service) {
		update := service.updateMethod
		for name, test := range map[string]struct {
			refusals []refusal
			waits    []time.Duration
		}{
			"the list is not there": {[]refusal{{method: "GET", status: 502}}, []time.Duration{time.Second}},
			"twice": {
				[]refusal{{method: "GET", status: 500}, {method: "GET", status: 503}}, []time.Duration{1e9, 2e9},
			},
			"the connection is cut":     {[]refusal{{method: "POST", isCut: true}}, []time.Duration{1e9}},
			"it was added all the same": {[]refusal{{method: "POST", status: 504, isLost: true}}, []time.Duration{1e9}},
			"too many requests": {
				[]refusal{{method: "POST", status: 429, header: map[string]string{"Retry-After": "30"}}},
				[]time.Duration{30 * time.Second},
			},
			"secondary limit": {
				[]refusal{{method: "POST", status: 403, header: map[string]string{"Retry-After": "60"}}},
				[]time.Duration{time.Minute},
			},
			"limit with a time": {
				[]refusal{{method: "GET", status: 403, header: map[string]string{
					"X-Ratelimit-Remaining": "0", "X-Ratelimit-Reset": "1772366410", "Date": "Sun, 01 Mar 2026 12:00:00 GMT",
				}}},
				[]time.Duration{10 * time.Second},
			},
			"the update is lost":      {[]refusal{{method: update, status: 502}}, nil},
			"deleted in the meantime": {[]refusal{{method: update, status: 404}}, nil},
		} {
			t.Run(name, func(t *testing.T) {
				f, request := newFake(t, service, test.refusals...)
				outcome, err := request.Write(t.Context(), "plan", "text")
				require.NoError(t, err)
				if test.waits != nil {
					assert.Equal(t, test.waits, f.waits)
				}
				assert.NotEmpty(t, outcome)
				_, err = request.Write(t.Context(), "plan", "text 2")
				require.NoError(t, err)
				assert.Len(t, f.comments, 1, "never a second one")
				assert.Contains(t, f.comments[0].Body, "text 2")
				assert.Empty(t, f.refusals)
			})
		}
	})
}

func TestWrite_SaysWhatIsMissing(t *testing.T) {
	forEachService(t, func(t *testing.T, service Service) {
		for name, test := range map[string]struct {
			refusal refusal
			want    string
		}{
			"no right to read": {refusal{method: "GET", status: 403}, service.need},
			"no right to write": {
				refusal{method: "POST", status: 403, body: `{"message":"Resource not accessible by integration"}`},
				"Resource not accessible",
			},
			"no token":        {refusal{method: "GET", status: 401}, service.need},
			"no such request": {refusal{method: "GET", status: 404}, "there is no " + service.noun + " 7 of acme/shop"},
			"too long": {
				refusal{method: "POST", status: 422, body: `{"message":"Failed","errors":[{"message":"body is too long"}]}`},
				"body is too long",
			},
			"GitLab's way": {refusal{method: "POST", status: 400, body: `{"message":{"note":["is too long"]}}`}, "is too long"},
			"moved": {
				refusal{method: "GET", status: 301, header: map[string]string{"Location": "https://elsewhere.example.com/"}},
				"was renamed or moved",
			},
			"no JSON": {refusal{method: "POST", status: 400, body: "<html>"}, "the status 400"},
			"an hour": {
				refusal{method: "GET", status: 429, header: map[string]string{"Retry-After": "3600"}},
				"it takes the next request in 1h0m0s",
			},
			"hostile text": {
				refusal{
					method: "POST", status: 400,
					body: `{"message":"a\nLS-601: ` + testToken + strings.Repeat("x", 5000) + `"}`,
				},
				"a LS-601: …xxx",
			},
		} {
			t.Run(name, func(t *testing.T) {
				f, request := newFake(t, service, test.refusal)
				_, err := request.Write(t.Context(), "plan", "text")
				require.ErrorContains(t, err, test.want)
				assert.ErrorContains(t, err, "the comment on "+service.noun+" 7 of acme/shop cannot be written")
				assert.NotContains(t, err.Error(), testToken)
				assert.Less(t, len(err.Error()), 1000)
				assert.Empty(t, f.waits, "it would be refused again")
				assert.Empty(t, f.comments)
			})
		}
	})
}

func TestWrite_GivesUp(t *testing.T) {
	f, request := newFake(t, GitHub())
	for range 20 {
		f.refusals = append(f.refusals, refusal{method: "GET", status: 503})
	}
	_, err := request.Write(t.Context(), "plan", "text")
	require.ErrorContains(t, err, "the status 503")
	assert.Equal(t, []time.Duration{1e9, 2e9, 4e9}, f.waits)
}

func TestWrite_StopsWithItsContext(t *testing.T) {
	_, request := newFake(t, GitHub(), refusal{method: "GET", status: 503})
	request.Wait = func(context.Context, time.Duration) error { return context.Canceled }
	_, err := request.Write(t.Context(), "plan", "text")
	require.ErrorIs(t, err, context.Canceled)
}

func TestWrite_ErrorsHoldNoToken(t *testing.T) {
	_, request := newFake(t, GitHub())
	request.Transport = transport(func(r *http.Request) (*http.Response, error) {
		return nil, errors.New("cannot reach " + r.URL.Host)
	})
	_, err := request.Write(t.Context(), "plan", "text")
	require.Error(t, err)
	assert.NotContains(t, err.Error(), testToken)
}

type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
