package assembly

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRead_TakesNewerSchemaWithKnownNames(t *testing.T) {
	for _, version := range []string{"55.0.0", "56.1.0", "99.0.0"} {
		archive := strings.ReplaceAll(withStacks(stack("a", `"additionalDependencies": [], "validateOnSynth": false,`)),
			"36.0.0", version)
		a, err := Read(newFS(archive), acc)
		require.NoError(t, err, version)
		assert.Equal(t, []string{"a"}, stackNames(a))
	}
}

func TestRead_NamesWhatItDoesNotKnow(t *testing.T) {
	const assets = `"a.assets": {"type": "cdk:asset-manifest", "properties": {"file": "a.assets.json"}}`
	withAssets := func(text string) string {
		return withStacks(stack("a", "", "a.assets"), assets) + "-- a.assets.json --\n" + text + "\n"
	}
	assertReadRefuses(t, []refusedArchive{
		{
			"a type of artefact", withStacks(stack("a", ""), `"w": {"type": "aws:wave"}`),
			`manifest.json, of schema 36.0.0, has artifacts.w, of type "aws:wave", which Lockstep does not know`,
		},
		{
			"an artefact without a type", withStacks(stack("a", ""), `"w": {}`),
			`has artifacts.w, of type "", which Lockstep does not know`,
		},
		{
			"a property of a stack", withStacks(stack("a", `"deploymentMode": "express",`)),
			"has artifacts.a.properties.deploymentMode, which Lockstep does not know: update Lockstep, or synthesise with " +
				"an aws-cdk-lib whose schema is 55 or older",
		},
		{
			"a known property in other letters", withStacks(stack("a", `"TerminationProtection": true,`)),
			"has artifacts.a.properties.TerminationProtection, which",
		},
		{
			"a property of a role", withStacks(stack("a", `"lookupRole": {"arn": "x", "mfa": true},`)),
			"has artifacts.a.properties.lookupRole.mfa, which",
		},
		{
			"an option of a role", withStacks(stack("a", `"assumeRoleAdditionalOptions": {"TokenCode": "1"},`)),
			"has artifacts.a.properties.assumeRoleAdditionalOptions.TokenCode, which",
		},
		{
			"an entry of an artefact", withStacks(`"n": {"type": "cdk:tree", "condition": "x"}`),
			"has artifacts.n.condition, which",
		},
		{
			"an entry of the manifest", strings.ReplaceAll(withStacks(stack("a", "")), `"version"`, `"waves": 1, "version"`),
			"manifest.json, of schema 36.0.0, has waves, which",
		},
		{
			"an entry of a manifest of assets", withAssets(`{"version": "55.0.0", "layers": {}}`),
			"a.assets.json, of schema 55.0.0, has layers, which",
		},
		{
			"a destination of an asset",
			withAssets(`{"version": "55.0.0", "files": {"f": {"destinations": {"d": {"encryption": "x"}}}}}`),
			"has files.f.destinations.d.encryption, which",
		},
	})
}

func TestKnownNames_HaveWhatReadReads(t *testing.T) {
	known := knownNames()
	assert.Contains(t, known.Source, "@aws-cdk/cloud-assembly-schema")
	for _, artefactType := range []string{stackArtefact, assetArtefact, nestedArtefact} {
		assert.NotEmpty(t, known.Properties[artefactType], artefactType)
	}
	assert.Contains(t, known.AssetManifest["files"][AnyName], "destinations")
}
