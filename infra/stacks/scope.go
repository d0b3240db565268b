package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
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
func (p *Scope) NewStack(name, about string) awscdk.Stack {
	env := p.Environment
	stack := awscdk.NewStack(p.App, jsii.String(p.QualifiedName(name)), &awscdk.StackProps{
		Env:                   &awscdk.Environment{Account: jsii.String(env.ID), Region: jsii.String(env.Region)},
		Description:           jsii.String(fmt.Sprintf("%s %s: %s", p.Pipeline.Project, env.Name, about)),
		TerminationProtection: jsii.Bool(env.TerminationProtection),
		Synthesizer:           awscdk.NewDefaultStackSynthesizer(&awscdk.DefaultStackSynthesizerProps{Qualifier: jsii.String(p.Pipeline.Bootstrap.Qualifier)}),
	})
	stack.Node().SetContext(jsii.String(outputsContextKey), fmt.Sprintf("/%s/%s/%s/%s", p.Pipeline.Project, env.Name, config.OutputsFolder, name))
	for key, value := range p.tags() {
		awscdk.Tags_Of(stack).Add(jsii.String(key), jsii.String(value), nil)
	}
	if env.TerminationProtection {
		p.protectStack(stack)
	}
	p.Stacks = append(p.Stacks, stack)
	return stack
}

// QualifiedName returns a name that is unique in the account.
func (p *Scope) QualifiedName(of string) string {
	return fmt.Sprintf("%s-%s-%s", p.Pipeline.Project, p.Environment.Name, of)
}

// tags returns the tags of all stacks: those of the pipeline, then those of the environment, then the project and the
// environment. Later ones replace earlier ones.
func (p *Scope) tags() map[string]string {
	all := map[string]string{}
	for _, tags := range []map[string]string{p.Pipeline.Tags, p.Environment.Tags, {"project": p.Pipeline.Project, "environment": p.Environment.Name}} {
		for key, value := range tags {
			all[key] = value
		}
	}
	return all
}

// outputsContextKey is the context key of the folder of a stack's output parameters.
const outputsContextKey = "lockstep:outputs"

// addOutput publishes a value as an output of the stack, for people, and as a parameter, for programs.
func addOutput(stack awscdk.Stack, id string, value *string, about string) {
	awscdk.NewCfnOutput(stack, jsii.String(id), &awscdk.CfnOutputProps{Value: value, Description: jsii.String(about)})
	folder := stack.Node().GetContext(jsii.String(outputsContextKey)).(string)
	addParameter(stack, "Output-"+id, folder+"/"+id, about, *value)
}
