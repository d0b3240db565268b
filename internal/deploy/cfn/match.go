package cfn

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"lockstep/internal/deploy/assembly"
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

// Matches reports whether a stack is certainly as the assembly wants it, so that no change set is needed to know that
// nothing changes. LoadTemplate must have been called.
func (s State) Matches(want *assembly.Stack) bool {
	return s.matches(want, want.Template.Equal, false)
}

// MayMatch is Matches for a stack that was just deployed. What CloudFormation does not count as a change, hides or
// reads from SSM is no difference here: no deployment can remove it.
func (s State) MayMatch(want *assembly.Stack) bool {
	return s.matches(want, want.Template.Equivalent, true)
}

func (s State) matches(want *assembly.Stack, sameTemplate func(string) bool, allowUnknown bool) bool {
	return s.Phase == Updatable &&
		s.StackStatus != types.StackStatusUpdateFailed &&
		sameTemplate(s.Template) &&
		!s.protectionDiffers(want) &&
		!s.policyDiffers(want) &&
		maps.Equal(tagMap(s.Tags), want.Tags) &&
		s.sameParameters(want, allowUnknown) &&
		sameSet(s.NotificationARNs, want.NotificationARNs)
}

// protectionDiffers reports whether the stack's termination protection is not as the assembly wants it.
func (s State) protectionDiffers(want *assembly.Stack) bool {
	return aws.ToBool(s.EnableTerminationProtection) != want.TerminationProtection
}

// policyDiffers reports whether the stack lacks the policy that its template asks for.
func (s State) policyDiffers(want *assembly.Stack) bool {
	return want.Template.StackPolicy != "" && !sameJSON(s.policy, want.Template.StackPolicy)
}

// sameParameters reports whether the stack has the values that an update would give it. Values that cannot be compared
// count as different unless allowUnknown is set.
func (s State) sameParameters(want *assembly.Stack, allowUnknown bool) bool {
	values := map[string]string{}
	for _, p := range s.Parameters {
		values[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	for name, p := range want.Template.Parameters {
		wanted, isSet := want.Parameters[name]
		value, exists := values[name]
		switch {
		case name == assembly.BootstrapVersionParameter: // no resource depends on it
		case !exists:
			return false
		case isSet && p.IsSecret(), p.IsFromSSM():
			if !allowUnknown {
				return false
			}
		case isSet && value != wanted:
			return false
		}
	}
	return true
}

// sameSet reports whether two lists have the same items in any order.
func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
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
