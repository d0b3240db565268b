package cfn

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/resolve"
)

// ProcessedTemplate returns the template of a stack, or of a change set if it is not empty, after its macros. It is
// empty where CloudFormation does not answer it.
func (c *Client) ProcessedTemplate(ctx context.Context, stack, changeSet string) (string, error) {
	in := &cloudformation.GetTemplateInput{StackName: &stack, TemplateStage: types.TemplateStageProcessed}
	if changeSet != "" {
		in.ChangeSetName = &changeSet
	}
	return c.readTemplate(ctx, in)
}

// OriginalTemplate returns the template of a stack before its macros. It is empty where CloudFormation does not answer
// it.
func (c *Client) OriginalTemplate(ctx context.Context, stack string) (string, error) {
	return c.readTemplate(ctx, &cloudformation.GetTemplateInput{
		StackName: &stack, TemplateStage: types.TemplateStageOriginal,
	})
}

func (c *Client) readTemplate(ctx context.Context, in *cloudformation.GetTemplateInput) (string, error) {
	out, err := c.api.GetTemplate(ctx, in)
	if api := smithy.APIError(nil); errors.As(err, &api) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return aws.ToString(out.TemplateBody), nil
}

// ParameterValues returns the values of a stack's parameters before a change set and after it. What CloudFormation
// hides, or reads from SSM and does not show, is unknown: it is the same on both sides only if nothing gives it another
// value.
func ParameterValues(want *assembly.Stack, state State, set *ChangeSet) (before, after map[string]resolve.Parameter) {
	deployed, _ := assembly.ParseTemplate(state.Template) // of one in YAML nothing is judged by its parameters
	before, after = map[string]resolve.Parameter{}, map[string]resolve.Parameter{}
	resolved := map[string]*string{}
	for _, p := range state.Parameters {
		name := aws.ToString(p.ParameterKey)
		resolved[name] = p.ResolvedValue
		before[name] = resolve.Parameter{Value: aws.ToString(p.ParameterValue)}
		switch {
		case deployed.Parameters[name].IsSecret():
			before[name] = hiddenParameter(name)
		case p.ResolvedValue != nil && set.resolved[name] != nil:
			before[name] = resolve.Parameter{Value: *p.ResolvedValue}
		case deployed.Parameters[name].IsFromSSM():
			before[name] = ssmParameter(name, aws.ToString(p.ParameterValue))
		}
	}
	for name, declared := range want.Template.Parameters {
		value, isGiven := want.ParameterValue(name)
		switch {
		case declared.IsSecret():
			after[name] = hiddenAfter(name, want, deployed)
		case declared.IsFromSSM() && set.resolved[name] != nil && resolved[name] != nil:
			after[name] = resolve.Parameter{Value: *set.resolved[name]}
		case declared.IsFromSSM() && isGiven:
			after[name] = ssmParameter(name, value)
		case isGiven:
			after[name] = resolve.Parameter{Value: value}
		default: // the stack keeps what it has
			after[name] = before[name]
		}
	}
	return before, after
}

func hiddenParameter(name string) resolve.Parameter {
	return resolve.Parameter{Value: name + ", which is hidden", IsUnknown: true}
}

// hiddenAfter returns the value that a parameter with NoEcho has after an update. It is the same as before if nothing
// gives it a value, or the same default.
func hiddenAfter(name string, want *assembly.Stack, deployed assembly.Template) resolve.Parameter {
	_, isGiven := want.Parameters[name]
	if !isGiven && want.Template.Parameters[name].Default == deployed.Parameters[name].Default {
		return hiddenParameter(name)
	}
	return resolve.Parameter{Value: name + ", which is hidden and given a value", IsUnknown: true}
}

func ssmParameter(name, key string) resolve.Parameter {
	return resolve.Parameter{Value: name + ", the SSM parameter " + key, IsUnknown: true}
}
