package cli

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"path/filepath"
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

	"lockstep/internal/gate/images"
	"lockstep/internal/pipeline"
)

// newMirroredProject returns the folder of a project whose base images come from a registry on loopback. That has
// another image for each tag than the pinned one.
func newMirroredProject(t *testing.T, tags ...string) (root string) {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	prefix := strings.TrimPrefix(server.URL, "http://") + "/hub"
	index := v1.ImageIndex(empty.Index)
	for _, platform := range images.Platforms {
		image, err := random.Image(64, 1)
		require.NoError(t, err)
		p, err := v1.ParsePlatform(platform)
		require.NoError(t, err)
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: image, Descriptor: v1.Descriptor{Platform: p}})
	}
	for _, tag := range tags {
		ref, err := name.NewTag(prefix + "/" + tag)
		require.NoError(t, err)
		require.NoError(t, remote.WriteIndex(ref, index))
	}
	root = t.TempDir()
	table, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(pipeline.ImagesFile)))
	require.NoError(t, err)
	for file, text := range map[string]string{
		"config/pipeline.yaml": "project: proof\ntooling: {account: \"123456789012\", region: eu-west-1}\n" +
			"engine: {imagePrefix: \"" + prefix + "\"}\n",
		"config/environments/dev.yaml": "account: \"111122223333\"\nregion: eu-west-1\n" +
			"notifications: {owners: [platform@example.com]}\n",
		pipeline.ImagesFile: string(table),
	} {
		path := filepath.Join(root, filepath.FromSlash(file))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return root
}

func pinnedTags(t *testing.T) []string {
	t.Helper()
	all, err := imagePins()
	require.NoError(t, err)
	tags := make([]string, len(all))
	for i := range all {
		tags[i] = all[i].Tag
	}
	return tags
}

func TestImagesResolve_ShowsMovedTagsAndWritesOnRequest(t *testing.T) {
	root := newMirroredProject(t, pinnedTags(t)...)
	table := filepath.Join(root, filepath.FromSlash(pipeline.ImagesFile))
	before, err := os.ReadFile(table)
	require.NoError(t, err)

	out, err := runCommand(t, "images", "resolve", "-C", root)
	require.NoError(t, err)
	assert.Equal(t, len(pinnedTags(t)), strings.Count(out, " has moved\n"))
	after, err := os.ReadFile(table)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after), "nothing was asked to be written")

	_, err = runCommand(t, "images", "resolve", "--write", "-C", root)
	require.NoError(t, err)
	after, err = os.ReadFile(table)
	require.NoError(t, err)
	all, err := imagePins()
	require.NoError(t, err)
	for _, p := range all {
		assert.NotContains(t, string(after), p.Digest)
		assert.Contains(t, string(after), p.Tag+"@sha256:")
	}

	_, err = runCommand(t, "images", "resolve", "--write", "-C", root)
	assert.ErrorContains(t, err, "was built from another state of it")
}

func TestImagesResolve_WritesNothingIfOneTagFails(t *testing.T) {
	root := newMirroredProject(t, pinnedTags(t)[1:]...)
	table := filepath.Join(root, filepath.FromSlash(pipeline.ImagesFile))
	before, err := os.ReadFile(table)
	require.NoError(t, err)
	_, err = runCommand(t, "images", "resolve", "--write", "-C", root)
	assert.ErrorContains(t, err, "its tag may have been deleted")
	after, err := os.ReadFile(table)
	require.NoError(t, err)
	assert.Equal(t, string(before), string(after))
}
