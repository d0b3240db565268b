package fsx

import (
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

// This is why gosec's rule G304 is waived in open.go: whatever name is handed over, only a regular file is opened, and
// no more of it is read than the reader accepts.
func TestOpenFile_OpensRegularFilesAlone(t *testing.T) {
	printed := faulttest.Printed(t)
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	socket := filepath.Join(dir, "s")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer listener.Close()
	link := filepath.Join(dir, "link")
	require.NoError(t, os.Symlink("/dev/zero", link))
	dangling := filepath.Join(dir, "dangling")
	require.NoError(t, os.Symlink(pipe, dangling))
	for name, want := range map[string]string{
		dir: "a folder", pipe: "a named pipe", socket: "a socket", "/dev/zero": "a device", link: "a device",
		dangling: "a named pipe",
	} {
		for _, flag := range []int{os.O_RDONLY, os.O_WRONLY | os.O_CREATE | os.O_TRUNC, os.O_RDWR | os.O_CREATE} {
			_, err := OpenFile(name, flag, PrivateFile)
			require.ErrorIs(t, printed.Error(err), fault.ErrNotFile, name)
			require.ErrorContains(t, err, want)
		}
		_, err := ReadFile(name, 10)
		require.ErrorIs(t, printed.Error(err), fault.ErrNotFile, name)
		_, err = Lock(name)
		require.ErrorIs(t, printed.Error(err), fault.ErrNotFile, name)
	}
	file, err := OpenFile(filepath.Join(dir, "new"), os.O_WRONLY|os.O_CREATE, PrivateFile)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

func TestReadFile_ReadsNoMoreThanItsLimit(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	require.NoError(t, os.WriteFile(name, []byte("12345"), 0o600))
	require.NoError(t, os.Truncate(name, 1<<40)) // sparse: it takes no room on the disk
	var large *TooLargeError
	_, err := ReadFile(name, 5)
	require.ErrorAs(t, err, &large)
	_, err = ReadFileFS(Dir(dir), "f", 5)
	require.ErrorAs(t, err, &large)
	_, err = ReadFileFS(os.DirFS(dir), "f", 5)
	require.ErrorAs(t, err, &large)
	require.NoError(t, os.Truncate(name, 5))
	for _, read := range []func() ([]byte, error){
		func() ([]byte, error) { return ReadFile(name, 5) },
		func() ([]byte, error) { return ReadFileFS(Dir(dir), "f", 5) },
	} {
		text, err := read()
		require.NoError(t, err)
		assert.Equal(t, "12345", string(text))
	}
	_, err = ReadFileFS(os.DirFS("/dev"), "zero", 5)
	require.ErrorIs(t, err, fault.ErrNotFile)
}
