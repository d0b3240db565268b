package fsx

import (
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestDir_NeverWaits(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "folder"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "folder", "file"), []byte("text"), 0o600))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	listener, err := net.Listen("unix", filepath.Join(dir, "socket"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	for name, target := range map[string]string{
		"good": "folder/file", "to-pipe": "pipe", "to-device": "/dev/zero", "up": "../x", "out": "/",
		"dangling": "nowhere", "self": "self",
		"tick": "tock", "tock": "tick", "chain": "dangling",
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	files := Dir(dir)
	const escapes = "which leads out of the folder or through another link: replace it by what it leads to"
	for name, want := range map[string]string{
		"pipe":      "open pipe: is not a regular file but a named pipe",
		"to-pipe":   "open to-pipe: is not a regular file but a named pipe",
		"socket":    "open socket: is not a regular file but a socket",
		"to-device": "to-device is a link to /dev/zero, " + escapes,
		"up":        "up is a link to ../x, " + escapes,
		"out/etc/passwd": "out/etc/passwd lies behind a link that leads out of the folder: replace the link by what it " +
			"leads to",
		"dangling": "dangling is a link to nowhere, which does not exist",
		"chain":    "chain is a link to dangling, which does not exist",
		"self":     "self is a link to self, which leads back to it",
		"tick":     "tick is a link to tock, which leads back to it",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fs.ReadFile(files, name)
			require.EqualError(t, err, want)
			assert.NotErrorIs(t, err, fs.ErrNotExist)
		})
	}
	for _, name := range []string{"folder/file", "good"} {
		text, err := fs.ReadFile(files, name)
		require.NoError(t, err)
		assert.Equal(t, "text", string(text))
	}
	entries, err := fs.ReadDir(files, "folder")
	require.NoError(t, err)
	assert.Len(t, entries, 1)
	_, err = files.Open("missing")
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = files.Open("../outside")
	require.ErrorIs(t, err, fs.ErrInvalid)
}

func TestCheckLink_RefusesWhatLeadsOut(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a", "file"), []byte("text"), 0o600))
	require.NoError(t, os.Symlink("a", filepath.Join(dir, "folder")))
	require.NoError(t, os.Symlink("a/file", filepath.Join(dir, "good")))
	for target, leadsOut := range map[string]bool{
		"../file": false, "../../a/file": false, "..": false, "../..": false, "../../good": false, "missing": false,
		"/etc/passwd": true, "../../../x": true, "../../folder/file": true, "../../folder/../../x": true,
		"../../folder/b/../../../etc": true,
	} {
		t.Run(target, func(t *testing.T) {
			link := filepath.Join(dir, "a", "b", "link")
			require.NoError(t, os.Symlink(target, link))
			defer os.Remove(link)
			err := CheckLink(Dir(dir), "a/b/link")
			if !leadsOut {
				require.NoError(t, err)
				return
			}
			var escape *EscapeError
			require.ErrorAs(t, err, &escape)
			assert.Equal(t, target, escape.Target)
		})
	}
}

func TestLock_HeldUntilClosed(t *testing.T) {
	name := filepath.Join(t.TempDir(), "lock")
	locked, err := IsLocked(name)
	require.NoError(t, err)
	assert.False(t, locked, "there is no file")
	lock, err := Lock(name)
	require.NoError(t, err)
	_, err = Lock(name)
	require.ErrorIs(t, err, syscall.EWOULDBLOCK)
	locked, err = IsLocked(name)
	require.NoError(t, err)
	assert.True(t, locked)
	require.NoError(t, lock.Close())
	locked, err = IsLocked(name)
	require.NoError(t, err)
	assert.False(t, locked)
}
