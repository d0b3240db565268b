package cli

import (
	"context"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/comment"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
	"lockstep/tools"
)

func (a *app) commentCommand() *cobra.Command {
	number := 0
	cmd := &cobra.Command{
		Use: "comment --request NUMBER PLAN...", Short: "Write plans as a comment on a pull request, and update it later",
		Args: numberOfArgs(cobra.MinimumNArgs(1)),
		Long: `Write plans that plan --out has saved as one comment on a pull request of GitHub or a merge request of
GitLab, of the repository that workflows in config/pipeline.yaml names. A comment that an earlier call has written is
updated, so there is never a second one. The Markdown is made from the plans: names and values of templates are shown
as they are, and become no links, mentions or markup. What does not fit into a comment is left out, and counted.

The token is read from GITHUB_TOKEN, which needs pull-requests: write, or on GitLab from LOCKSTEP_COMMENT_TOKEN: a
project access token with the scope api, because the token of a job may not comment there.`,
		RunE: func(cmd *cobra.Command, paths []string) error {
			return a.inProject(func(ctx context.Context, p *project) (result, error) {
				if number < 1 {
					return nil, usagef(fault.FlagMissing,
						"which pull request? Write --request with its number, which is 1 or more")
				}
				request, err := a.commentRequest(p, number)
				if err != nil {
					return nil, err
				}
				return a.commentPlans(ctx, p, request, paths)
			})(cmd, nil)
		},
	}
	cmd.Flags().IntVar(&number, "request", 0, "the number of the pull request, or of the merge request of GitLab")
	return cmd
}

// commentRequest returns the request that is commented, with the token for that.
func (a *app) commentRequest(p *project, number int) (comment.Request, error) {
	w := p.config.Pipeline.Workflows
	if w == nil {
		return comment.Request{}, usagef(fault.ConfigMissing,
			"config/pipeline.yaml has no `workflows`, which says where the repository is: add `service` and `repository`")
	}
	service := comment.GitHub()
	if w.Service == config.GitLab {
		service = comment.GitLab()
	}
	variable := pipeline.CommentTokenVariable(w.Service)
	token := tools.Getenv(a.Environ, variable)
	if token == "" {
		return comment.Request{}, fault.Errorf(fault.NoCredentials,
			"%s is not set: give the job a token that may comment; see Lockstep's docs/workflows.md", variable)
	}
	return comment.Request{
		Service: service, API: w.API(), Repository: w.Repository, Number: number, Token: token, Transport: a.ServiceTransport,
	}, nil
}

// commentPlans writes the plans as a comment.
func (a *app) commentPlans(ctx context.Context, p *project, request comment.Request, paths []string) (result, error) {
	var plans []planfile.File
	for _, path := range paths {
		plan, err := planfile.Read(inFolder(a.dir, path))
		if err != nil {
			return nil, err
		}
		if _, ok := p.config.Environment(plan.Environment); !ok {
			return nil, usagef(fault.UnknownEnvironment, "%s is a plan of %q, which is not configured", path, plan.Environment)
		}
		plans = append(plans, plan)
	}
	name := "plans of " + p.config.Pipeline.Project
	text := report.PlansMarkdown(plans, request.Service.MaxBytes-comment.Overhead(name))
	outcome, err := request.Write(ctx, name, text)
	if err != nil {
		return nil, err
	}
	if outcome == comment.Unchanged {
		return messagef("the comment on %s says that already", request), nil
	}
	return messagef("the comment on %s was %s", request, outcome), nil
}
