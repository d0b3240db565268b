package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
	own "lockstep/infra/constructs"
	"lockstep/internal/pipeline"
	"lockstep/internal/roles"
)

// jobRights gives the roles of jobs what their jobs need in the accounts, whatever service runs the jobs.
type jobRights struct {
	stack        awscdk.Stack
	config       config.Pipeline
	environments []config.Environment
	keys         signingKeys
}

// allow lets a role do what a job does. The id is unique in the scope.
func (r jobRights) allow(scope constructs.Construct, id string, role awsiam.Role, job pipeline.Job) {
	if assumable := r.assumableRoles(job); len(assumable) > 0 {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("sts:AssumeRole", "sts:TagSession"), Resources: jsii.Strings(assumable...),
		}))
	}
	if job.PublishesMetrics {
		own.AllowMetrics(scope, id, role, pipeline.MetricsNamespace(r.config.Project))
	}
	r.allowSigning(role, job)
}

// assumableRoles returns the ARNs of the roles that a job may assume. A job that promotes reads the records of the
// environment before.
func (r jobRights) assumableRoles(job pipeline.Job) []string {
	var out []string
	for _, env := range r.environments {
		if env.Name != job.Environment {
			continue
		}
		for _, place := range env.AllPlaces() {
			out = append(out, bootstrapRoleARNs(r.stack, r.config, place, job.Permission.Roles())...)
		}
		for _, predecessor := range r.environments {
			if predecessor.Name == env.After {
				out = append(out, bootstrapRoleARNs(r.stack, r.config, predecessor, job.Permission.PredecessorRoles())...)
			}
		}
	}
	return out
}

// bootstrapRoleARNs returns the ARNs of roles that the bootstrap created in an environment's account, which is in the
// partition of the stack.
func bootstrapRoleARNs(
	stack awscdk.Stack, p config.Pipeline, env config.Environment, kinds []roles.Kind,
) []string {
	var out []string
	for _, kind := range kinds {
		names := roles.Names(env.Bootstrap.BootstrapNames)
		out = append(out, names.RoleARN(kind, *stack.Partition(), p.QualifierOf(env), env.ID, env.Region))
	}
	return out
}

// allowSigning lets a job sign what it records, and nothing else, and read or write which release is the newest.
func (r jobRights) allowSigning(role awsiam.Role, job pipeline.Job) {
	var own, before []*string // the parameters with the newest releases
	for _, env := range r.environments {
		if env.Name != job.Environment {
			continue
		}
		own = r.headARNs(env)
		for _, predecessor := range r.environments {
			if predecessor.Name == env.After && len(job.Permission.PredecessorRoles()) > 0 {
				before = r.headARNs(predecessor)
			}
		}
	}
	allow := func(resources []*string, conditions *map[string]any, actions ...string) {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings(actions...), Resources: &resources, Conditions: conditions,
		}))
	}
	digests := &map[string]any{"StringEquals": map[string]any{
		"kms:MessageType": "DIGEST", "kms:SigningAlgorithm": "ECDSA_SHA_256",
	}}
	switch job.Permission {
	case pipeline.NoPermission:
		return
	case pipeline.DeployPermission:
		allow([]*string{r.keys.releases.KeyArn(), r.keys.plans.KeyArn()}, digests, "kms:Sign")
		allow(own, nil, "ssm:PutParameter")
	case pipeline.PlanPermission:
		allow([]*string{r.keys.plans.KeyArn()}, digests, "kms:Sign")
	case pipeline.ReadPermission:
	}
	allow(append(own, before...), nil, "ssm:GetParameter")
}

// headARNs returns the ARNs of the parameters of the tooling account with the newest releases of an environment.
func (r jobRights) headARNs(env config.Environment) []*string {
	var out []*string
	for _, account := range env.Accounts() {
		out = append(out, r.stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("ssm"), Resource: jsii.String("parameter"),
			ResourceName: jsii.String("lockstep-heads/" + r.config.Project + "/" + env.Name + "/" + account.ID + "/" +
				account.Region),
		}))
	}
	return out
}
