package fsx

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// newLinks makes a folder beside the folder out, which has a file, and links in it. It returns that folder and the one
// that both are in.
func newLinks(t *testing.T, links map[string]string) (dir, top string) {
	t.Helper()
	top = t.TempDir()
	dir = filepath.Join(top, "in")
	for _, folder := range []string{"in/folder", "out"} {
		require.NoError(t, os.MkdirAll(filepath.Join(top, folder), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(top, "out", "file"), []byte("kept"), 0o600))
	for name, target := range links {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	return dir, top
}

// assertOutUnchanged asserts that the folder out has its file as newLinks has made it, and no other.
func assertOutUnchanged(t *testing.T, top string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, "out", "file"))
	require.NoError(t, err)
	assert.Equal(t, "kept", string(text))
	entries, err := os.ReadDir(filepath.Join(top, "out"))
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

func TestWriteBelow_FollowsNoLinkOut(t *testing.T) {
	dir, top := newLinks(t, map[string]string{
		"link": "../out/file", "new": "../out/new", "up": "../out", "nowhere": "folder/gone", "self": "self",
		"inner": "folder",
	})
	require.NoError(t, os.Symlink(filepath.Join(top, "out", "file"), filepath.Join(dir, "absolute")))
	for _, name := range []string{
		"link", "absolute", "new", "up/file", "up/further/file", "nowhere", "self", "../out/file", "folder",
	} {
		assert.Error(t, WriteBelow(dir, name, []byte("x"), PublicFile), name)
	}
	assertOutUnchanged(t, top)

	for _, name := range []string{"a", "b/c/d", "inner/e"} {
		require.NoError(t, WriteBelow(dir, name, []byte("x"), PublicFile), name)
		require.NoError(t, WriteBelow(dir, name, []byte("y"), PublicFile), name)
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, "y", string(text))
	}
	entries, err := os.ReadDir(filepath.Join(dir, "folder"))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no temporary file stays")
	var escape *EscapeError
	require.ErrorAs(t, WriteBelow(dir, "link", nil, PublicFile), &escape)
	assert.Equal(t, "../out/file", escape.Target)
}

// Whoever reads a pull request names files in its folder.
func TestWriteFile_OfAProjectFollowsNoLinkOut(t *testing.T) {
	project, top := newLinks(t, map[string]string{
		"link": "../out/file", "new": "../out/new", "up": "../out", "inner": "folder", "through": "up/new",
	})
	require.NoError(t, os.Symlink(project, filepath.Join(top, "alias")))
	for _, folder := range []string{project, filepath.Join(top, "alias")} {
		for _, name := range []string{"link", "new", "up/file", "up/a/b", "through", "inner/../../out/x/../../in/new"} {
			var escape *EscapeError
			path := filepath.Join(folder, name)
			require.ErrorAs(t, WriteFile(folder, path, []byte("x"), PublicFile), &escape, name)
			require.ErrorAs(t, CheckWritable(folder, path), &escape, name)
		}
		var escape *EscapeError
		require.ErrorAs(t, MakeDir(folder, filepath.Join(folder, "up", "a", "b"), PrivateDir), &escape)
	}
	assertOutUnchanged(t, top)

	for _, name := range []string{"a", "b/c", "inner/d"} { // links that stay in the project are followed
		path := filepath.Join(top, "alias", name)
		require.NoError(t, WriteFile(filepath.Join(top, "alias"), path, []byte("x"), PublicFile), name)
		require.NoError(t, WriteFile(project, filepath.Join(project, name), []byte("y"), PublicFile), name)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		assert.Equal(t, "y", string(text))
	}
	require.NoError(t, MakeDir(project, filepath.Join(project, "inner", "e"), PrivateDir))
	require.NoError(t, WriteFile(project, filepath.Join(top, "out", "file"), []byte("of the user"), PublicFile))
	require.NoError(t, os.Symlink("../out/file", filepath.Join(project, "gone")))
	require.NoError(t, RemoveBelow(project, "gone"))
	assert.Error(t, RemoveBelow(project, "up/file"))
	assert.FileExists(t, filepath.Join(top, "out", "file"))
}
