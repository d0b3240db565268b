package builder

import (
	"archive/tar"
	"errors"
	"io"
	"io/fs"
	"path"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
)

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
	if err != nil {
		return nil, fault.Wrap(fault.ImageBuild, err)
	}
	return withGzipLayers(image)
}

// checkEntries refuses an archive in which a file is larger than its limit, by the name without dots, or larger than
// the archive itself, as a sparse file can be.
func checkEntries(open func() (fs.File, error), limits map[string]int64) error {
	file, info, err := fsx.WithInfo(open())
	if err != nil {
		return err
	}
	defer file.Close()
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
