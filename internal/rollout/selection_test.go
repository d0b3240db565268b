package rollout

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/planfile"
)

// writeSharedAssembly writes one assembly with a stack for each of the accounts, as most CDK apps do.
func writeSharedAssembly(t *testing.T, accounts ...string) Source {
	t.Helper()
	dir := t.TempDir()
	artefacts := map[string]any{}
	for _, account := range accounts {
		role := func(kind string) string {
			id := strings.ReplaceAll(account, "unknown-account", "${AWS::AccountId}")
			return "arn:aws:iam::" + id + ":role/cdk-hnb659fds-" + kind + "-role-" + id + "-" + testRegion
		}
		artefacts["web-"+account] = map[string]any{
			"type": "aws:cloudformation:stack", "environment": "aws://" + account + "/" + testRegion,
			"properties": map[string]any{
				"templateFile": "web.json", "assumeRoleArn": role("deploy"), "cloudFormationExecutionRoleArn": role("cfn-exec"),
			},
		}
	}
	manifest, err := json.Marshal(map[string]any{"version": "55.0.0", "artifacts": artefacts})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "manifest.json"), manifest, 0o600))
	const template = `{"Parameters":{"Size":{"Type":"String","Default":"0"}},"Resources":{"T":{"Type":"AWS::SNS::Topic"}}}`
	require.NoError(t, os.WriteFile(filepath.Join(dir, "web.json"), []byte(template), 0o600))
	return Synthesised{Dir: dir}
}

func TestDeploy_OneAssemblyForAllEnvironments(t *testing.T) {
	o := newOpener(t, true)
	var lines []string
	o.session.Progress = func(line string) { lines = append(lines, line) }
	environments := o.session.Config.Environments
	environments[0].AdditionalWaves = nil
	for i, env := range environments[:2] {
		environments[i].Stacks.Parameters = map[string]map[string]string{"web-" + env.ID: {"Size": env.Name}}
	}
	environments[1].Stacks.Include = []config.StackSelector{{Name: "web-4*"}}
	source := writeSharedAssembly(t, "111111111111", "444444444444", "999999999999", "unknown-account")
	run := func(env config.Environment) *account {
		accounts, err := o.runEnvironment(t.Context(), env, Request{
			Command: "deploy", Source: source, Operation: Deploy{}, MaxFailures: -1,
		})
		require.NoError(t, err)
		require.Len(t, accounts, 1)
		return accounts[0]
	}
	dev := run(environments[0])
	assert.Equal(t, change.Created, dev.record.Outcome)
	require.Len(t, dev.record.Stacks, 2)
	assert.Equal(t, "web-111111111111", dev.record.Stacks[0].Name)
	assert.Equal(t, "web-unknown-account", dev.record.Stacks[1].Name, "one for no account in particular")
	prod := run(environments[1])
	require.Len(t, prod.record.Stacks, 1, "it passed dev in the same assembly")
	assert.Equal(t, "web-444444444444", prod.record.Stacks[0].Name)

	said := strings.Join(lines, "\n")
	assert.Equal(t, 1, strings.Count(said, "goes to no environment"), "%s", said)
	assert.Contains(t, said, "stack web-999999999999, for account 999999999999 in eu-west-1, goes to no environment")
}

func TestDeploy_SelectorsOfTheEnvironment(t *testing.T) {
	o := newOpener(t, false)
	env := o.session.Config.Environments[0]
	env.AdditionalWaves = nil
	env.Stacks = config.Stacks{Include: []config.StackSelector{{Name: "api-*"}}}
	_, err := o.runEnvironment(t.Context(), env, Request{
		Command: "deploy", Source: writeSharedAssembly(t, "111111111111"), Operation: Deploy{}, MaxFailures: -1,
	})
	require.ErrorContains(t, err, "no stack of the cloud assembly goes to account 111111111111 in eu-west-1")
}

func TestCoverage_CountsWhatWasReached(t *testing.T) {
	o := newOpener(t, false)
	env := o.session.Config.Environments[0]
	env.AdditionalWaves = nil
	env.Stacks.Parameters = map[string]map[string]string{"web-111111111111": {"Size": "1"}}
	source := writeSharedAssembly(t, "111111111111", "444444444444")
	run := func(operation Operation) *account {
		accounts, _ := o.runEnvironment(t.Context(), env, Request{
			Command: "deploy", Source: source, Operation: operation, MaxFailures: -1,
		})
		require.Len(t, accounts, 1)
		return accounts[0]
	}
	refused := run(Deploy{Plan: &planfile.File{Environment: "dev"}})
	require.NotEmpty(t, refused.record.Error)
	assert.Equal(t, 1, refused.record.Coverage.Resources, "the stack of another account does not count")
	assert.Equal(t, 1, refused.record.Coverage.NotReached)
	assert.Zero(t, refused.record.Coverage.Rehearsed())
	deployed := run(Deploy{})
	require.Empty(t, deployed.record.Error)
	assert.Zero(t, deployed.record.Coverage.NotReached)
}
