package builder

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"

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

// withGzipLayers returns an image whose layers are compressed by gzip, as its manifest says. The library takes those of
// an archive as they are, and a builder saves the layers of a base image as it has got them.
func withGzipLayers(image v1.Image) (v1.Image, error) {
	layers, err := image.Layers()
	for _, layer := range layers {
		var isCompressed bool
		if isCompressed, err = isGzip(layer); err != nil {
			break
		}
		if !isCompressed {
			image, err = partial.UncompressedToImage(uncompressed{image})
			break
		}
	}
	return image, fault.Wrap(fault.ImageBuild, err)
}

// isGzip reports whether a layer is compressed by gzip. One that no registry takes is left as it is.
func isGzip(layer v1.Layer) (bool, error) {
	mediaType, err := layer.MediaType()
	if err != nil || !mediaType.IsDistributable() {
		return true, fault.Wrap(fault.ImageBuild, err)
	}
	content, err := layer.Compressed()
	if err != nil {
		return false, fault.Wrap(fault.ImageBuild, err)
	}
	begin := make([]byte, 2)
	_, err = io.ReadFull(content, begin)
	return string(begin) == "\x1f\x8b", errors.Join(err, content.Close())
}

// uncompressed is an image of which only the uncompressed layers count.
type uncompressed struct{ v1.Image }

// LayerByDiffID implements partial.UncompressedImageCore.
func (u uncompressed) LayerByDiffID(h v1.Hash) (partial.UncompressedLayer, error) {
	layer, err := u.Image.LayerByDiffID(h)
	return layer, fault.Wrap(fault.ImageBuild, err)
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
	from, info, err := fsx.WithInfo(files.Open(name))
	if err != nil {
		return err
	}
	defer from.Close()
	out, err := root.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, fsx.PrivateFile)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, from)
	mode := fsx.PublicFile | info.Mode().Perm()&0o111 // whatever the umask is: the rights become a part of the image
	return errors.Join(err, out.Chmod(mode), out.Close())
}
