package rollout

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/refusal"
)

// A roundTripper answers requests in the place of a service.
type roundTripper func(*http.Request) *http.Response

func (r roundTripper) RoundTrip(request *http.Request) (*http.Response, error) {
	return r(request), nil
}

// answer returns an answer with a status and a body.
func answer(status int, body string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: http.StatusText(status), Body: io.NopCloser(strings.NewReader(body)),
		Header: http.Header{"Location": {"https://elsewhere.example.com/"}},
	}
}

func TestApproverIn_AsksTheServiceOfTheRun(t *testing.T) {
	printed := faulttest.Printed(t)
	review := func(state, login, environment string) string {
		return fmt.Sprintf(`{"state":%q,"comment":"","environments":[{"id":1,"name":%q}],"user":{"login":%q,"id":7}}`,
			state, environment, login)
	}
	job := func(name, user, id string) string {
		return `{"id":5,"name":"` + name + `","user":{"username":"` + user + `"},"pipeline":{"id":` + id + `,"ref":"v1"}}`
	}
	approved := review("approved", "jane", "prod")
	later := func(second string) string { return "[" + approved + "," + second + "]" }
	const run, unapproved = "github:acme/shop/9", "does not say"
	for name, test := range map[string]struct {
		run, body string
		status    int
		want      string
		refused   string
	}{
		"GitHub, approved":           {run, "[" + approved + "]", 200, "github:jane", ""},
		"GitHub, rejected":           {run, "[" + review("rejected", "jane", "prod") + "]", 200, "", unapproved},
		"GitHub, another one":        {run, "[" + review("approved", "jane", "acc") + "]", 200, "", unapproved},
		"GitHub, nobody":             {run, "[]", 200, "", unapproved},
		"GitHub, approved twice":     {run, later(review("approved", "joe", "prod")), 200, "github:joe", ""},
		"GitHub, rejected later":     {run, later(review("rejected", "joe", "prod")), 200, "", unapproved},
		"GitHub, another repository": {"github:acme/other/9", "[" + approved + "]", 200, "", "another repository"},
		"GitHub, no right":           {run, "{}", 403, "", "it answers with the status"},
		"GitHub, elsewhere":          {run, "{}", 302, "", "it answers with the status"},
		"GitHub, no JSON":            {run, "<html>", 200, "", "the answer of GitHub: line 1"},
		"GitLab, approved":           {"gitlab:acme/shop/9", job("deploy-prod", "jane", "9"), 200, "gitlab:jane", ""},
		"GitLab, another job":        {"gitlab:acme/shop/9", job("deploy-acc", "jane", "9"), 200, "", unapproved},
		"GitLab, another pipeline":   {"gitlab:acme/shop/9", job("deploy-prod", "jane", "8"), 200, "", unapproved},
		"a service that is not":      {"forge:acme/shop/9", "", 200, "", "no service forge"},
	} {
		t.Run(name, func(t *testing.T) {
			session := newOpener(t, true).session
			service, _, _ := strings.Cut(test.run, ":")
			session.Config.Environments = []config.Environment{{Name: "prod"}}
			session.Config.Pipeline.Workflows = &config.Workflows{Service: service, Repository: "acme/shop"}
			session.Environ = []string{"GITHUB_TOKEN=t1", "CI_JOB_TOKEN=t2"}
			var asked []string
			session.ServiceTransport = roundTripper(func(r *http.Request) *http.Response {
				asked = append(asked, r.URL.String()+" "+r.Header.Get("Authorization")+r.Header.Get("JOB-TOKEN"))
				return answer(test.status, test.body)
			})
			got, err := session.ApproverIn(t.Context(), test.run, "prod")
			assert.Equal(t, test.want, got)
			if test.refused != "" {
				printed.Error(err)
				require.ErrorContains(t, err, test.refused)
				assert.NotContains(t, err.Error(), "t1")
				return
			}
			require.NoError(t, err)
			assert.Equal(t, map[string][]string{
				"github": {"https://api.github.com/repos/acme/shop/actions/runs/9/approvals Bearer t1"},
				"gitlab": {"https://gitlab.com/api/v4/job t2"},
			}[service], asked)
		})
	}
}

func TestApproverIn_WorkflowsOfAnotherService(t *testing.T) {
	session := newOpener(t, true).session
	session.Config.Environments = []config.Environment{{Name: "prod"}}
	session.Config.Pipeline.Workflows = nil
	var refused *refusal.Error
	_, err := session.ApproverIn(t.Context(), "github:acme/shop/9", "prod")
	require.ErrorAs(t, err, &refused)
}
