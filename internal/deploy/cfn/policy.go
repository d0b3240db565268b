package cfn

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/compare"
)

// A policyAPI reads and sets stack policies.
type policyAPI interface {
	GetStackPolicy(context.Context, *cloudformation.GetStackPolicyInput, ...func(*cloudformation.Options)) (
		*cloudformation.GetStackPolicyOutput, error)
	SetStackPolicy(context.Context, *cloudformation.SetStackPolicyInput, ...func(*cloudformation.Options)) (
		*cloudformation.SetStackPolicyOutput, error)
}

// The right to set policies may be one that the same deployment has just granted, and IAM takes seconds to spread.
// Source: the IAM user guide, "Changes that I make are not always immediately visible".
const (
	policyAttempts   = 10
	policyRetryDelay = 2 * time.Second
)

// setStackPolicy sets the policy that a stack's template asks for, unless the stack has it already. A template that
// asks for none leaves the stack's policy as it is.
func (c *Client) setStackPolicy(ctx context.Context, api policyAPI, want *assembly.Stack) error {
	policy := want.Template.StackPolicy
	if policy == "" {
		return nil
	}
	for attempt := 1; ; attempt++ {
		err := setPolicyOnce(ctx, api, want.Name, policy)
		if !isAccessDenied(err) || attempt == policyAttempts {
			return err
		}
		if err := c.Pause(ctx, policyRetryDelay); err != nil {
			return err
		}
	}
}

// permissivePolicy allows every update. A policy cannot be removed, only replaced.
const permissivePolicy = `{"Statement":[{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"}]}`

// WithoutPolicy calls do while the stack's policy is lifted, and restores the policy afterwards. If the run is killed
// meanwhile, the stack differs from its assembly, so that the next run restores it.
func (c *Client) WithoutPolicy(ctx context.Context, want *assembly.Stack, do func() error) error {
	return withoutPolicy(ctx, c.api, want, do)
}

func withoutPolicy(ctx context.Context, api policyAPI, want *assembly.Stack, do func() error) error {
	if err := setPolicyOnce(ctx, api, want.Name, permissivePolicy); err != nil {
		return err
	}
	err := do()
	ctx, cancel := awsclient.CleanupContext(ctx, err)
	defer cancel()
	return errors.Join(err, setPolicyOnce(ctx, api, want.Name, want.Template.StackPolicy))
}

// getStackPolicy returns the policy of a stack, or "" if there is none or the role may not read it.
func getStackPolicy(ctx context.Context, api policyAPI, stack string) (string, error) {
	out, err := api.GetStackPolicy(ctx, &cloudformation.GetStackPolicyInput{StackName: &stack})
	if isAccessDenied(err) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return aws.ToString(out.StackPolicyBody), nil
}

func setPolicyOnce(ctx context.Context, api policyAPI, stack, policy string) error {
	have, err := api.GetStackPolicy(ctx, &cloudformation.GetStackPolicyInput{StackName: &stack})
	if err != nil || compare.SameJSON(aws.ToString(have.StackPolicyBody), policy) {
		return err
	}
	_, err = api.SetStackPolicy(ctx, &cloudformation.SetStackPolicyInput{StackName: &stack, StackPolicyBody: &policy})
	return err
}
