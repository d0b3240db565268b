package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
	"lockstep/infra/constructs"
)

// A Scope is one account of the platform in which stacks are created. Their names, tags, roles and protection follow
// from the configuration.
type Scope struct {
	App         awscdk.App
	Pipeline    config.Pipeline
	Environment config.Environment
	// Stacks are the stacks in the order of their creation.
	Stacks []awscdk.Stack
}

// NewStack returns a new stack with the name PROJECT-ENVIRONMENT-NAME.
func (s *Scope) NewStack(name, description string) awscdk.Stack {
	env := s.Environment
	stack := awscdk.NewStack(s.App, jsii.String(s.QualifiedName(name)), &awscdk.StackProps{
		Env:                   &awscdk.Environment{Account: jsii.String(env.ID), Region: jsii.String(env.Region)},
		Description:           jsii.String(fmt.Sprintf("%s %s: %s", s.Pipeline.Project, env.Name, description)),
		TerminationProtection: jsii.Bool(env.TerminationProtection),
		Synthesizer:           s.synthesizer(),
	})
	if env.IsFurtherRegion {
		constructs.NameWithRegion(stack)
	}
	stack.Node().SetContext(jsii.String(outputsContextKey), fmt.Sprintf("/%s/%s/%s/%s", s.Pipeline.Project, env.Name,
		config.OutputsFolder, name))
	for key, value := range s.tags() {
		awscdk.Tags_Of(stack).Add(jsii.String(key), jsii.String(value), nil)
	}
	if env.TerminationProtection {
		s.protectStack(stack)
	}
	s.Stacks = append(s.Stacks, stack)
	return stack
}

// synthesizer returns the synthesizer with the names of the account's bootstrap.
func (s *Scope) synthesizer() awscdk.DefaultStackSynthesizer {
	names := s.Environment.Bootstrap.BootstrapNames
	props := &awscdk.DefaultStackSynthesizerProps{Qualifier: jsii.String(s.Pipeline.QualifierOf(s.Environment))}
	for name, property := range map[string]**string{
		names.DeployRole: &props.DeployRoleArn, names.PublishingRole: &props.FileAssetPublishingRoleArn,
		names.LookupRole: &props.LookupRoleArn, names.ExecutionRole: &props.CloudFormationExecutionRole,
	} {
		if name != "" {
			*property = jsii.String("arn:${AWS::Partition}:iam::${AWS::AccountId}:role/" + name)
		}
	}
	if names.Bucket != "" {
		props.FileAssetsBucketName = jsii.String(names.Bucket)
	}
	return awscdk.NewDefaultStackSynthesizer(props)
}

// QualifiedName returns a name that is unique in the account.
func (s *Scope) QualifiedName(name string) string {
	return fmt.Sprintf("%s-%s-%s", s.Pipeline.Project, s.Environment.Name, name)
}

// tags returns the tags of all stacks: those of the pipeline, then those of the environment, then the project and the
// environment. Later ones replace earlier ones.
func (s *Scope) tags() map[string]string {
	all := map[string]string{}
	for _, tags := range []map[string]string{
		s.Pipeline.Tags, s.Environment.Tags,
		{"project": s.Pipeline.Project, "environment": s.Environment.Name},
	} {
		for key, value := range tags {
			all[key] = value
		}
	}
	return all
}

// outputsContextKey is the context key of the folder of a stack's output parameters.
const outputsContextKey = "lockstep:outputs"

// addOutput publishes a value as an output of the stack, for people, and as a parameter, for programs.
func addOutput(stack awscdk.Stack, id string, value *string, description string) {
	awscdk.NewCfnOutput(stack, jsii.String(id), &awscdk.CfnOutputProps{
		Value:       value,
		Description: jsii.String(description),
	})
	folder := stack.Node().GetContext(jsii.String(outputsContextKey)).(string)
	addParameter(stack, "Output-"+id, folder+"/"+id, description, *value)
}
