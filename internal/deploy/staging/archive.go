package staging

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
)

// ZipAssembly packs a cloud assembly so that it can be deployed again: the same files, and links as links.
func ZipAssembly(files fs.FS) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || entry.IsDir():
			return err
		case entry.Type()&fs.ModeSymlink != 0:
			return addLinkToZip(w, files, name)
		}
		return addToZip(w, files, name, name)
	})
	err = errors.Join(err, w.Close()) // the directory of the archive is written at the end
	return out.Bytes(), err
}

func addLinkToZip(w *zip.Writer, files fs.FS, name string) error {
	target, err := fs.ReadLink(files, name)
	if err != nil {
		return err
	}
	header := &zip.FileHeader{Name: name, Modified: zipTime}
	header.SetMode(fs.ModeSymlink | 0o777)
	link, err := w.CreateHeader(header)
	if err != nil {
		return err
	}
	_, err = io.WriteString(link, target)
	return err
}

// A DigestError is an archive with another cloud assembly than the one that was wanted.
type DigestError struct{ Got, Want digest.Synth }

func (e *DigestError) Error() string {
	return fmt.Sprintf("its digest is %.12s instead of %.12s", e.Got, e.Want)
}

// Code returns the code of the error.
func (e *DigestError) Code() fault.Code { return fault.ReleaseAltered }

// ExtractAssembly replaces a folder by the cloud assembly in an archive, after checking the assembly's digest. The
// error is a *DigestError if that is another one.
func ExtractAssembly(data []byte, folder string, want digest.Synth) error {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return fault.Errorf(fault.ReleaseAltered, "the archive of the release cannot be read: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(folder), fsx.PrivateDir); err != nil {
		return err
	}
	unpacked, err := os.MkdirTemp(filepath.Dir(folder), ".unpack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(unpacked)
	if err := fsx.Unzip(archive, unpacked, maxAssemblyBytes); err != nil {
		return err
	}
	if err := checkDigest(fsx.Dir(unpacked), want); err != nil {
		return err
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	return os.Rename(unpacked, folder)
}

// checkDigest returns a *DigestError unless the digest of a cloud assembly is the wanted one, as this or an earlier
// version of this program recorded it.
func checkDigest(files fs.FS, want digest.Synth) error {
	got, err := assembly.SynthDigest(files)
	if err != nil || got == want {
		return err
	}
	earlier, err := assembly.EarlierSynthDigest(files)
	if err != nil || earlier == want {
		return err
	}
	return &DigestError{got, want}
}

// HoldsAssembly reports whether an archive holds the cloud assembly with that digest.
func HoldsAssembly(data []byte, want digest.Synth) bool {
	dir, err := os.MkdirTemp("", "lockstep-assembly-")
	if err != nil {
		return false
	}
	defer os.RemoveAll(dir)
	return ExtractAssembly(data, filepath.Join(dir, "assembly"), want) == nil
}

// maxAssemblyBytes bounds what a damaged archive can unpack to, in bytes.
const maxAssemblyBytes = 1 << 30
