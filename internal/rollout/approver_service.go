package rollout

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
	"lockstep/internal/pipeline"
	"lockstep/internal/refusal"
	"lockstep/tools"
)

// An approvalSource is a service that knows who has approved a deployment in one of its pipelines.
type approvalSource struct {
	// service is its name in `workflows`, and title how people call it.
	service, title string
	// header is how a request names the token of the job, with a prefix.
	header, prefix string
	// path returns the path of the request, below the address of the API, for a repository and a pipeline's run.
	path func(repository, run string) string
	// approver returns the name of who has approved; empty for nobody.
	approver func(answer []byte, run, environment string) (string, error)
}

// approvalSourceOf returns a service by the beginning of --approved-in.
func approvalSourceOf(service string) (source approvalSource, known bool) {
	switch service {
	case config.GitHub:
		return approvalSource{
			service: service, title: "GitHub", header: "Authorization", prefix: "Bearer ",
			path: func(repository, run string) string {
				return "/repos/" + repository + "/actions/runs/" + url.PathEscape(run) + "/approvals"
			},
			approver: gitHubApprover,
		}, true
	case config.GitLab:
		return approvalSource{
			service: service, title: "GitLab", header: "JOB-TOKEN",
			path:     func(string, string) string { return "/job" },
			approver: gitLabApprover,
		}, true
	}
	return approvalSource{}, false
}

// gitHubApprover reads the reviews of a workflow run. A person reviews the environment of a job; a later review counts.
// Source: the REST API of GitHub, "Get the review history for a workflow run".
func gitHubApprover(answer []byte, _, environment string) (string, error) {
	type named struct {
		Name  string `json:"name"`
		Login string `json:"login"`
	}
	var reviews []struct {
		State        string  `json:"state"`
		User         named   `json:"user"`
		Environments []named `json:"environments"`
	}
	if err := jsonx.UnmarshalForeign(answer, &reviews); err != nil {
		return "", err
	}
	approver := ""
	for _, review := range reviews {
		for _, reviewed := range review.Environments {
			if reviewed.Name != environment {
				continue
			}
			approver = ""
			if review.State == "approved" {
				approver = review.User.Login
			}
		}
	}
	return approver, nil
}

// gitLabApprover reads the job that asks. Its user is who has started it, and a manual job is started by a person.
// Source: the REST API of GitLab, "Get job token's job".
func gitLabApprover(answer []byte, run, environment string) (string, error) {
	var job struct {
		Name string `json:"name"`
		User struct {
			Username string `json:"username"`
		} `json:"user"`
		Pipeline struct {
			ID int64 `json:"id"`
		} `json:"pipeline"`
	}
	if err := jsonx.UnmarshalForeign(answer, &job); err != nil {
		return "", err
	}
	if strconv.FormatInt(job.Pipeline.ID, 10) != run || job.Name != pipeline.DeployJobName(environment) {
		return "", nil
	}
	return job.User.Username, nil
}

// approverInService returns who has approved the deployment to an environment in a run of the configured service. The
// run is written SERVICE:REPOSITORY/RUN.
func (s *Session) approverInService(
	ctx context.Context, source approvalSource, run, environment string,
) (string, error) {
	w := s.Config.Pipeline.Workflows
	if w == nil || w.Service != source.service {
		return "", refusal.Newf(fault.PlanNotApproved, nil,
			"config/pipeline.yaml has no `workflows` with `service: %s`, so nobody approves there", source.service)
	}
	repository, id, ok := cutLast(run, "/")
	if !ok || repository != w.Repository {
		return "", refusal.Newf(fault.PlanNotApproved, nil,
			"%s is a run of another repository than %s, which config/pipeline.yaml names", run, w.Repository)
	}
	answer, err := s.askService(ctx, source, *w, source.path(repository, id))
	if err != nil {
		return "", fmt.Errorf("who has approved in the run %s of %s cannot be read: %w", id, source.title, err)
	}
	name, err := source.approver(answer, id, environment)
	if err != nil {
		return "", fmt.Errorf("the answer of %s: %w", source.title, err)
	}
	if name == "" {
		return "", refusal.Newf(fault.PlanNotApproved, nil,
			"%s does not say that anybody has approved %s in the run %s: protect the environment, and approve it there",
			source.title, environment, id)
	}
	return deploy.ServiceUser(source.service, name), nil
}

// The bounds of a request to a service.
const (
	serviceTimeout   = 30 * time.Second
	maxServiceAnswer = 4 << 20
)

// askService returns the answer to a request with the token of the job.
func (s *Session) askService(
	ctx context.Context, source approvalSource, w config.Workflows, path string,
) ([]byte, error) {
	variable := pipeline.JobTokenVariable(source.service)
	token := tools.Getenv(s.Environ, variable)
	if token == "" {
		return nil, fault.Errorf(fault.NoCredentials, "%s is not set: give the job its token", variable)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.API()+path, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set(source.header, source.prefix+token)
	request.Header.Set("Accept", "application/json")
	response, err := s.serviceClient().Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fault.Errorf(fault.ServiceRefused, "it answers with the status %s", response.Status)
	}
	return fsx.ReadAll(response.Body, "the answer", maxServiceAnswer)
}

// serviceClient returns the client for requests to a service, which follows no redirection with the token.
func (s *Session) serviceClient() *http.Client {
	return &http.Client{
		Timeout: serviceTimeout, Transport: s.ServiceTransport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// cutLast cuts a text at the last separator.
func cutLast(text, separator string) (before, after string, found bool) {
	i := strings.LastIndex(text, separator)
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+len(separator):], true
}
