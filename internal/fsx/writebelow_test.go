package fsx

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWriteBelow_FollowsNoLinkOut(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "in")
	for _, folder := range []string{"in/folder", "out"} {
		require.NoError(t, os.MkdirAll(filepath.Join(top, folder), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(top, "out", "file"), []byte("kept"), 0o600))
	for name, target := range map[string]string{
		"link": "../out/file", "absolute": filepath.Join(top, "out", "file"), "new": "../out/new", "up": "../out",
		"nowhere": "folder/gone", "self": "self", "inner": "folder",
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	for _, name := range []string{
		"link", "absolute", "new", "up/file", "up/further/file", "nowhere", "self", "../out/file", "folder",
	} {
		assert.Error(t, WriteBelow(dir, name, []byte("x"), PublicFile), name)
	}
	text, err := os.ReadFile(filepath.Join(top, "out", "file"))
	require.NoError(t, err)
	assert.Equal(t, "kept", string(text))
	entries, err := os.ReadDir(filepath.Join(top, "out"))
	require.NoError(t, err)
	assert.Len(t, entries, 1)

	for _, name := range []string{"a", "b/c/d", "inner/e"} {
		require.NoError(t, WriteBelow(dir, name, []byte("x"), PublicFile), name)
		require.NoError(t, WriteBelow(dir, name, []byte("y"), PublicFile), name)
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, "y", string(text))
	}
	entries, err = os.ReadDir(filepath.Join(dir, "folder"))
	require.NoError(t, err)
	assert.Len(t, entries, 1, "no temporary file stays")
	var escape *EscapeError
	require.ErrorAs(t, WriteBelow(dir, "link", nil, PublicFile), &escape)
	assert.Equal(t, "../out/file", escape.Target)
}
