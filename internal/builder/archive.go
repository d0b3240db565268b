package builder

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
)

// useArchive calls use with the only image of an archive, as `docker save` writes it. The archive is read where it is
// needed, and never as a whole into memory.
func useArchive(open func() (fs.File, error), name string, use func(v1.Image) error) error {
	image, err := readArchive(open)
	if err != nil {
		return fault.Errorf(fault.ImageBuild, "%s is no archive of an image, as `docker save` writes it: %w", name, err)
	}
	return use(image)
}

// What an archive says of its image is read into memory as a whole. Of an image that is in use it has some kilobytes.
const (
	manifestName     = "manifest.json"
	maxManifestBytes = 1 << 20
	maxConfigBytes   = 8 << 20
)

// readArchive returns the only image of an archive, after it has looked at how much there is to read.
func readArchive(open func() (fs.File, error)) (v1.Image, error) {
	opener := func() (io.ReadCloser, error) { return open() }
	limits := map[string]int64{manifestName: maxManifestBytes}
	if err := checkEntries(open, limits); err != nil {
		return nil, err
	}
	manifest, err := tarball.LoadManifest(opener)
	if err != nil {
		return nil, fault.Wrap(fault.ImageBuild, err)
	}
	for _, image := range manifest {
		limits[path.Clean(image.Config)] = maxConfigBytes
	}
	if err := checkEntries(open, limits); err != nil {
		return nil, err
	}
	image, err := tarball.Image(opener, nil)
	return image, fault.Wrap(fault.ImageBuild, err)
}

// checkEntries refuses an archive in which a file is larger than its limit, by the name without dots, or larger than
// the archive itself, as a sparse file can be.
func checkEntries(open func() (fs.File, error), limits map[string]int64) error {
	file, err := open()
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	for entries := tar.NewReader(file); ; {
		header, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fault.Wrap(fault.ImageBuild, err)
		}
		limit, isLimited := limits[path.Clean(header.Name)]
		switch {
		case header.Size > info.Size():
			return fault.Errorf(fault.ImageBuild, "%s in it is larger than the archive", header.Name)
		case isLimited && !header.FileInfo().Mode().IsRegular():
			return fault.Errorf(fault.ImageBuild, "%s in it is no file", header.Name)
		case isLimited && header.Size > limit:
			return fault.Errorf(fault.ImageBuild, "%s in it has more than %d bytes", header.Name, limit)
		}
	}
}

// copyTree copies a folder of an assembly to a new folder of the machine. Links stay links: the digest of the folder
// has refused those that lead out of it.
func copyTree(files fs.FS, dir, to string) error {
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(to)
	if err != nil {
		return err
	}
	defer root.Close()
	return fs.WalkDir(files, dir, func(name string, entry fs.DirEntry, err error) error {
		relative := strings.TrimPrefix(strings.TrimPrefix(name, dir), "/")
		switch {
		case err != nil || relative == "":
			return err
		case entry.IsDir():
			return root.Mkdir(relative, 0o755)
		case entry.Type()&fs.ModeSymlink != 0:
			target, err := fs.ReadLink(files, name)
			if err != nil {
				return err
			}
			return root.Symlink(filepath.FromSlash(target), relative)
		}
		return copyFile(files, name, root, relative)
	})
}

// copyFile copies a file with its rights, of which an image keeps those to execute it.
func copyFile(files fs.FS, name string, root *os.Root, to string) error {
	from, err := files.Open(name)
	if err != nil {
		return err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return err
	}
	out, err := root.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fsx.PrivateFile)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, from)
	mode := fsx.PublicFile | info.Mode().Perm()&0o111 // whatever the umask is: the rights become a part of the image
	return errors.Join(err, out.Chmod(mode), out.Close())
}
