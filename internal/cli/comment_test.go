package cli

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/fault"
)

// A commentService takes the comments of GitHub or GitLab in the place of the service.
type commentService struct {
	t        *testing.T
	requests []string
	body     string
}

func (s *commentService) RoundTrip(r *http.Request) (*http.Response, error) {
	token := r.Header.Get("Authorization") + r.Header.Get("PRIVATE-TOKEN")
	s.requests = append(s.requests, r.Method+" "+r.URL.String()+" "+token)
	answer := "[]"
	switch {
	case r.Method == http.MethodPost:
		var in struct {
			Body string `json:"body"`
		}
		require.NoError(s.t, json.NewDecoder(r.Body).Decode(&in))
		s.body, answer = in.Body, "{}"
	case strings.HasSuffix(r.URL.Path, "/user"):
		answer = `{"id":1}`
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(answer)), Request: r}, nil
}

// newCommentProject returns the folder of a project with a plan, whose workflows have that setting.
func newCommentProject(t *testing.T, environment, setting string) string {
	t.Helper()
	root := newProject(t)
	pipelineFile := filepath.Join(root, "config", "pipeline.yaml")
	text, err := os.ReadFile(pipelineFile)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(pipelineFile, append(text, setting...), 0o600))
	stack := planfile.Stack{Name: "data", Outcome: change.Planned, Changes: []change.Change{{
		Action: change.Add, LogicalID: "Topic", Type: "AWS::SNS::Topic",
	}}}
	plan := planfile.File{
		Schema: planfile.Format, Environment: environment, Targets: []planfile.Target{{Stacks: []planfile.Stack{stack}}},
	}
	require.NoError(t, plan.SetDigest())
	require.NoError(t, planfile.Write("", filepath.Join(root, "plan.json"), plan, ""))
	return root
}

const gitHubSetting = "workflows: {service: github, repository: acme/shop}\n"

func runComment(t *testing.T, service *commentService, environ []string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := Execute(t.Context(), append([]string{"comment"}, args...), Process{
		Stdout: &out, Stderr: io.Discard, Environ: append(environ, "HOME="+t.TempDir(), "PATH="), Now: fixedTime,
		RefusedStatus: 3, ServiceTransport: service,
	})
	return out.String(), err
}

func TestComment_WritesPlansToTheConfiguredRepository(t *testing.T) {
	for name, test := range map[string]struct {
		setting, environ string
		requests         []string
	}{
		"GitHub": {gitHubSetting, "GITHUB_TOKEN=t1", []string{
			"GET https://api.github.com/repos/acme/shop/issues/12/comments?per_page=100&page=1 Bearer t1",
			"POST https://api.github.com/repos/acme/shop/issues/12/comments Bearer t1",
		}},
		"GitLab of a company": {
			"workflows: {service: gitlab, host: git.example.com, repository: acme/web/shop, runner: host, " +
				"image: \"example.com/jobs:1@sha256:" + strings.Repeat("0", 64) + "\"}\n",
			"LOCKSTEP_COMMENT_TOKEN=t2",
			[]string{
				"GET https://git.example.com/api/v4/user t2",
				"GET https://git.example.com/api/v4/projects/acme%2Fweb%2Fshop/merge_requests/12/notes?per_page=100&page=1 t2",
				"POST https://git.example.com/api/v4/projects/acme%2Fweb%2Fshop/merge_requests/12/notes t2",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := newCommentProject(t, "dev", test.setting)
			service := &commentService{t: t}
			out, err := runComment(t, service, []string{test.environ}, "-C", root, "--request", "12", "plan.json")
			require.NoError(t, err)
			assert.Equal(t, test.requests, service.requests)
			assert.True(t, strings.HasPrefix(service.body, "<!-- lockstep: plans of proof -->\n### Plan for dev: 1 to add\n"))
			assert.Regexp(t, `^the comment on (pull|merge) request 12 of acme/.* was added\n$`, out)
		})
	}
}

func TestComment_RefusesBeforeAnyRequest(t *testing.T) {
	for name, test := range map[string]struct {
		environment, setting, environ, args string
		code                                fault.Code
	}{
		"no number":             {"dev", gitHubSetting, "GITHUB_TOKEN=t", "plan.json", fault.FlagMissing},
		"a number that is none": {"dev", gitHubSetting, "GITHUB_TOKEN=t", "--request -3 plan.json", fault.FlagMissing},
		"no plan":               {"dev", gitHubSetting, "GITHUB_TOKEN=t", "--request 1", fault.UnwantedArgument},
		"no token":              {"dev", gitHubSetting, "OTHER=t", "--request 1 plan.json", fault.NoCredentials},
		"no workflows":          {"dev", "", "GITHUB_TOKEN=t", "--request 1 plan.json", fault.ConfigMissing},
		"another environment": {
			"other", gitHubSetting, "GITHUB_TOKEN=t", "--request 1 plan.json", fault.UnknownEnvironment,
		},
		"a file that is none": {
			"dev", gitHubSetting, "GITHUB_TOKEN=t", "--request 1 config/pipeline.yaml", fault.PlanDamaged,
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := newCommentProject(t, test.environment, test.setting)
			service := &commentService{t: t}
			args := append([]string{"-C", root}, strings.Fields(test.args)...)
			_, err := runComment(t, service, []string{test.environ}, args...)
			require.Error(t, err)
			assert.Equal(t, test.code, fault.CodeOf(err), "%v", err)
			assert.Empty(t, service.requests)
		})
	}
}
