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
	"lockstep/internal/roles"
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
	}{
		"nothing differs": {nil, nil, nil},
		"a permissions boundary": {
			map[string]string{"InputPermissionsBoundary": "b"}, []string{"InputPermissionsBoundary"}, nil,
		},
		"a key of its own": {
			map[string]string{"FileAssetsBucketKmsKeyId": ""}, []string{"FileAssetsBucketKmsKeyId"}, nil,
		},
		"a lookup by others": {
			map[string]string{"TrustedAccountsForLookup": "9"}, []string{"TrustedAccountsForLookup"}, nil,
		},
		"trust in another account": {map[string]string{"TrustedAccounts": "9,123456789012"}, nil, nil},
		"no trust yet": {
			map[string]string{"TrustedAccounts": "9"}, nil, []string{"TrustedAccounts: 9 -> 9,123456789012"},
		},
		"other policies": {
			map[string]string{"CloudFormationExecutionPolicies": "p"},
			nil,
			[]string{"CloudFormationExecutionPolicies: p -> arn:aws:iam::aws:policy/AdministratorAccess"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			values := maps.Clone(existing)
			maps.Copy(values, test.existing)
			stack := &types.Stack{}
			for key, value := range values {
				stack.Parameters = append(stack.Parameters, types.Parameter{ParameterKey: &key, ParameterValue: &value})
			}
			u, err := newUpdate(stack, parametersTemplate, account.parameters())
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

func TestBootstrap_ReplacesNoOtherOne(t *testing.T) {
	printed := faulttest.Printed(t)
	own := Account{Qualifier: "team2", Names: roles.Names{ToolkitStack: "CDKToolkit-team2"}}
	for name, test := range map[string]struct {
		account    Account
		stack      int
		parameters map[string]string
		refusal    string
	}{
		"the same": {own, 0, map[string]string{"Qualifier": "team2", "BootstrapVariant": "AWS CDK: Default Resources"}, ""},
		"a variant": {
			own, 0, map[string]string{"Qualifier": "team2", "BootstrapVariant": "ours"}, `has BootstrapVariant "ours"`,
		},
		"a qualifier":            {own, 0, map[string]string{"Qualifier": "team1"}, "bootstrap.toolkitStack"},
		"the stack of Lockstep":  {own, 1, map[string]string{"Qualifier": "team1"}, `has Qualifier "team1"`},
		"one before a qualifier": {own, 1, map[string]string{}, ""},
		"a qualifier, emulated": {
			Account{Qualifier: "team2", IsEmulated: true}, 0, map[string]string{"Qualifier": "x"}, "rehearsal reset",
		},
	} {
		t.Run(name, func(t *testing.T) {
			stack := &types.Stack{}
			for key, value := range test.parameters {
				stack.Parameters = append(stack.Parameters, types.Parameter{ParameterKey: &key, ParameterValue: &value})
			}
			err := test.account.stacks(parametersTemplate)[test.stack].checkReplacesNothing(stack, test.account)
			if test.refusal == "" {
				require.NoError(t, err)
				return
			}
			printed.Error(err)
			require.ErrorContains(t, err, test.refusal)
			assert.Equal(t, fault.BootstrapDiffers, fault.CodeOf(err))
		})
	}
}

func TestBootstrap_HasStacksOfItsOwnBesideAnotherOne(t *testing.T) {
	for name, test := range map[string]struct {
		names  roles.Names
		stacks []string
	}{
		"as the CDK":     {roles.Names{}, []string{"CDKToolkit", "LockstepToolkit"}},
		"a stack's name": {roles.Names{ToolkitStack: "Toolkit-2"}, []string{"Toolkit-2", "LockstepToolkit-team2"}},
	} {
		t.Run(name, func(t *testing.T) {
			var stacks []string
			for _, s := range (Account{Qualifier: "team2", Names: test.names}).stacks(parametersTemplate) {
				stacks = append(stacks, s.name)
			}
			assert.Equal(t, test.stacks, stacks)
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
