package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
	own "lockstep/infra/constructs"
	"lockstep/internal/pipeline"
)

// signingKeys are the keys with which the jobs sign what they record: release records and approvals with one, plans
// with the other, so that a job that plans cannot approve.
type signingKeys struct{ releases, plans awskms.Key }

// newSigningKeys adds the keys. Their aliases are alias/PROJECT-releases and alias/PROJECT-plans.
func newSigningKeys(stack awscdk.Stack, project string) signingKeys {
	return signingKeys{
		releases: own.NewSigningKey(stack, "ReleaseSigningKey", project+"-releases", "signs release records and approvals"),
		plans:    own.NewSigningKey(stack, "PlanSigningKey", project+"-plans", "signs the registrations of plans"),
	}
}

// allowSigning lets a job sign what it records, and nothing else, and read or write which release is the newest.
func (b *pipelineBuilder) allowSigning(role awsiam.Role, job pipeline.Job) {
	var own, before []*string // the parameters with the newest releases
	for _, env := range b.Environments {
		if env.Name != job.Environment {
			continue
		}
		own = b.headARNs(env)
		for _, predecessor := range b.Environments {
			if predecessor.Name == env.After && len(job.Permission.PredecessorRoles()) > 0 {
				before = b.headARNs(predecessor)
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
		allow([]*string{b.keys.releases.KeyArn(), b.keys.plans.KeyArn()}, digests, "kms:Sign")
		allow(own, nil, "ssm:PutParameter")
	case pipeline.PlanPermission:
		allow([]*string{b.keys.plans.KeyArn()}, digests, "kms:Sign")
	case pipeline.ReadPermission:
	}
	allow(append(own, before...), nil, "ssm:GetParameter")
}

// headARNs returns the ARNs of the parameters of the tooling account with the newest releases of an environment.
func (b *pipelineBuilder) headARNs(env config.Environment) []*string {
	var out []*string
	for _, account := range env.Accounts() {
		out = append(out, awscdk.Stack_Of(b.scope).FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("ssm"), Resource: jsii.String("parameter"),
			ResourceName: jsii.String("lockstep-heads/" + b.Pipeline.Project + "/" + env.Name + "/" + account.ID + "/" +
				account.Region),
		}))
	}
	return out
}
