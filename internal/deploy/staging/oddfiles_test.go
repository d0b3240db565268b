package staging

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fsx"
)

func TestZipAsset_NamesWhatCannotBePacked(t *testing.T) {
	for _, test := range []struct {
		name string
		// links are made in the asset's folder, by their name.
		links map[string]string
		want  string
	}{
		{
			"a dangling link",
			map[string]string{"bin/tool": "../gone/tool"},
			"asset/bin/tool is a link to ../gone/tool, which does not exist",
		},
		{"a link to itself", map[string]string{"self": "self"}, "asset/self is a link to self, which leads back to it"},
		{"two links to each other", map[string]string{"a": "b", "b": "a"}, "asset/a is a link to b, which leads back to it"},
		{
			"a link to its own folder",
			map[string]string{"bin/here": "."},
			"asset/bin/here is a link to a folder that it is in itself",
		},
		{"a link to the asset", map[string]string{"bin/up": ".."}, "asset/bin/up is a link to a folder that it is in itself"},
		{
			"many links to the asset",
			map[string]string{"a": ".", "b": ".", "bin/a": "..", "bin/b": ".."},
			"is a link to a folder that it is in itself",
		},
		{
			"folders that link to each other",
			map[string]string{"bin/lib": "../lib", "lib/bin": "../bin"},
			"asset/bin/lib/bin is a link to a folder that it is in itself",
		},
		{
			"a link to a device",
			map[string]string{"zero": "/dev/zero"},
			"asset/zero is a link to /dev/zero, which leads out of the folder",
		},
		{"a link to a pipe", map[string]string{"pipe": "../pipe"}, "asset/pipe: is not a regular file but a named pipe"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := newAssetFolder(t, test.links)
			t.Setenv("TMPDIR", t.TempDir())
			_, err := zipAsset(fsx.Dir(dir), "asset")
			require.ErrorContains(t, err, test.want)
			files, err := os.ReadDir(os.Getenv("TMPDIR"))
			require.NoError(t, err)
			assert.Empty(t, files, "the archive is left")
		})
	}
}

func TestZipAsset_FollowsLinks(t *testing.T) {
	dir := newAssetFolder(t, map[string]string{"again": "bin", "lib/tool": "../bin/run", "lib/bin": "../bin"})
	archive, err := zipAsset(fsx.Dir(dir), "asset")
	require.NoError(t, err)
	defer archive.Close()
	data, err := io.ReadAll(archive)
	require.NoError(t, err)
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(t, err)
	var names []string
	for _, f := range r.File {
		names = append(names, f.Name)
	}
	assert.Equal(t, []string{"again/run", "bin/run", "lib/bin/run", "lib/tool"}, names)
}

// newAssetFolder returns a folder with the folder of an asset, which has the file bin/run and links.
func newAssetFolder(t *testing.T, links map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for _, folder := range []string{"bin", "lib"} {
		require.NoError(t, os.MkdirAll(filepath.Join(dir, "asset", folder), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "asset", "bin", "run"), []byte("run"), 0o600))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	for name, target := range links {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, "asset", name)))
	}
	return dir
}
