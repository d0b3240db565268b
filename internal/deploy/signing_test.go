package deploy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/attest"
)

// kmsSigning returns how records are signed with a key of KMS in the tooling account.
func kmsSigning(t *testing.T, c *cloud) Signing {
	t.Helper()
	text, err := attest.NewPrivateKey()
	require.NoError(t, err)
	key, err := attest.ParsePrivateKey(text)
	require.NoError(t, err)
	const alias = "alias/shop-releases"
	c.SigningKeys[testTooling+"/"+alias] = key
	signer := SigningKey{KMSKey: alias, Keys: attest.NewLocalSigner(key).Keys()}
	return Signing{Releases: signer, Plans: signer, From: 1, Region: testRegion, Builder: "urn:test"}
}

func TestSigning_WithAKeyOfTheToolingAccount(t *testing.T) {
	c := newCloud(t)
	signing := kmsSigning(t, c)
	sign := func(o *Options) { o.Signing = signing }
	record, err := c.deploy(oneStack(t, topics(1)), DeployRequest{}, sign)
	require.NoError(t, err)
	assert.Equal(t, signing.Releases.Keys.IDs(), []string{record.SignedBy})
	assert.Contains(t, c.progress.String(), "signed by key "+record.SignedBy[:12])

	_, err = c.deploy(oneStack(t, topics(2)), DeployRequest{}, sign, func(o *Options) {
		o.Signing.Releases.KMSKey = "alias/none"
	})
	require.ErrorContains(t, err, "the key alias/none of the tooling account does not sign")

	other := kmsSigning(t, c) // takes the place of the key, and not of the public key
	_, err = c.deploy(oneStack(t, topics(2)), DeployRequest{}, sign)
	require.ErrorContains(t, err, "is another one than the public keys of the configuration")
	signing.Releases.Keys = signing.Releases.Keys.Join(other.Releases.Keys)
	record, err = c.deploy(oneStack(t, topics(2)), DeployRequest{}, sign)
	require.NoError(t, err)
	assert.Equal(t, other.Releases.Keys.IDs(), []string{record.SignedBy})
	assert.Equal(t, 2, record.Release, "what could not be signed was not recorded")
}

func TestSigning_NobodySignsWithoutAKey(t *testing.T) {
	c := newCloud(t)
	record, err := c.deploy(oneStack(t, topics(1)), DeployRequest{})
	require.NoError(t, err)
	assert.Empty(t, record.SignedBy)
	assert.Contains(t, c.progress.String(), ", unsigned")
	assert.Contains(t, c.open(oneStack(t, topics(1))).Status(t.Context(), 0).Notes(),
		"unsigned: release 1; whoever may write to the bucket can make such records")
	assert.Empty(t, c.Parameters())
}
