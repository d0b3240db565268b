package fsx

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

// OpenFile opens the named file as os.OpenFile does, through symbolic links. It never waits: a pipe, a socket, a device
// or a folder is an error. Nothing else in this module opens a file by a name that may come from outside, so that is
// where it is held.
func OpenFile(name string, flag int, perm fs.FileMode) (*os.File, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil && (flag&os.O_CREATE == 0 || !errors.Is(err, fs.ErrNotExist)):
		return nil, err
	case err == nil && !info.Mode().IsRegular(): // opening a device may have effects
		return nil, newNotFileError("open", name, info.Mode())
	}
	file, err := os.OpenFile(name, flag|syscall.O_NONBLOCK, perm)
	if err != nil {
		return nil, err
	}
	return requireRegular(file, name)
}

// requireRegular returns an opened file. It closes one that is not regular, because it was replaced since it was looked
// at, and returns an error.
func requireRegular(file *os.File, name string) (*os.File, error) {
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = newNotFileError("open", name, info.Mode())
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// openStream opens a pipe, a device or the end of an open file for writing. Opening a pipe waits for its reader.
func openStream(name string) (*os.File, error) { return os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0) }

// OpenDir opens the named folder.
func OpenDir(name string) (*os.File, error) {
	return os.OpenFile(name, os.O_RDONLY|syscall.O_DIRECTORY, 0)
}
