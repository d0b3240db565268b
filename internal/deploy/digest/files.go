package digest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
)

// OfFiles returns the SHA-256, in hexadecimal, of every file's relative path, length and content, in lexical order of
// the paths. A symbolic link counts with its target, which must be among the files: the error is an *fsx.EscapeError
// for one that leads out of them. Times and modes do not count: an assembly that went through an artefact store keeps
// its digest.
func OfFiles(fsys fs.FS) (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.Type()&fs.ModeSymlink != 0:
			return AddLink(sum, fsys, name)
		case entry.Type().IsRegular():
			return AddFile(sum, fsys, name)
		case !entry.IsDir():
			return fault.Errorf(fault.AssetUnusable,
				"%s is neither a file, a folder nor a link: remove it, and synthesise again", name)
		}
		return nil
	})
	return hex.EncodeToString(sum.Sum(nil)), err
}

// AddLink adds a symbolic link with its target to a sum. The error is an *fsx.EscapeError for a target that is not
// among the files.
func AddLink(sum hash.Hash, fsys fs.FS, name string) error {
	if err := fsx.CheckLink(fsys, name); err != nil {
		return err
	}
	target, err := fs.ReadLink(fsys, name)
	fmt.Fprintf(sum, "link %q %q\n", name, target)
	return err
}

// AddFile adds a file with its path, length and content to a sum.
func AddFile(sum hash.Hash, fsys fs.FS, name string) error {
	file, info, err := fsx.WithInfo(fsys.Open(name))
	if err != nil {
		return err
	}
	defer file.Close()
	fmt.Fprintf(sum, "file %q %d\n", name, info.Size())
	n, err := io.Copy(sum, file)
	if err == nil && n != info.Size() {
		return fault.Errorf(fault.SourceUnreadable, "%s changed while it was read", name)
	}
	return err
}
