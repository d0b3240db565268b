package fsx

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// Lock creates the named file and locks it until the result is closed, or until this process ends, however it ends.
func Lock(name string) (io.Closer, error) {
	file, err := OpenFile(name, os.O_RDWR|os.O_CREATE, PrivateFile)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(&fs.PathError{Op: "lock", Path: name, Err: err}, file.Close())
	}
	return file, nil
}

// IsLocked reports whether a process has the named file locked. A file that does not exist is not locked.
func IsLocked(name string) (bool, error) {
	file, err := Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	defer file.Close()
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	} else if err != nil {
		return false, &fs.PathError{Op: "lock", Path: name, Err: err}
	}
	return false, nil
}
