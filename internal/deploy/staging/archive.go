package staging

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"lockstep/internal/deploy/assembly"
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
		return addToZip(w, files, name, name, 0)
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
type DigestError struct{ Got, Want string }

func (e *DigestError) Error() string {
	return fmt.Sprintf("its digest is %.12s instead of %.12s", e.Got, e.Want)
}

// ExtractAssembly replaces a folder by the cloud assembly in an archive, after checking the assembly's digest. The
// error is a *DigestError if that is another one.
func ExtractAssembly(data []byte, folder, digest string) error {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	unpacked, err := os.MkdirTemp(filepath.Dir(folder), ".unpack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(unpacked)
	root, err := os.OpenRoot(unpacked)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := extract(archive, root); err != nil {
		return err
	}
	got, err := assembly.Digest(root.FS())
	if err != nil {
		return err
	}
	if got != digest {
		return &DigestError{got, digest}
	}
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	return os.Rename(unpacked, folder)
}

// extract writes an archive into a folder, which nothing leaves: the root refuses such names, and links that lead out
// are refused here. Files are written before links, so that none is written through a link.
func extract(archive *zip.Reader, root *os.Root) error {
	for _, links := range []bool{false, true} {
		for _, f := range archive.File {
			if isLink := f.Mode()&fs.ModeSymlink != 0; isLink != links || f.FileInfo().IsDir() {
				continue
			}
			if err := extractFile(f, root); err != nil {
				return fmt.Errorf("%q: %w", f.Name, err)
			}
		}
	}
	return nil
}

// maxFileBytes bounds the size of an extracted file, in bytes.
const maxFileBytes = 1 << 30

func extractFile(f *zip.File, root *os.Root) error {
	if err := root.MkdirAll(path.Dir(f.Name), 0o755); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	content := io.LimitReader(in, maxFileBytes)
	if f.Mode()&fs.ModeSymlink != 0 {
		target, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		if to := string(target); path.IsAbs(to) || !filepath.IsLocal(path.Join(path.Dir(f.Name), to)) {
			return fmt.Errorf("the link leads out of the folder, to %q", to)
		}
		return root.Symlink(string(target), f.Name)
	}
	out, err := root.OpenFile(f.Name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, f.Mode().Perm())
	if err != nil {
		return err
	}
	n, err := io.Copy(out, content)
	if n == maxFileBytes && err == nil {
		err = fmt.Errorf("the file has %d bytes or more", maxFileBytes)
	}
	return errors.Join(err, out.Close())
}
