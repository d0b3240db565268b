package bootstrap

import (
	"maps"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

const parametersTemplate = `
Parameters:
  TrustedAccounts: {Type: CommaDelimitedList, Default: ""}
  CloudFormationExecutionPolicies: {Type: CommaDelimitedList, Default: ""}
  FileAssetsBucketKmsKeyId: {Type: String, Default: ""}
  InputPermissionsBoundary: {Type: String, Default: ""}
  TrustedAccountsForLookup: {Type: CommaDelimitedList, Default: ""}
  Qualifier: {Type: String, Default: hnb659fds}
  BootstrapVariant: {Type: String, Default: "AWS CDK: Default Resources"}
  DenyExternalId: {Type: String, Default: "true"}
`

func TestBootstrap_KeepsWhatTheConfigurationDoesNotSet(t *testing.T) {
	printed := faulttest.Printed(t)
	account := Account{
		TrustedAccounts: []string{"123456789012"}, Qualifier: "hnb659fds",
		ExecutionPolicies: []string{"arn:aws:iam::aws:policy/AdministratorAccess"},
	}
	existing := map[string]string{
		"TrustedAccounts": "123456789012", "Qualifier": "hnb659fds", "FileAssetsBucketKmsKeyId": "AWS_MANAGED_KEY",
		"CloudFormationExecutionPolicies": "arn:aws:iam::aws:policy/AdministratorAccess",
		"BootstrapVariant":                "AWS CDK: Default Resources",
	}
	for name, test := range map[string]struct {
		existing map[string]string
		kept     []string
		changes  []string
		refusal  string
	}{
		"nothing differs": {nil, nil, nil, ""},
		"a permissions boundary": {
			map[string]string{"InputPermissionsBoundary": "b"}, []string{"InputPermissionsBoundary"}, nil, "",
		},
		"a key of its own": {
			map[string]string{"FileAssetsBucketKmsKeyId": ""}, []string{"FileAssetsBucketKmsKeyId"}, nil, "",
		},
		"a lookup by others": {
			map[string]string{"TrustedAccountsForLookup": "9"}, []string{"TrustedAccountsForLookup"}, nil, "",
		},
		"trust in another account": {map[string]string{"TrustedAccounts": "9,123456789012"}, nil, nil, ""},
		"no trust yet": {
			map[string]string{"TrustedAccounts": "9"}, nil, []string{"TrustedAccounts: 9 -> 9,123456789012"}, "",
		},
		"other policies": {
			map[string]string{"CloudFormationExecutionPolicies": "p"},
			nil,
			[]string{"CloudFormationExecutionPolicies: p -> arn:aws:iam::aws:policy/AdministratorAccess"},
			"",
		},
		"another variant":   {map[string]string{"BootstrapVariant": "ours"}, nil, nil, `has BootstrapVariant "ours"`},
		"another qualifier": {map[string]string{"Qualifier": "team1"}, nil, nil, `has Qualifier "team1"`},
	} {
		t.Run(name, func(t *testing.T) {
			values := maps.Clone(existing)
			maps.Copy(values, test.existing)
			stack := &types.Stack{}
			for key, value := range values {
				stack.Parameters = append(stack.Parameters, types.Parameter{ParameterKey: &key, ParameterValue: &value})
			}
			u, err := newUpdate(stack, parametersTemplate, account.parameters())
			if test.refusal != "" {
				printed.Error(err)
				require.ErrorContains(t, err, test.refusal)
				assert.Equal(t, fault.BootstrapDiffers, fault.CodeOf(err))
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.changes, u.changes)
			for key := range values {
				isSent := func(p types.Parameter) bool { return aws.ToString(p.ParameterKey) == key }
				assert.True(t, slices.ContainsFunc(u.parameters, isSent), "%s would fall back to its default", key)
			}
			for _, key := range test.kept {
				isKept := func(p types.Parameter) bool {
					return aws.ToString(p.ParameterKey) == key && aws.ToBool(p.UsePreviousValue)
				}
				assert.True(t, slices.ContainsFunc(u.parameters, isKept), "%s is kept", key)
			}
		})
	}
}

func TestBootstrap_ChangesAreApprovedFirst(t *testing.T) {
	printed := faulttest.Printed(t)
	u := update{changes: []string{"TrustedAccounts: nothing -> 1", "X: a -> b"}}
	require.NoError(t, u.approve(Account{MayChange: true}))
	require.NoError(t, update{}.approve(Account{}))
	err := u.approve(Account{})
	printed.Error(err)
	require.ErrorContains(t, err, "TrustedAccounts: nothing -> 1; X: a -> b")
	assert.Equal(t, fault.BootstrapDiffers, fault.CodeOf(err))
}
