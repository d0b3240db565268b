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
)

const zeroDigest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

// startRegistry is a registry on loopback, and the prefix by which images are found there.
func startRegistry(t *testing.T, handler http.Handler) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://") + "/hub"
}

// pushImage puts an image for the platforms there and returns its digest.
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
	for _, written := range []string{prefix, prefix + "/"} {
		current, err := p.ResolveDigest(t.Context(), written)
		require.NoError(t, err)
		assert.Equal(t, digest, current)
	}
}

func TestPin_RegistryErrors(t *testing.T) {
	full := startRegistry(t, registry.New())
	pushImage(t, full, "golang:amd64", "linux/amd64")
	one, err := random.Image(64, 1)
	require.NoError(t, err)
	ref, err := name.NewTag(full + "/golang:single")
	require.NoError(t, err)
	require.NoError(t, remote.Write(ref, one))
	answering := func(status int) string {
		return startRegistry(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	}
	for name, test := range map[string]struct{ prefix, tag, want string }{
		"a tag that is gone":             {full, "golang:gone", "its tag may be gone"},
		"an image for one platform":      {full, "golang:single", "for one platform only"},
		"an image that lacks a platform": {full, "golang:amd64", "is not for linux/arm64; it is for linux/amd64"},
		"a registry that lets nobody in": {answering(http.StatusForbidden), "golang:1.26", "sign in to "},
		"a registry that is unwell":      {answering(http.StatusTeapot), "golang:1.26", "answered with status 418"},
		"nobody at the address":          {"127.0.0.1:1/hub", "golang:1.26", "engine.imagePrefix in config/pipeline.yaml"},
		"a prefix that is none":          {"No Prefix", "golang:1.26", "No Prefix"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Pin{Tag: test.tag}.ResolveDigest(t.Context(), test.prefix)
			assert.ErrorContains(t, err, test.want)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = Pin{Tag: "golang:1.26"}.ResolveDigest(ctx, full)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestParsePin_RequiresDigest(t *testing.T) {
	for _, reference := range []string{"golang:1.26", "golang:1.26@sha256:12", "golang:1.26@" + strings.ToUpper(zeroDigest)} {
		_, err := ParsePin("go", reference)
		assert.Error(t, err, reference)
	}
}
