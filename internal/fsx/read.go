package fsx

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"lockstep/internal/fault"
)

var errNotFile = fault.New(fault.FileKind, "is not a regular file")

// newNotFileError returns an error that says what there is under the name instead of a regular file.
func newNotFileError(op, name string, mode fs.FileMode) error {
	return &fs.PathError{Op: op, Path: name, Err: fmt.Errorf("%w but %s", errNotFile, kind(mode))}
}

// kind returns in words what a mode stands for, with its article.
func kind(mode fs.FileMode) string {
	switch {
	case mode.IsRegular():
		return "a file"
	case mode.IsDir():
		return "a folder"
	case mode&fs.ModeSymlink != 0:
		return "a link"
	case mode&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case mode&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// A TooLargeError is a file that has more bytes than its reader accepts.
type TooLargeError struct {
	Name string
	// Limit is the largest size that is accepted, in bytes.
	Limit int64
}

func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s is larger than %d bytes", e.Name, e.Limit)
}

// Code returns the code of the error.
func (e *TooLargeError) Code() fault.Code { return fault.FileTooLarge }

// Open opens the named file for reading, through symbolic links. It never waits: a pipe, a socket, a device or a
// folder is an error.
func Open(name string) (*os.File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a device may have effects
		return nil, newNotFileError("open", name, info.Mode())
	}
	file, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	if info, err = file.Stat(); err == nil && !info.Mode().IsRegular() { // it was replaced since
		err = newNotFileError("open", name, info.Mode())
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// ReadFile returns what the named file holds. The error is a *TooLargeError if that is more than limit bytes.
func ReadFile(name string, limit int64) ([]byte, error) {
	file, err := Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, &TooLargeError{Name: name, Limit: limit}
	}
	return data, nil
}

// Hash returns the SHA-256 of what the named file holds, in hexadecimal.
func Hash(name string) (string, error) {
	file, err := Open(name)
	if err != nil {
		return "", err
	}
	defer file.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), nil
}
