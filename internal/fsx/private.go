package fsx

import (
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"lockstep/internal/fault"
)

// LoadPrivate returns the content of a file that is this user's alone. If there is none, it makes one with what create
// returns, in a folder that only the user may enter. A file that others may read is an error.
func LoadPrivate(path string, limit int64, create func() ([]byte, error)) ([]byte, error) {
	data, err := readPrivate(path, limit)
	if !errors.Is(err, fs.ErrNotExist) {
		return data, err
	}
	content, err := create()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), PrivateDir); err != nil {
		return nil, err
	}
	// A link makes the file appear whole, and fails if another run was first.
	temporary := path + ".new-" + rand.Text()
	if err := os.WriteFile(temporary, content, PrivateFile); err != nil {
		return nil, err
	}
	defer os.Remove(temporary)
	if err := os.Link(temporary, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return readPrivate(path, limit)
}

func readPrivate(path string, limit int64) ([]byte, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 || !isOwn(info) {
		return nil, fault.Errorf(fault.NotPermitted,
			"%s may be read by others: remove it, and everything that it has sealed or signed with it", path)
	}
	return ReadFile(path, limit)
}

// isOwn reports whether a file is this user's.
func isOwn(info fs.FileInfo) bool {
	sys, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(sys.Uid) == os.Geteuid()
}
