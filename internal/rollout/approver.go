package rollout

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline"
	"github.com/aws/aws-sdk-go-v2/service/codepipeline/types"

	"lockstep/internal/awsclient"
	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
	"lockstep/internal/refusal"
)

// ApproverIn returns who has approved the deployment to an environment: the ARN of the person in an execution of
// CodePipeline, written PIPELINE/EXECUTION, or the user in a run of another service, written SERVICE:REPOSITORY/RUN, as
// the service has recorded it. The error is a *refusal.Error if nobody has. For CodePipeline, the caller must be in the
// tooling account, which has the pipelines.
func (s *Session) ApproverIn(ctx context.Context, execution, environment string) (string, error) {
	if service, run, ok := strings.Cut(execution, ":"); ok {
		source, known := approvalSourceOf(service)
		if !known {
			return "", fault.Errorf(fault.FlagValue, "there is no service %s that knows of approvals", service)
		}
		return s.approverInService(ctx, source, run, environment)
	}
	name, id, _ := strings.Cut(execution, "/")
	env, ok := s.Config.Environment(environment)
	if !ok {
		return "", fault.Errorf(fault.UnknownEnvironment, "there is no environment %s", environment)
	}
	cfg, err := s.LoadAWSConfig(ctx)
	if err != nil {
		return "", err
	}
	if err := awsclient.CheckCaller(ctx, cfg, s.target(env).Caller()); err != nil {
		return "", err
	}
	cfg.Region = s.Config.Pipeline.Tooling.Region
	action := pipeline.ApprovalAction(environment)
	pages := codepipeline.NewListActionExecutionsPaginator(awsclient.NewCodePipeline(cfg),
		&codepipeline.ListActionExecutionsInput{
			PipelineName: &name, Filter: &types.ActionExecutionFilter{PipelineExecutionId: &id},
		})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", fmt.Errorf("who has approved in execution %s of the pipeline %s cannot be read: %w", id, name, err)
		}
		for _, found := range page.ActionExecutionDetails { // the newest first
			if aws.ToString(found.PipelineExecutionId) != id || aws.ToString(found.ActionName) != action {
				continue
			}
			if approver := aws.ToString(found.UpdatedBy); approver != "" &&
				found.Status == types.ActionExecutionStatusSucceeded {
				return approver, nil
			}
			return "", refuseUnapproved(name, id, environment)
		}
	}
	return "", refuseUnapproved(name, id, environment)
}

func refuseUnapproved(name, execution, environment string) error {
	return refusal.Newf(fault.PlanNotApproved, nil,
		"CodePipeline does not say that anybody has approved %s in execution %s of the pipeline %s: "+
			"approve the action %s there", environment, execution, name, pipeline.ApprovalAction(environment))
}
