package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
	"lockstep/internal/pipeline"
)

// WorkflowsProps are the properties of the stack with the roles of GitHub's or GitLab's jobs.
type WorkflowsProps struct {
	Pipeline     config.Pipeline
	Environments []config.Environment
	Pipelines    []pipeline.Pipeline
}

// AddWorkflows adds a role for each job of another service that works on accounts. The service proves with a token
// which repository and which environment or branch a job belongs to, and no other may assume the role. Jobs without
// rights have none.
func AddWorkflows(stack awscdk.Stack, props WorkflowsProps) {
	w := *props.Pipeline.Workflows
	rights := jobRights{
		stack: stack, config: props.Pipeline, environments: props.Environments,
		keys: newSigningKeys(stack, props.Pipeline.Project),
	}
	provider := identityProvider(stack, w)
	for _, definition := range props.Pipelines {
		for _, stage := range definition.Stages {
			for _, job := range stage.Jobs {
				if job.Permission == pipeline.NoPermission {
					continue
				}
				name := job.WorkflowRole(props.Pipeline.Project)
				id := constructID(string(job.Permission) + "-" + job.Environment)
				role := awsiam.NewRole(stack, jsii.String(id+"Role"), &awsiam.RoleProps{
					RoleName: jsii.String(name), Description: jsii.String(job.Description),
					AssumedBy:          identity(provider, w, definition.Trigger, job),
					MaxSessionDuration: awscdk.Duration_Minutes(jsii.Number(pipeline.WorkflowSessionTime.Minutes())),
				})
				rights.allow(stack, id, role, job)
			}
		}
	}
}

// issuer returns the host that issues the service's tokens, and the audience that they are for.
func issuer(w config.Workflows) (host, audience string) {
	switch {
	case w.Service == config.GitLab:
		return w.ServiceHost(), "https://" + w.ServiceHost()
	case w.ServiceHost() == "github.com":
		return "token.actions.githubusercontent.com", "sts.amazonaws.com"
	}
	return w.ServiceHost() + "/_services/token", "sts.amazonaws.com"
}

// identityProvider returns the ARN of the provider of the service's tokens, which is made unless one is configured.
func identityProvider(stack awscdk.Stack, w config.Workflows) *string {
	if w.IdentityProvider != "" {
		return jsii.String(w.IdentityProvider)
	}
	host, audience := issuer(w)
	return awsiam.NewCfnOIDCProvider(stack, jsii.String("IdentityProvider"), &awsiam.CfnOIDCProviderProps{
		Url: jsii.String("https://" + host), ClientIdList: jsii.Strings(audience),
	}).AttrArn()
}

// identity returns the jobs that may assume a role: those of one repository, and of the branch or the tags. On GitHub
// they are those of one environment too, which only jobs that its rules let pass have. AWS reads the branch in a token
// of github.com, and of no other host of GitHub's software. Sources: GitHub's documentation, OpenID Connect reference;
// GitLab's documentation, ID token payload; the IAM user guide, available keys for AWS OIDC federation.
func identity(
	provider *string, w config.Workflows, trigger pipeline.Trigger, job pipeline.Job,
) awsiam.WebIdentityPrincipal {
	host, audience := issuer(w)
	equals := map[string]any{host + ":aud": audience}
	conditions := map[string]any{"StringEquals": equals}
	key, branches, tags := host+":sub", "project_path:"+w.Repository+":ref_type:branch:ref:",
		"project_path:"+w.Repository+":ref_type:tag:ref:"
	if w.Service == config.GitHub {
		equals[key] = "repo:" + w.Repository + ":environment:" + job.WorkflowEnvironment()
		if w.ServiceHost() != "github.com" {
			return awsiam.NewWebIdentityPrincipal(provider, &conditions)
		}
		key, branches, tags = host+":ref", "refs/heads/", "refs/tags/"
	}
	if trigger == pipeline.Tag {
		conditions["StringLike"] = map[string]any{key: tags + w.Tags}
	} else {
		equals[key] = branches + w.Branch
	}
	return awsiam.NewWebIdentityPrincipal(provider, &conditions)
}
