package cfn

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/assert"

	"lockstep/internal/deploy/assembly"
)

// A policyFake keeps a stack's policy, and refuses a number of reads.
type policyFake struct {
	policy   string
	refusals int
	err      error
	written  []string
}

func (f *policyFake) GetStackPolicy(
	context.Context, *cloudformation.GetStackPolicyInput, ...func(*cloudformation.Options),
) (*cloudformation.GetStackPolicyOutput, error) {
	if f.err != nil {
		return nil, f.err
	}
	if f.refusals > 0 {
		f.refusals--
		return nil, &smithy.GenericAPIError{Code: "AccessDenied", Message: "not yet"}
	}
	return &cloudformation.GetStackPolicyOutput{StackPolicyBody: aws.String(f.policy)}, nil
}

func (f *policyFake) SetStackPolicy(
	_ context.Context, in *cloudformation.SetStackPolicyInput, _ ...func(*cloudformation.Options),
) (*cloudformation.SetStackPolicyOutput, error) {
	f.policy = aws.ToString(in.StackPolicyBody)
	f.written = append(f.written, f.policy)
	return &cloudformation.SetStackPolicyOutput{}, nil
}

func TestSetStackPolicy_AppliesTemplatePolicy(t *testing.T) {
	const policy = `{"Statement": [{"Effect": "Allow"}]}`
	for _, test := range []struct {
		name    string
		fake    policyFake
		want    string
		written int
		pauses  int
		err     string
	}{
		{"none of its own", policyFake{policy: "old"}, "", 0, 0, ""},
		{"a first one", policyFake{}, policy, 1, 0, ""},
		{"another one", policyFake{policy: `{"Statement": []}`}, policy, 1, 0, ""},
		{
			"the one that it has, written otherwise",
			policyFake{policy: `{"Statement":[{"Effect":"Allow"}]}`},
			policy, 0, 0,
			"",
		},
		{"after the right to set it has spread", policyFake{refusals: 3}, policy, 1, 3, ""},
		{
			"not at all without the right",
			policyFake{refusals: 99},
			policy, 0, policyAttempts - 1,
			"api error AccessDenied: not yet",
		},
		{"not at all where CloudFormation fails", policyFake{err: errors.New("it fails")}, policy, 0, 0, "it fails"},
	} {
		t.Run(test.name, func(t *testing.T) {
			pauses := 0
			client := &Client{Pause: func(context.Context, time.Duration) error {
				pauses++
				return nil
			}}
			want := &assembly.Stack{Name: "s", Template: assembly.Template{StackPolicy: test.want}}
			err := client.setStackPolicy(t.Context(), &test.fake, want)
			if test.err == "" {
				assert.NoError(t, err)
			} else {
				assert.EqualError(t, err, test.err)
			}
			assert.Len(t, test.fake.written, test.written)
			assert.Equal(t, test.pauses, pauses)
		})
	}
}

func TestWithoutPolicy_RestoresPolicy(t *testing.T) {
	const policy = `{"Statement":[{"Effect":"Deny"}]}`
	for _, result := range []error{nil, errors.New("the update failed")} {
		fake := policyFake{policy: policy}
		err := withoutPolicy(t.Context(), &fake, &assembly.Stack{
			Name:     "s",
			Template: assembly.Template{StackPolicy: policy},
		}, func() error {
			assert.JSONEq(t, permissivePolicy, fake.policy)
			return result
		})
		if result == nil {
			assert.NoError(t, err)
		} else {
			assert.ErrorIs(t, err, result)
		}
		assert.Equal(t, policy, fake.policy)
	}
}
