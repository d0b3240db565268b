package fsx

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"lockstep/internal/fault"
)

// maxLinkBytes is the longest target of a symbolic link in an archive: PATH_MAX of Linux.
const maxLinkBytes = 4096

// Unzip unpacks an archive below dir, which must exist. No entry can be written outside of dir, neither by its name nor
// through a link, and no link leads out of it. The error is a *TooLargeError if the entries have more than limit bytes
// together.
func Unzip(archive *zip.Reader, dir string, limit int64) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	remaining := limit
	for _, entry := range archive.File {
		written, err := unzipEntry(root, entry, remaining)
		if err != nil {
			return fmt.Errorf("%s: %w", entry.Name, err)
		}
		if remaining -= written; remaining < 0 {
			return &TooLargeError{Name: "the archive", Limit: limit}
		}
	}
	return nil
}

// unzipEntry unpacks one entry and returns how many bytes it has, of which it writes at most one more than limit.
func unzipEntry(root *os.Root, entry *zip.File, limit int64) (int64, error) {
	if entry.Mode().IsDir() {
		return 0, root.MkdirAll(path.Clean(entry.Name), publicDir)
	}
	if err := root.MkdirAll(path.Dir(entry.Name), publicDir); err != nil {
		return 0, err
	}
	source, err := entry.Open()
	if err != nil {
		return 0, fault.Errorf(fault.AssetUnusable, "%s in the archive cannot be read: %w", entry.Name, err)
	}
	defer source.Close()
	switch mode := entry.Mode(); {
	case mode&fs.ModeSymlink != 0:
		target, err := io.ReadAll(io.LimitReader(source, maxLinkBytes))
		if err != nil {
			return 0, err
		}
		if to := string(target); path.IsAbs(to) || !filepath.IsLocal(path.Join(path.Dir(entry.Name), to)) {
			return 0, fault.Errorf(fault.PathUnusable, "the link leads out of the folder, to %q", to)
		}
		return int64(len(target)), root.Symlink(string(target), entry.Name)
	case !mode.IsRegular():
		return 0, fault.ErrNotFile
	}
	file, err := root.OpenFile(entry.Name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, entry.Mode().Perm())
	if err != nil {
		return 0, err
	}
	written, err := io.Copy(file, io.LimitReader(source, limit+1))
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return written, err
}
