package bootstrap

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/pipeline"
	"lockstep/tools"
)

func TestAccounts_TrustToolingAccountOnly(t *testing.T) {
	const powerUser = "arn:aws:iam::aws:policy/PowerUserAccess"
	p := config.Pipeline{
		Tooling:   config.Account{ID: "123456789012", Region: "eu-west-1"},
		Bootstrap: config.Bootstrap{Qualifier: "team1", ExecutionPolicies: []string{powerUser}},
	}
	dev := config.Environment{Name: "dev", Account: config.Account{ID: "111122223333", Region: "eu-west-1"}}
	prod := config.Environment{
		Name: "prod", Account: config.Account{ID: "777788889999", Region: "eu-west-1"},
		AdditionalWaves: []config.Wave{{Accounts: []config.Account{{ID: "777788889999", Region: "us-east-1"}}}},
	}
	var got []string
	for _, account := range Accounts(p, []config.Environment{dev, prod, {Name: Tooling}}) {
		assert.Equal(t, "team1", account.parameters()["Qualifier"])
		assert.Equal(t, powerUser, account.parameters()["CloudFormationExecutionPolicies"])
		got = append(got, account.Name+" "+account.ID+" "+account.Region+" trusts "+account.parameters()["TrustedAccounts"])
	}
	assert.Equal(t, []string{
		"tooling 123456789012 eu-west-1 trusts ",
		"dev 111122223333 eu-west-1 trusts 123456789012",
		"prod 777788889999 eu-west-1 trusts 123456789012",
		"prod 777788889999 us-east-1 trusts 123456789012",
	}, got)
}

func TestBootstrap_NewerVersionIsRefused(t *testing.T) {
	printed := faulttest.Printed(t)
	const template = "Resources: {CdkBootstrapVersion: {Type: AWS::SSM::Parameter, Properties: {Value: \"30\"}}}"
	stack := func(version string) *types.Stack {
		output := types.Output{OutputKey: aws.String("BootstrapVersion"), OutputValue: aws.String(version)}
		return &types.Stack{Outputs: []types.Output{output}}
	}
	require.NoError(t, checkNotNewer(stack("29"), template))
	require.NoError(t, checkNotNewer(stack("30"), template))
	require.ErrorContains(t, printed.Error(checkNotNewer(stack("31"), template)),
		"it has version 31 of the bootstrap, newer than version 30 of this Lockstep: update Lockstep")
	require.ErrorContains(t, printed.Error(checkNotNewer(stack("29"), "Resources: {}")), "which is not a number")
}

// A folder with tools that were installed before is used as it is, but for the one file that makes roles.
func TestLoadTemplate_RefusesAnotherTemplate(t *testing.T) {
	printed := faulttest.Printed(t)
	dir := t.TempDir()
	cdk := filepath.Join(dir, tools.CDK)
	require.NoError(t, os.MkdirAll(filepath.Join(cdk, "bin"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(cdk, "bin", pipeline.Tools[tools.CDK].Names[0]), nil, 0o755))
	text := []byte("Resources: {Backdoor: {Type: AWS::IAM::Role}}")
	require.NoError(t, os.WriteFile(filepath.Join(cdk, tools.BootstrapTemplate), text, 0o644))
	environ := []string{tools.PreinstalledDirVariable + "=" + dir, "XDG_CACHE_HOME=" + t.TempDir()}
	installer, err := tools.NewInstaller(environ, func(string) {})
	require.NoError(t, err)
	_, err = LoadTemplate(t.Context(), installer)
	printed.Error(err)
	require.ErrorContains(t, err, "it is not the template of the pinned CDK")
}
