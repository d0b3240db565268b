package deploy

import (
	"encoding/json"
	"testing"
	"testing/fstest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/roles"
)

// withoutRoles returns the stack web as the CliCredentialsStackSynthesizer writes it, with one asset.
func withoutRoles(t *testing.T, template string) *assembly.Assembly {
	t.Helper()
	encode := func(v any) *fstest.MapFile {
		data, err := json.Marshal(v)
		require.NoError(t, err)
		return &fstest.MapFile{Data: data}
	}
	files := fstest.MapFS{
		"web.json": {Data: []byte(template)}, "code.txt": {Data: []byte("code")},
		"web.assets.json": encode(map[string]any{"version": "36.0.0", "files": map[string]any{"code": map[string]any{
			"source": map[string]any{"path": "code.txt", "packaging": "file"},
			"destinations": map[string]any{"here": map[string]any{
				"bucketName": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}",
				"objectKey":  "1111111111111111111111111111111111111111111111111111111111111111.txt",
			}},
		}}}),
		"manifest.json": encode(map[string]any{"version": "36.0.0", "artifacts": map[string]any{
			"web": map[string]any{
				"type": "aws:cloudformation:stack", "environment": "aws://" + testAccount + "/" + testRegion,
				"dependencies": []string{"web.assets"}, "properties": map[string]any{"templateFile": "web.json"},
			},
			"web.assets": map[string]any{
				"type": "cdk:asset-manifest", "properties": map[string]any{"file": "web.assets.json"},
			},
		}}),
	}
	asm, _, err := Options{}.ReadAssembly(files, testTarget)
	require.NoError(t, err)
	return asm
}

// A stack for which the app names no role is deployed with those of the bootstrap, and only if that is allowed by name.
func TestSynthesizer_StackWithoutRolesNeedsAPermit(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	allowed := DeployRequest{Allow: []change.Permit{change.Synthesizer}}
	_, err := c.deploy(withoutRoles(t, topics(1)), DeployRequest{})
	printed.Error(err)
	assert.Equal(t, fault.ChangesNotNamed, fault.CodeOf(err))
	require.ErrorContains(t, err, "CloudFormation gets all rights of the execution role of the account's bootstrap")
	assert.Zero(t, c.stack("web").Executions)

	c.ForgetAssumedRoles()
	record, err := c.deploy(withoutRoles(t, topics(1)), allowed)
	require.NoError(t, err)
	assert.Equal(t, change.Created, record.Outcome)
	used := c.AssumedRoles()
	for _, kind := range []roles.Kind{roles.Deploy, roles.FilePublishing} {
		assert.Contains(t, used, bootstrapRole(testTarget, kind).ARN)
	}
	record, err = c.deploy(withoutRoles(t, topics(1)), DeployRequest{})
	require.NoError(t, err, "nothing changes, so nothing has to be allowed")
	assert.Equal(t, change.Unchanged, record.Outcome)

	t.Run("an old bootstrap is refused", func(t *testing.T) {
		c := newCloud(t)
		c.BootstrapVersion = "31"
		assert.Equal(t, fault.BootstrapOld, fault.CodeOf(c.openError(withoutRoles(t, topics(1)), DeployAccess)))
	})
	t.Run("a reviewed plan shows it, and its application asks for it", func(t *testing.T) {
		c := newCloud(t)
		plan, _, err := c.open(withoutRoles(t, topics(1)), func(o *Options) { o.Access = PlanAccess }).
			SavePlan(t.Context(), time.Hour)
		require.NoError(t, err)
		require.Len(t, plan.Flags(), 1)
		assert.Equal(t, change.Synthesizer, plan.Flags()[0].Permit)
	})
	t.Run("assets that only parameters name", func(t *testing.T) {
		asm := withoutRoles(t, `{"Parameters":{"AssetParametersabcS3Bucket1":{"Type":"String"}},"Resources":{}}`)
		err := newCloud(t).openError(asm, DeployAccess)
		printed.Error(err)
		assert.Equal(t, fault.AssetNotSupported, fault.CodeOf(err))
		require.ErrorContains(t, err, "has assets of the LegacyStackSynthesizer")
	})
	t.Run("a role that the app names stays", func(t *testing.T) {
		s := validStack()
		before := s.DeployRole
		useBootstrapRoles(s, accTarget)
		assert.Equal(t, before, s.DeployRole)
		assert.Empty(t, synthesizerFlags(s))
	})
}
