package fsx

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"lockstep/internal/fault"
)

// A LinkError is a symbolic link that leads nowhere.
type LinkError struct {
	Name, Target string
	// Loops is set if following the link never ends, and not if there is nothing where it leads.
	Loops bool
}

func (e *LinkError) Error() string {
	if e.Loops {
		return e.Name + " is a link to " + e.Target + ", which leads back to it"
	}
	return e.Name + " is a link to " + e.Target + ", which does not exist"
}

// Code returns the code of the error.
func (e *LinkError) Code() fault.Code { return fault.PathUnusable }

// Dir returns the files below a folder. It is os.DirFS, but opening never waits: a pipe, a socket or a device is an
// error that says so, and a link that leads nowhere is a *LinkError.
func Dir(name string) fs.FS { return dirFS{os.DirFS(name).(allFS), name} }

// allFS is what os.DirFS returns.
type allFS interface {
	fs.ReadDirFS
	fs.StatFS
	fs.ReadLinkFS
}

type dirFS struct {
	allFS
	dir string
}

// Open implements fs.FS.
func (d dirFS) Open(name string) (fs.File, error) {
	info, err := d.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return d.allFS.Open(name)
	}
	file, err := Open(d.path(name))
	if err != nil {
		return nil, d.shorten(name, err)
	}
	return file, nil
}

// Stat implements fs.StatFS.
func (d dirFS) Stat(name string) (fs.FileInfo, error) {
	info, err := d.allFS.Stat(name)
	if err == nil {
		return info, nil
	}
	target, linkErr := d.ReadLink(name)
	if linkErr == nil && (errors.Is(err, fs.ErrNotExist) || isLoop(err)) {
		return nil, &LinkError{Name: name, Target: target, Loops: isLoop(err)}
	}
	return nil, err
}

func (d dirFS) path(name string) string { return filepath.Join(d.dir, filepath.FromSlash(name)) }

// shorten makes an error name the file as the caller does.
func (d dirFS) shorten(name string, err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return &fs.PathError{Op: path.Op, Path: name, Err: path.Err}
	}
	return err
}

func isLoop(err error) bool { return errors.Is(err, syscall.ELOOP) }
