package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
)

// A Scope is one account of the platform, to make stacks in: their names, tags, roles and protection follow from the configuration.
type Scope struct {
	App         awscdk.App
	Pipeline    config.Pipeline
	Environment config.Environment
	// Stacks are the stacks so far, in the order in which they were made.
	Stacks []awscdk.Stack
}

// NewStack makes a stack, called PROJECT-ENVIRONMENT-NAME.
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

// QualifiedName is the name of something of this account that has to be unique in it.
func (p *Scope) QualifiedName(of string) string {
	return fmt.Sprintf("%s-%s-%s", p.Pipeline.Project, p.Environment.Name, of)
}

// tags are those of the configuration; the environment's win over the pipeline's, and who and where over both.
func (p *Scope) tags() map[string]string {
	all := map[string]string{}
	for _, tags := range []map[string]string{p.Pipeline.Tags, p.Environment.Tags, {"project": p.Pipeline.Project, "environment": p.Environment.Name}} {
		for key, value := range tags {
			all[key] = value
		}
	}
	return all
}

// outputsContextKey is where a stack has the folder of the parameters that hold its outputs.
const outputsContextKey = "lockstep:outputs"

// addOutput makes a value known to people, as an output of the stack, and to programs, as a parameter.
func addOutput(stack awscdk.Stack, id string, value *string, about string) {
	awscdk.NewCfnOutput(stack, jsii.String(id), &awscdk.CfnOutputProps{Value: value, Description: jsii.String(about)})
	folder := stack.Node().GetContext(jsii.String(outputsContextKey)).(string)
	addParameter(stack, "Output-"+id, folder+"/"+id, about, *value)
}
