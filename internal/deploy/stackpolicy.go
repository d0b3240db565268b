package deploy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go"

	"lockstep/internal/deploy/assembly"
)

// stackPolicies is as much of CloudFormation as a stack's policy takes.
type stackPolicies interface {
	GetStackPolicy(context.Context, *cloudformation.GetStackPolicyInput, ...func(*cloudformation.Options)) (*cloudformation.GetStackPolicyOutput, error)
	SetStackPolicy(context.Context, *cloudformation.SetStackPolicyInput, ...func(*cloudformation.Options)) (*cloudformation.SetStackPolicyOutput, error)
}

// The right to set policies may be one that the same deployment has just given, and IAM takes seconds to spread.
// Source: the IAM user guide, "Changes that I make are not always immediately visible".
const (
	policyAttempts = 10
	policyWait     = 2 * time.Second
)

// awsPause waits for AWS, or for the end of the context.
func awsPause(ctx context.Context) error {
	select {
	case <-time.After(policyWait):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// setStackPolicy gives a stack the policy that its template asks for, if it does not have it already. A template that asks for none leaves
// the stack's as it is.
func setStackPolicy(ctx context.Context, client stackPolicies, s *assembly.Stack, pause func(context.Context) error) error {
	want := s.Template.StackPolicy
	if want == "" {
		return nil
	}
	for attempt := 1; ; attempt++ {
		err := setPolicyOnce(ctx, client, s.Name, want)
		var denied smithy.APIError
		if !errors.As(err, &denied) || denied.ErrorCode() != "AccessDenied" || attempt == policyAttempts {
			return problem(err)
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// anyUpdate is the policy that lets an update do everything. A policy cannot be removed, only replaced.
const anyUpdate = `{"Statement":[{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"}]}`

// lifted does something while the stack's policy is lifted, and puts the policy back whatever comes of it. A run that is killed meanwhile leaves a
// stack that differs from its assembly, so the next one puts it back.
func lifted(ctx context.Context, client stackPolicies, s *assembly.Stack, do func() error) error {
	if err := setPolicyOnce(ctx, client, s.Name, anyUpdate); err != nil {
		return problem(err)
	}
	err := do()
	ctx, cancel := afterwards(ctx, err)
	defer cancel()
	return errors.Join(err, problem(setPolicyOnce(ctx, client, s.Name, s.Template.StackPolicy)))
}

// policyOf is the policy that a stack has; empty for none, and where this caller may not see it.
func policyOf(ctx context.Context, client stackPolicies, stack string) (string, error) {
	out, err := client.GetStackPolicy(ctx, &cloudformation.GetStackPolicyInput{StackName: &stack})
	if code(err) == "AccessDenied" {
		return "", nil
	}
	if err != nil {
		return "", problem(err)
	}
	return aws.ToString(out.StackPolicyBody), nil
}

// policyDiffers says whether the stack lacks the policy that its template asks for.
func policyDiffers(s *assembly.Stack, have deployed) bool {
	return s.Template.StackPolicy != "" && !sameJSON(have.policy, s.Template.StackPolicy)
}

func setPolicyOnce(ctx context.Context, client stackPolicies, stack, want string) error {
	have, err := client.GetStackPolicy(ctx, &cloudformation.GetStackPolicyInput{StackName: &stack})
	if err != nil || sameJSON(aws.ToString(have.StackPolicyBody), want) {
		return err
	}
	_, err = client.SetStackPolicy(ctx, &cloudformation.SetStackPolicyInput{StackName: &stack, StackPolicyBody: &want})
	return err
}

// sameJSON says whether two texts are the same but for white space.
func sameJSON(a, b string) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, []byte(a)) == nil && json.Compact(&y, []byte(b)) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}
