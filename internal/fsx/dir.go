package fsx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
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

// An EscapeError is a symbolic link that leads out of the folder that it is in, or could lead there.
type EscapeError struct {
	// Name is the link, or a path that leads through it.
	Name string
	// Target is where the link leads; empty if it is a folder above Name that is the link.
	Target string
}

// Code returns the code of a path that cannot be used.
func (e *EscapeError) Code() fault.Code { return fault.PathUnusable }

func (e *EscapeError) Error() string {
	if e.Target == "" {
		return e.Name + " lies behind a link that leads out of the folder: replace the link by what it leads to"
	}
	return fmt.Sprintf("%s is a link to %s, which leads out of the folder or through another link: replace it by what "+
		"it leads to", e.Name, e.Target)
}

// Dir returns the files below a folder. It is os.DirFS, but nothing outside of the folder is ever read: a link that
// leads out of it is an *EscapeError. Opening never waits: a pipe, a socket or a device is an error that says so, and
// a link that leads nowhere is a *LinkError.
func Dir(name string) fs.FS { return dirFS(name) }

// rootFS is what (*os.Root).FS returns.
type rootFS interface {
	fs.ReadDirFS
	fs.StatFS
	fs.ReadLinkFS
}

// A dirFS is the path of a folder, which is opened again for every call: nobody has to close it.
type dirFS string

// inRoot calls f with the files of a folder, of which name is the one that errors are about.
func inRoot[T any](d dirFS, name string, f func(*os.Root, rootFS) (T, error)) (T, error) {
	root, err := os.OpenRoot(string(d))
	if err != nil {
		var none T
		return none, err
	}
	defer root.Close()
	result, err := f(root, root.FS().(rootFS))
	if err != nil {
		err = d.explain(root, name, err)
	}
	return result, err
}

// Open implements fs.FS.
func (d dirFS) Open(name string) (fs.File, error) {
	return inRoot(d, name, func(root *os.Root, files rootFS) (fs.File, error) {
		info, err := files.Stat(name)
		if err != nil {
			return nil, err
		}
		switch {
		case info.IsDir():
			return files.Open(name)
		case !info.Mode().IsRegular(): // opening a device may have effects
			return nil, newNotFileError("open", name, info.Mode())
		}
		file, err := root.OpenFile(filepath.FromSlash(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			return nil, err
		}
		return requireRegular(file, name)
	})
}

// ReadDir implements fs.ReadDirFS.
func (d dirFS) ReadDir(name string) ([]fs.DirEntry, error) {
	return inRoot(d, name, func(_ *os.Root, files rootFS) ([]fs.DirEntry, error) { return files.ReadDir(name) })
}

// Stat implements fs.StatFS.
func (d dirFS) Stat(name string) (fs.FileInfo, error) {
	return inRoot(d, name, func(_ *os.Root, files rootFS) (fs.FileInfo, error) { return files.Stat(name) })
}

// Lstat implements fs.ReadLinkFS.
func (d dirFS) Lstat(name string) (fs.FileInfo, error) {
	return inRoot(d, name, func(_ *os.Root, files rootFS) (fs.FileInfo, error) { return files.Lstat(name) })
}

// ReadLink implements fs.ReadLinkFS.
func (d dirFS) ReadLink(name string) (string, error) {
	return inRoot(d, name, func(_ *os.Root, files rootFS) (string, error) { return files.ReadLink(name) })
}

// explain makes the error of a link say where the link leads, and the error of a file name it as the caller does.
func (d dirFS) explain(root *os.Root, name string, err error) error {
	target, linkErr := root.Readlink(filepath.FromSlash(name))
	switch {
	case isEscape(err):
		return &EscapeError{Name: name, Target: target}
	case linkErr == nil && (errors.Is(err, fs.ErrNotExist) || isLoop(err)):
		return &LinkError{Name: name, Target: target, Loops: isLoop(err)}
	}
	var file *fs.PathError
	if errors.As(err, &file) && !errors.Is(err, fault.ErrNotFile) {
		return &fs.PathError{Op: strings.TrimSuffix(file.Op, "at"), Path: name, Err: file.Err}
	}
	return err
}

func isLoop(err error) bool { return errors.Is(err, syscall.ELOOP) }

// isEscape reports whether an error of an os.Root says that a path leads out of it. The package has no value for that.
func isEscape(err error) bool {
	var file *fs.PathError
	return errors.As(err, &file) && file.Err.Error() == "path escapes from parent"
}

// CheckLink returns an *EscapeError if the link of that name leads out of the tree of files, or through another link,
// so that where it leads could change without it.
func CheckLink(files fs.FS, name string) error {
	target, err := fs.ReadLink(files, name)
	if err != nil {
		return err
	}
	refused := &EscapeError{Name: name, Target: target}
	if path.IsAbs(target) || target == "" {
		return refused
	}
	at := path.Dir(name)
	parts := strings.Split(target, "/")
	for i, part := range parts {
		if part == ".." && at == "." {
			return refused
		}
		at = path.Join(at, part)
		if i == len(parts)-1 || part == ".." || part == "." || part == "" {
			continue
		}
		if info, err := fs.Lstat(files, at); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return refused
		}
	}
	return nil
}
