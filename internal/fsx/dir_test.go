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
		"good": "folder/file", "to-pipe": "pipe", "to-device": "/dev/zero", "dangling": "nowhere", "self": "self",
		"tick": "tock", "tock": "tick", "chain": "dangling",
	} {
		require.NoError(t, os.Symlink(target, filepath.Join(dir, name)))
	}
	files := Dir(dir)
	for name, want := range map[string]string{
		"pipe":      "open pipe: is not a regular file but a named pipe",
		"to-pipe":   "open to-pipe: is not a regular file but a named pipe",
		"socket":    "open socket: is not a regular file but a socket",
		"to-device": "open to-device: is not a regular file but a device",
		"dangling":  "dangling is a link to nowhere, which does not exist",
		"chain":     "chain is a link to dangling, which does not exist",
		"self":      "self is a link to self, which leads back to it",
		"tick":      "tick is a link to tock, which leads back to it",
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
