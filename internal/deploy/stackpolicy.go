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

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
)

// stackPolicyAPI is as much of CloudFormation as a stack's policy takes.
type stackPolicyAPI interface {
	GetStackPolicy(context.Context, *cloudformation.GetStackPolicyInput, ...func(*cloudformation.Options)) (*cloudformation.GetStackPolicyOutput, error)
	SetStackPolicy(context.Context, *cloudformation.SetStackPolicyInput, ...func(*cloudformation.Options)) (*cloudformation.SetStackPolicyOutput, error)
}

// The right to set policies may be one that the same deployment has just given, and IAM takes seconds to spread.
// Source: the IAM user guide, "Changes that I make are not always immediately visible".
const (
	policyAttempts   = 10
	policyRetryDelay = 2 * time.Second
)

// waitPolicyRetry waits for AWS, or for the end of the context.
func waitPolicyRetry(ctx context.Context) error {
	select {
	case <-time.After(policyRetryDelay):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// setStackPolicy gives a stack the policy that its template asks for, if it does not have it already. A template that asks for none leaves
// the stack's as it is.
func setStackPolicy(ctx context.Context, client stackPolicyAPI, s *assembly.Stack, pause func(context.Context) error) error {
	want := s.Template.StackPolicy
	if want == "" {
		return nil
	}
	for attempt := 1; ; attempt++ {
		err := setPolicyOnce(ctx, client, s.Name, want)
		var denied smithy.APIError
		if !errors.As(err, &denied) || denied.ErrorCode() != "AccessDenied" || attempt == policyAttempts {
			return err
		}
		if err := pause(ctx); err != nil {
			return err
		}
	}
}

// permissivePolicy is the policy that lets an update do everything. A policy cannot be removed, only replaced.
const permissivePolicy = `{"Statement":[{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"}]}`

// withoutStackPolicy does something while the stack's policy is lifted, and puts the policy back whatever comes of it. A run that is killed meanwhile leaves a
// stack that differs from its assembly, so the next one puts it back.
func withoutStackPolicy(ctx context.Context, client stackPolicyAPI, s *assembly.Stack, do func() error) error {
	if err := setPolicyOnce(ctx, client, s.Name, permissivePolicy); err != nil {
		return err
	}
	err := do()
	ctx, cancel := cleanupContext(ctx, err)
	defer cancel()
	return errors.Join(err, setPolicyOnce(ctx, client, s.Name, s.Template.StackPolicy))
}

// getStackPolicy is the policy that a stack has; empty for none, and where this caller may not see it.
func getStackPolicy(ctx context.Context, client stackPolicyAPI, stack string) (string, error) {
	out, err := client.GetStackPolicy(ctx, &cloudformation.GetStackPolicyInput{StackName: &stack})
	if awsclient.ErrorCode(err) == "AccessDenied" {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return aws.ToString(out.StackPolicyBody), nil
}

// policyDiffers says whether the stack lacks the policy that its template asks for.
func policyDiffers(s *assembly.Stack, have stackState) bool {
	return s.Template.StackPolicy != "" && !sameJSON(have.policy, s.Template.StackPolicy)
}

func setPolicyOnce(ctx context.Context, client stackPolicyAPI, stack, want string) error {
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
