package pipeline

import (
	"slices"
	"time"

	"lockstep/config"
)

// WorkflowHeader is the first line of each file that the command workflows writes.
const WorkflowHeader = "# Written by `lockstep workflows --write` from config/ and the table of steps. Do not edit it."

// The names of those files. In a pattern, * stands for the name of a pipeline or of a job.
const (
	GitHubFilePattern    = ".github/workflows/lockstep-*.yml"
	GitLabFilePattern    = ".gitlab/lockstep-*.yml"
	CodeBuildFilePattern = "buildspecs/*.yml"
	// GitLabFile includes the file of the pipeline that an event starts.
	GitLabFile = ".gitlab-ci.yml"
)

// WorkflowFiles are all of them.
var WorkflowFiles = []string{GitHubFilePattern, GitLabFile, GitLabFilePattern, CodeBuildFilePattern}

// WorkflowPipelines returns the pipelines of a platform that has them in another service than CodePipeline.
func WorkflowPipelines(c *config.Config) []Pipeline {
	w, withSource := c.Pipeline.Workflows, *c
	withSource.Pipeline.Source = &config.Source{Repository: w.Repository, Branch: w.Branch, Tags: w.Tags, Module: w.Module}
	pipelines := Pipelines(&withSource)
	for i := range pipelines {
		if pipelines[i].Trigger == PullRequest {
			pipelines[i].Stages = commentStages(pipelines[i].Stages, c.Environments, *w)
		}
	}
	return pipelines
}

// commentStages returns the stages of pull requests with previews that save their plans, and a last stage whose job
// comments them. Jobs of a service have artifacts of their own, which no other pull request reads. The comment is left
// out where no program could write it: a Dagger module of another repository has none for the machine of the job.
func commentStages(stages []PipelineStage, environments []config.Environment, w config.Workflows) []PipelineStage {
	comment := Job{
		Name: "comment", Description: "the plans, as a comment on the pull request", Permission: NoPermission,
		Inputs: []string{SourceArtifact}, CommentsPlans: true,
	}
	preview := previewStage(environments)
	for i := range preview.Jobs {
		job := &preview.Jobs[i]
		job.Output, job.OutputFolder = job.Name, job.Name
		job.Calls[0].Function, job.Calls[0].Export = "plan-file", job.Name
		comment.Inputs = append(comment.Inputs, job.Output)
	}
	stages = append(slices.Clone(stages[:len(stages)-1]), preview)
	if w.Runner != config.HostRunner && (w.Module != "" || w.Service != config.GitHub) {
		return stages
	}
	return append(stages, PipelineStage{Name: comment.Name, Jobs: []Job{comment}})
}

// SavesPlan reports whether the job's output is a plan.
func (j Job) SavesPlan() bool {
	return slices.ContainsFunc(j.Calls, func(c Call) bool { return c.Function == "plan-file" })
}

// WorkflowSessionTime is how long the credentials of a job of another service last: longer than it may take, because
// they are not renewed.
const WorkflowSessionTime = JobTimeout + 30*time.Minute

// WorkflowRole returns the name of the role in the tooling account that a job of another service works with.
func (j Job) WorkflowRole(project string) string {
	return project + "-workflow-" + string(j.Permission) + "-" + j.Environment
}

// WorkflowEnvironment returns the name of the service's environment that a job with credentials is part of; empty for
// one without. That of a deployment is the environment's, which people protect; that of another job has what the job
// may do before it.
func (j Job) WorkflowEnvironment() string {
	switch j.Permission {
	case NoPermission:
		return ""
	case DeployPermission:
		return j.Environment
	}
	return string(j.Permission) + "-" + j.Environment
}

// JobTokenVariable returns the variable with the token of a job of a service, with which the service is asked who has
// approved.
func JobTokenVariable(service string) string {
	if service == config.GitLab {
		return "CI_JOB_TOKEN"
	}
	return "GITHUB_TOKEN"
}

// CommentTokenVariable returns the variable with the token that may comment on a pull request of a service. The token
// of a job of GitLab may not.
func CommentTokenVariable(service string) string {
	if service == config.GitLab {
		return "LOCKSTEP_COMMENT_TOKEN"
	}
	return JobTokenVariable(service)
}
