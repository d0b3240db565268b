package rollout

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/simulated"
)

func TestLocalKey_IsMadeOnceAndTheUsersAlone(t *testing.T) {
	cache := t.TempDir()
	s := &Session{Root: t.TempDir(), Environ: []string{"XDG_CACHE_HOME=" + cache}}
	first, err := s.LocalKeys()
	require.NoError(t, err)
	again, err := s.LocalKeys()
	require.NoError(t, err)
	assert.Equal(t, first.IDs(), again.IDs())
	file := filepath.Join(cache, "lockstep", "private", localKeyFile)
	for path, want := range map[string]os.FileMode{file: 0o600, filepath.Dir(file): 0o700} {
		info, err := os.Stat(path)
		require.NoError(t, err)
		assert.Equal(t, want, info.Mode().Perm(), path)
	}
	require.NoError(t, os.Chmod(file, 0o644))
	_, err = s.LocalKeys()
	require.ErrorContains(t, err, "may be read by others")
	s.Root = cache
	_, err = s.LocalKeys()
	require.ErrorContains(t, err, "is in the project")
}

func TestSharedKey_IsMadeOnce(t *testing.T) {
	cloud := simulated.New()
	client := awsclient.NewSSM(cloud.Config(testTooling, "eu-west-1"))
	first, err := sharedKey(t.Context(), client)
	require.NoError(t, err)
	again, err := sharedKey(t.Context(), client)
	require.NoError(t, err)
	assert.Equal(t, string(first), string(again))
	cloud.DeniesParameters = true
	_, err = sharedKey(t.Context(), client)
	require.Error(t, err)
}

func TestLiveSigning_IsThatOfTheConfiguration(t *testing.T) {
	local := &Session{Root: t.TempDir(), Environ: []string{"XDG_CACHE_HOME=" + t.TempDir()}}
	keys, err := local.LocalKeys()
	require.NoError(t, err)
	text, err := keys.PEM()
	require.NoError(t, err)
	c := &config.Config{Pipeline: config.Pipeline{Tooling: config.Account{Region: "eu-west-1"}}}
	s := &Session{Config: c, Live: true, RunID: "run", Environ: []string{
		"CODEBUILD_BUILD_ARN=arn:aws:codebuild:eu-west-1:123456789012:build/shop-main:0af",
	}}
	opener := &accountOpener{session: s, access: liveAccess{}}
	signing, err := opener.signing(t.Context(), config.EnvironmentAccount{})
	require.NoError(t, err)
	assert.True(t, signing.IsZero(), "without a key nothing is signed")

	c.Pipeline.Signing = &config.Signing{Key: "alias/shop-releases", PublicKeys: []string{text}}
	signing, err = opener.signing(t.Context(), config.EnvironmentAccount{})
	require.NoError(t, err)
	assert.Equal(t, "alias/shop-releases", signing.Releases.KMSKey)
	assert.Equal(t, signing.Releases, signing.Plans)
	assert.Equal(t, 1, signing.From, "every release has to be signed")
	assert.Equal(t, "arn:aws:codebuild:eu-west-1:123456789012:build/shop-main", signing.Builder)

	c.Pipeline.Signing.PlanKey, c.Pipeline.Signing.PlanPublicKeys = "alias/shop-plans", []string{text}
	adopted := config.EnvironmentAccount{Environment: config.Environment{SignedFrom: 7}}
	signing, err = opener.signing(t.Context(), adopted)
	require.NoError(t, err)
	assert.Equal(t, "alias/shop-plans", signing.Plans.KMSKey)
	assert.Equal(t, 7, signing.From)
}
