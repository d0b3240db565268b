package staging

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/jsonx"
)

// A reference stands in an archive for a large file of a cloud assembly, which is kept under its hash.
type reference struct {
	// Path is the file's path in the assembly.
	Path string `json:"path"`
	// SHA256 is in hexadecimal, and Size in bytes.
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	// IsProgram says that the file can be executed.
	IsProgram bool `json:"program,omitempty"`
	// sum is the same as S3 has it. It is there when the file was packed.
	sum Sum
}

// minReferencedBytes is the size from which on a file is kept beside the archive: no template is that large.
const minReferencedBytes = 1 << 20

// referencesFile is the file of an archive with its references, which no assembly has.
const referencesFile = ".lockstep-files.json"

// packAssembly packs a cloud assembly so that it can be deployed again: the same files, and links as links. Large files
// are not in the archive but among the references that it returns.
func packAssembly(out io.Writer, files fs.FS) ([]reference, error) {
	w := zip.NewWriter(out)
	var references []reference
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil || entry.IsDir():
			return err
		case name == referencesFile:
			return fault.Errorf(fault.AssetUnusable, "%s is a file of Lockstep's own: rename it", name)
		case entry.Type()&fs.ModeSymlink != 0:
			return addLinkToZip(w, files, name)
		}
		info, err := entry.Info()
		if err != nil || info.Size() < minReferencedBytes {
			return errors.Join(err, addToZip(w, files, name, name))
		}
		r, err := newReference(files, name, info)
		references = append(references, r)
		return err
	})
	if err == nil && len(references) > 0 {
		err = addReferences(w, references)
	}
	return references, errors.Join(err, w.Close()) // the directory of the archive is written at the end
}

func newReference(files fs.FS, name string, info fs.FileInfo) (reference, error) {
	file, err := files.Open(name)
	if err != nil {
		return reference{}, err
	}
	defer file.Close()
	sum, err := sumReader(file)
	return reference{Path: name, SHA256: sum.hex(), Size: sum.Size, IsProgram: info.Mode()&0o111 != 0, sum: sum}, err
}

func addReferences(w *zip.Writer, references []reference) error {
	text, err := json.Marshal(references)
	if err != nil {
		return err
	}
	file, err := w.CreateHeader(&zip.FileHeader{Name: referencesFile, Method: zip.Deflate, Modified: zipTime})
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	return err
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

// extract replaces a folder by the cloud assembly in an archive, after checking the assembly's digest, and returns the
// archive's references. The error is a *DigestError if that is another assembly.
func (s Store) extract(
	ctx context.Context, file *os.File, folder string, want digest.Synth,
) ([]reference, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	archive, err := zip.NewReader(file, info.Size())
	if err != nil {
		return nil, fault.Errorf(fault.ReleaseAltered, "the archive of the release cannot be read: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(folder), fsx.PrivateDir); err != nil {
		return nil, err
	}
	unpacked, err := os.MkdirTemp(filepath.Dir(folder), ".unpack-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(unpacked)
	if err := fsx.Unzip(archive, unpacked, maxAssemblyBytes); err != nil {
		return nil, err
	}
	references, err := readReferences(unpacked)
	if err != nil {
		return nil, err
	}
	if err := s.fetchReferences(ctx, references, unpacked); err != nil {
		return nil, err
	}
	if err := checkDigest(fsx.Dir(unpacked), want); err != nil {
		return nil, err
	}
	if err := os.RemoveAll(folder); err != nil {
		return nil, err
	}
	return references, os.Rename(unpacked, folder)
}

// readReferences reads the references of an unpacked archive, and removes their file. An archive without large files
// has none, as those of earlier versions.
func readReferences(folder string) ([]reference, error) {
	name := filepath.Join(folder, referencesFile)
	text, err := fsx.ReadFile(name, fsx.MaxText)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var references []reference
	if err := jsonx.Unmarshal(text, &references); err != nil {
		return nil, fault.Errorf(fault.ReleaseAltered, "the references of the archive cannot be read: %w", err)
	}
	return references, os.Remove(name)
}

// fetchReferences writes the large files of an archive into its unpacked folder. No file is written outside of it.
func (s Store) fetchReferences(ctx context.Context, references []reference, folder string) error {
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	remaining := int64(maxAssemblyBytes)
	for _, r := range references {
		if remaining -= r.Size; !fs.ValidPath(r.Path) || r.Size < 0 || remaining < 0 {
			return fault.Errorf(fault.ReleaseAltered, "the archive refers to the file %q of %d bytes", r.Path, r.Size)
		}
		if err := s.fetchReference(ctx, root, r); err != nil {
			return err
		}
	}
	return nil
}

func (s Store) fetchReference(ctx context.Context, root *os.Root, r reference) (err error) {
	if err := root.MkdirAll(path.Dir(r.Path), fsx.PrivateDir); err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if r.IsProgram {
		mode = 0o755
	}
	file, err := root.OpenFile(r.Path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	hash := sha256.New()
	_, err = s.Bucket.getStream(ctx, s.Key(FileBlobName(r.SHA256)), io.MultiWriter(file, hash), r.Size)
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != r.SHA256 {
		return &HashError{File: r.Path, Got: got, Want: r.SHA256}
	}
	return nil
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

// maxAssemblyBytes bounds what a damaged archive can unpack to, with what it refers to, in bytes.
const maxAssemblyBytes = 1 << 30
