// Package fsx writes files whole or not at all, reads files of a bounded size, and unpacks archives below a folder.
// It knows nothing of what the files hold.
package fsx

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Permissions of the files and folders that this program writes.
const (
	PublicFile  fs.FileMode = 0o644
	PrivateFile fs.FileMode = 0o600
	PrivateDir  fs.FileMode = 0o700
	publicDir   fs.FileMode = 0o755
)

// WriteFile writes data to the named file, which a reader sees either as it was or as it is afterwards, even after a
// crash. It is meant for names that a user chose: a symbolic link is followed, an existing file keeps its mode, and
// what is not a file, such as a pipe or a device, is written to and never replaced. A folder and a socket are errors.
//
// A name below project, the folder of a repository, is written there only, because others have made its links: where
// one leads out, nothing is written, and the error is an *EscapeError. An empty project is none.
//
// A new file has the mode perm. Folders that are missing are created; only the owner may enter them if perm lets
// nobody else read the file.
func WriteFile(project, name string, data []byte, perm fs.FileMode) error {
	target, below, err := resolveIn(project, name)
	if err != nil {
		return err
	}
	info, err := os.Stat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case isDescriptor(target):
		return writeStream(target, data)
	case info.IsDir():
		return &fs.PathError{Op: "write", Path: name, Err: syscall.EISDIR}
	case info.Mode()&(fs.ModeNamedPipe|fs.ModeDevice) != 0:
		return writeStream(target, data)
	case !info.Mode().IsRegular():
		return newNotFileError("write", name, info.Mode())
	default:
		perm = info.Mode().Perm()
	}
	if below.name != "" {
		return WriteBelow(below.dir, below.name, data, perm)
	}
	return rename(target, perm, bytes.NewReader(data))
}

// MakeDir creates a folder that a user chose, unless it exists. As by WriteFile, one below project is created there
// only.
func MakeDir(project, name string, perm fs.FileMode) error {
	target, below, err := resolveIn(project, name)
	switch {
	case err != nil:
		return err
	case below.name == "":
		return os.MkdirAll(target, perm)
	}
	return MakeDirBelow(below.dir, below.name, perm)
}

// CheckWritable returns the *EscapeError that WriteFile would return for a name.
func CheckWritable(project, name string) error {
	_, _, err := resolveIn(project, name)
	return err
}

// A nameBelow is a slash-separated name below a folder; both are empty for a name that is not.
type nameBelow struct{ dir, name string }

// resolveIn returns the path that a name stands for that a user chose, and where in the project that is. The error is
// an *EscapeError if the name is one of the project, and leads out of it.
func resolveIn(project, name string) (string, nameBelow, error) {
	target, err := Resolve(name)
	if err != nil || project == "" {
		return target, nameBelow{}, err
	}
	real, err := filepath.EvalSymlinks(project)
	if err != nil {
		return target, nameBelow{}, err
	}
	if !isBelow(project, name) && !isBelow(real, resolveFolders(filepath.Dir(name))) {
		return target, nameBelow{}, nil
	}
	if target = resolveFolders(target); !isBelow(real, target) {
		return target, nameBelow{}, &EscapeError{Name: name, Target: target}
	}
	relative, err := relativeTo(real, target)
	return target, nameBelow{real, filepath.ToSlash(relative)}, err
}

// resolveFolders returns a path without the links of those of its folders that exist.
func resolveFolders(name string) string {
	rest := ""
	for dir := name; ; dir = filepath.Dir(dir) {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			return filepath.Join(real, rest)
		}
		if rest = filepath.Join(filepath.Base(dir), rest); dir == filepath.Dir(dir) {
			return name
		}
	}
}

// isBelow reports whether a path is a folder or lies below it, by its name alone.
func isBelow(dir, name string) bool {
	relative, err := relativeTo(dir, name)
	return err == nil && filepath.IsLocal(relative)
}

func relativeTo(dir, name string) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if name, err = filepath.Abs(name); err != nil {
		return "", err
	}
	return filepath.Rel(dir, name)
}

// Replace makes name a file that holds data, with exactly the mode perm, whole or not at all. It is meant for names
// that belong to the program: a symbolic link is replaced, not followed. What is neither a file nor a link is an error
// and stays. Folders that are missing are created as by WriteFile.
func Replace(name string, data []byte, perm fs.FileMode) error {
	return replaceFrom(name, bytes.NewReader(data), perm)
}

// CopyFile copies the regular file from to the name to, as Replace does.
func CopyFile(from, to string, perm fs.FileMode) error {
	source, err := Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	return replaceFrom(to, source, perm)
}

func replaceFrom(name string, source io.Reader, perm fs.FileMode) error {
	info, err := os.Lstat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case info.IsDir():
		return &fs.PathError{Op: "replace", Path: name, Err: syscall.EISDIR}
	case !info.Mode().IsRegular() && info.Mode()&fs.ModeSymlink == 0:
		return newNotFileError("replace", name, info.Mode())
	}
	return rename(name, perm, source)
}

// maxLinks is how many symbolic links Resolve follows, as many as Linux does.
const maxLinks = 40

// Resolve returns the path that name stands for once symbolic links are followed, those at its end included. The path
// need not exist.
func Resolve(name string) (string, error) {
	for range maxLinks {
		dir, base := filepath.Split(name)
		if real, err := filepath.EvalSymlinks(cmp.Or(dir, ".")); err == nil {
			name = filepath.Join(real, base)
		}
		target, err := os.Readlink(name)
		if err != nil || isDescriptor(name) {
			return name, nil // it is no link, or does not exist
		}
		if !filepath.IsAbs(target) {
			// It is not cleaned: what comes behind a link and dots depends on where the link leads.
			target = filepath.Dir(name) + string(filepath.Separator) + target
		}
		name = target
	}
	return "", &fs.PathError{Op: "write", Path: name, Err: syscall.ELOOP}
}

// isDescriptor reports whether name is an open file of a process, as /dev/stdout links to. Such a link has no path to
// follow.
func isDescriptor(name string) bool {
	return strings.HasPrefix(name, "/proc/") || strings.HasPrefix(name, "/dev/fd/")
}

// writeStream writes to a pipe, a device or the end of an open file.
func writeStream(name string, data []byte) error {
	file, err := openStream(name)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	return errors.Join(err, file.Close())
}

// WriteBelow makes a slash-separated name below a folder a file that holds data, as Replace does. It is meant for files
// of a repository, whose links others have made: where a link leads out of the folder, nothing is written, and the
// error is an *EscapeError.
func WriteBelow(dir, name string, data []byte, perm fs.FileMode) error {
	_, err := inRoot(dirFS(dir), name, func(root *os.Root, _ rootFS) (struct{}, error) {
		return struct{}{}, writeInRoot(root, filepath.FromSlash(name), data, perm)
	})
	return err
}

// MakeDirBelow creates a slash-separated name below a folder as a folder, with those above it. It refuses links as
// WriteBelow does.
func MakeDirBelow(dir, name string, perm fs.FileMode) error {
	_, err := inRoot(dirFS(dir), name, func(root *os.Root, _ rootFS) (struct{}, error) {
		return struct{}{}, root.MkdirAll(filepath.FromSlash(name), perm)
	})
	return err
}

// RemoveBelow removes a slash-separated name below a folder. It refuses links as WriteBelow does; one of that name is
// itself removed.
func RemoveBelow(dir, name string) error {
	_, err := inRoot(dirFS(dir), name, func(root *os.Root, _ rootFS) (struct{}, error) {
		return struct{}{}, root.Remove(filepath.FromSlash(name))
	})
	return err
}

func writeInRoot(root *os.Root, name string, data []byte, perm fs.FileMode) (err error) {
	if err := root.MkdirAll(filepath.Dir(name), dirMode(perm)); err != nil {
		return err
	}
	switch info, err := root.Lstat(name); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case info.Mode()&fs.ModeSymlink != 0:
		if _, err := root.Stat(name); err != nil { // it leads out, or nowhere
			return err
		}
	case !info.Mode().IsRegular():
		return newNotFileError("write", name, info.Mode())
	}
	temporary := filepath.Join(filepath.Dir(name), ".new-"+rand.Text())
	file, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = root.Remove(temporary) // the error that matters is returned
		}
	}()
	_, err = file.Write(data)
	if err := errors.Join(err, file.Chmod(perm), file.Sync(), file.Close()); err != nil {
		return err
	}
	return root.Rename(temporary, name)
}

// rename renames a temporary file to name once it holds all of source and is on the disk.
func rename(name string, perm fs.FileMode, source io.Reader) (err error) {
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, dirMode(perm)); err != nil {
		return err
	}
	temporary := filepath.Join(dir, ".new-"+rand.Text())
	file, err := OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return fmt.Errorf("%s was not written: %w", name, err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temporary) // the error that matters is returned
			err = fmt.Errorf("%s was not written: %w", name, err)
		}
	}()
	_, err = io.Copy(file, source)
	// The mode is set again because the process's umask was taken from it.
	if err := errors.Join(err, file.Chmod(perm), file.Sync(), file.Close()); err != nil {
		return err
	}
	return os.Rename(temporary, name)
}

// dirMode returns the mode of a new folder for a file with the mode perm.
func dirMode(perm fs.FileMode) fs.FileMode {
	if perm&0o044 == 0 {
		return PrivateDir
	}
	return publicDir
}

// MakePrivate lets only the owner enter a folder that others may enter. A folder that does not exist is no error.
func MakePrivate(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.IsDir() || info.Mode().Perm()&^PrivateDir == 0:
		return nil
	}
	return os.Chmod(dir, info.Mode().Perm()&PrivateDir)
}
