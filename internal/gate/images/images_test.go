package images

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
)

const zeroDigest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

// startRegistry starts a registry on loopback and returns the prefix of its images.
func startRegistry(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://") + "/hub"
}

// pushImage pushes an image that supports the platforms and returns its digest.
func pushImage(t *testing.T, prefix, tag string, platforms ...string) string {
	t.Helper()
	index := mutate.IndexMediaType(empty.Index, "application/vnd.oci.image.index.v1+json")
	for _, platform := range platforms {
		image, err := random.Image(64, 1)
		require.NoError(t, err)
		p, err := v1.ParsePlatform(platform)
		require.NoError(t, err)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: p}})
	}
	ref, err := name.NewTag(prefix + "/" + tag)
	require.NoError(t, err)
	require.NoError(t, remote.WriteIndex(ref, index))
	digest, err := index.Digest()
	require.NoError(t, err)
	return digest.String()
}

func TestPin_ResolvesAtMirror(t *testing.T) {
	prefix := startRegistry(t, registry.New())
	digest := pushImage(t, prefix, "golang:1.26", "linux/amd64", "linux/arm64", "linux/s390x")
	p, err := ParsePin("go", "golang:1.26@"+zeroDigest)
	require.NoError(t, err)
	for _, mirror := range []string{prefix, prefix + "/"} {
		got, err := p.ResolveDigest(t.Context(), mirror)
		require.NoError(t, err)
		assert.Equal(t, digest, got)
	}
}

// startFailingRegistry starts a registry that answers every request with the status.
func startFailingRegistry(t *testing.T, status int) string {
	t.Helper()
	return startRegistry(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
}

func TestPin_RegistryErrors(t *testing.T) {
	printed := faulttest.Printed(t)
	prefix := startRegistry(t, registry.New())
	pushImage(t, prefix, "golang:amd64", "linux/amd64")
	image, err := random.Image(64, 1)
	require.NoError(t, err)
	ref, err := name.NewTag(prefix + "/golang:single")
	require.NoError(t, err)
	require.NoError(t, remote.Write(ref, image))
	for name, test := range map[string]struct{ prefix, tag, want string }{
		"deleted tag":          {prefix, "golang:deleted", "its tag may have been deleted"},
		"no index":             {prefix, "golang:single", "supports one platform only"},
		"missing platform":     {prefix, "golang:amd64", "does not support linux/arm64, only linux/amd64"},
		"access denied":        {startFailingRegistry(t, http.StatusForbidden), "golang:1.26", "sign in to "},
		"unexpected status":    {startFailingRegistry(t, http.StatusTeapot), "golang:1.26", "answered with status 418"},
		"unreachable registry": {"127.0.0.1:1/hub", "golang:1.26", "engine.imagePrefix in config/pipeline.yaml"},
		"invalid prefix":       {"No Prefix", "golang:1.26", "No Prefix"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Pin{Tag: test.tag}.ResolveDigest(t.Context(), test.prefix)
			printed.Error(err)
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestPin_CanceledContext(t *testing.T) {
	prefix := startRegistry(t, registry.New())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Pin{Tag: "golang:1.26"}.ResolveDigest(ctx, prefix)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestParsePin_RequiresDigest(t *testing.T) {
	printed := faulttest.Printed(t)
	for _, reference := range []string{
		"golang:1.26", "golang:1.26@sha256:12", "golang:1.26@" + strings.ToUpper(zeroDigest),
	} {
		_, err := ParsePin("go", reference)
		assert.Error(t, printed.Error(err), reference)
	}
}
