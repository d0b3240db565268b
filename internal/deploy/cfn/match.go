package cfn

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/compare"
)

// LoadTemplate reads the template that an updatable stack was deployed with and, where the assembly sets one, its
// policy.
func (c *Client) LoadTemplate(ctx context.Context, want *assembly.Stack, state *State) error {
	if state.Phase != Updatable {
		return nil
	}
	out, err := c.api.GetTemplate(ctx, &cloudformation.GetTemplateInput{
		StackName: state.StackId, TemplateStage: types.TemplateStageOriginal,
	})
	if err != nil {
		return err
	}
	state.Template = aws.ToString(out.TemplateBody)
	if want.Template.StackPolicy == "" {
		return nil
	}
	state.policy, err = getStackPolicy(ctx, c.api, state.ID())
	return err
}

// Compare compares an updatable stack with what the assembly wants. LoadTemplate must have been called.
func (s State) Compare(want *assembly.Stack) compare.Result {
	parameters := map[string]compare.Parameter{}
	for _, p := range s.Parameters {
		parameters[aws.ToString(p.ParameterKey)] = compare.Parameter{
			Value: aws.ToString(p.ParameterValue), IsResolved: p.ResolvedValue != nil,
		}
	}
	return compare.Stack(compare.Deployed{
		ID: s.ID(), UpdatedAt: s.LastUpdated(), IsFailed: s.StackStatus == types.StackStatusUpdateFailed,
		Template: s.Template, Parameters: parameters, Tags: tagMap(s.Tags), NotificationARNs: s.NotificationARNs,
		Policy: s.policy, TerminationProtection: aws.ToBool(s.EnableTerminationProtection),
	}, want)
}

// protectionDiffers reports whether the stack's termination protection is not as the assembly wants it.
func (s State) protectionDiffers(want *assembly.Stack) bool {
	return aws.ToBool(s.EnableTerminationProtection) != want.TerminationProtection
}

// tagMap returns tags by key, nil if there are none.
func tagMap(tags []types.Tag) map[string]string {
	if len(tags) == 0 {
		return nil
	}
	out := map[string]string{}
	for _, tag := range tags {
		out[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return out
}
