package staging

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/fault"
)

// A Store keeps cloud assemblies in the bucket of the ledger. Each is an archive of its small files, and an object for
// each large one, which is named by its content: what two releases share is there once. All of it is streamed, so that
// an assembly needs no more memory than a buffer.
type Store struct {
	Bucket *Bucket
	// Key returns the key of a blob of the ledger.
	Key func(name string) string
}

// Kept is what is kept of a cloud assembly.
type Kept struct {
	// ArchiveHash is the SHA-256 of the archive, and Files those of the large files, in hexadecimal.
	ArchiveHash string
	Files       []string
}

// Save keeps a cloud assembly, unless it is kept. An archive that another version of this program has packed of the
// same assembly stays.
func (s Store) Save(ctx context.Context, files fs.FS, synth digest.Synth) (kept Kept, err error) {
	archive, err := newTempFile()
	if err != nil {
		return Kept{}, err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	references, err := packAssembly(archive, files)
	if err != nil {
		return Kept{}, err
	}
	for _, r := range references {
		if err := s.saveFile(ctx, files, r); err != nil {
			return Kept{}, err
		}
	}
	sum, err := sumFile(archive.File)
	if err != nil {
		return Kept{}, err
	}
	key := s.Key(AssemblyBlobName(synth))
	err = s.Bucket.putStream(ctx, key, archive, sum, ledger.Condition{Absent: true})
	if !errors.Is(err, ledger.ErrPreconditionFailed) {
		return newKept(sum, references), err
	}
	existing, err := s.existing(ctx, synth)
	if err != nil || existing.isSame || existing.sum == sum {
		return newKept(existing.sum, existing.references), err
	}
	return newKept(sum, references), s.Bucket.putStream(ctx, key, archive, sum, ledger.Condition{ETag: existing.etag})
}

func newKept(sum Sum, references []reference) Kept {
	kept := Kept{ArchiveHash: sum.hex()}
	for _, r := range references {
		kept.Files = append(kept.Files, r.SHA256)
	}
	slices.Sort(kept.Files)
	kept.Files = slices.Compact(kept.Files)
	return kept
}

// An existingArchive is what is there under the name of an assembly's archive.
type existingArchive struct {
	sum        Sum
	etag       string
	references []reference
	// isSame says that it holds the assembly.
	isSame bool
}

// existing reads the archive of an assembly that is there. One that holds something else is no error.
func (s Store) existing(ctx context.Context, synth digest.Synth) (e existingArchive, err error) {
	archive, etag, err := s.download(ctx, s.Key(AssemblyBlobName(synth)))
	if err != nil {
		return e, err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	e.etag = etag
	if e.sum, err = sumFile(archive.File); err != nil {
		return e, err
	}
	parent, err := os.MkdirTemp("", "lockstep-assembly-")
	if err != nil {
		return e, err
	}
	defer os.RemoveAll(parent)
	e.references, err = s.extract(ctx, archive.File, parent+"/assembly", synth)
	e.isSame = err == nil
	if isOfContent(err) {
		err = nil
	}
	return e, err
}

// isOfContent reports whether an error of extract is about what the archive holds. The network, the disk and missing
// rights say nothing of it: records of earlier releases may have the hash of that archive.
func isOfContent(err error) bool {
	switch fault.CodeOf(err) {
	case fault.ReleaseAltered, fault.AssetUnusable, fault.PathUnusable, fault.FileKind, fault.FileTooLarge,
		fault.Unexpected: // what is compressed in it is damaged
		return true
	}
	return errors.Is(err, ledger.ErrNotFound)
}

// Fetch replaces a folder by a cloud assembly that is kept. Nothing is unpacked from another archive than the one with
// that hash; empty for any. The error wraps ledger.ErrNotFound if it is not kept, and is a *HashError or a *DigestError
// if something else is.
func (s Store) Fetch(ctx context.Context, synth digest.Synth, archiveHash, folder string) (err error) {
	archive, _, err := s.download(ctx, s.Key(AssemblyBlobName(synth)))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, archive.Close()) }()
	sum, err := sumFile(archive.File)
	if err != nil {
		return err
	}
	if got := sum.hex(); archiveHash != "" && got != archiveHash {
		return &HashError{Got: got, Want: archiveHash}
	}
	_, err = s.extract(ctx, archive.File, folder, synth)
	return err
}

// A HashError is another archive than the one that was recorded, or another file than the one that the archive names.
type HashError struct {
	// File is the path of the file in the assembly; empty for the archive.
	File      string
	Got, Want string
}

func (e *HashError) Error() string {
	return fmt.Sprintf("the hash of its %s is %.12s, and the record says %.12s", e.what(), e.Got, e.Want)
}

func (e *HashError) what() string {
	if e.File == "" {
		return "archive"
	}
	return fmt.Sprintf("file %q", e.File)
}

// Code returns the code of the error.
func (e *HashError) Code() fault.Code { return fault.ReleaseAltered }

// FileBlobName returns the name under which the ledger keeps a large file of a cloud assembly.
func FileBlobName(hash string) string { return "file-" + hash }

// saveFile keeps a large file, unless the bucket holds it.
func (s Store) saveFile(ctx context.Context, files fs.FS, r reference) error {
	key := s.Key(FileBlobName(r.SHA256))
	held, err := s.Bucket.head(ctx, key)
	if err == nil && held.sum == r.sum {
		return nil
	}
	if err != nil && !errors.Is(err, ErrAbsent) {
		return err
	}
	file, err := files.Open(r.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	body, ok := file.(io.ReadSeeker)
	if !ok {
		return fault.Errorf(fault.AssetUnusable, "%s cannot be read twice", r.Path)
	}
	return s.Bucket.putStream(ctx, key, body, r.sum, ledger.Condition{})
}

// download streams an object into a temporary file. The error wraps ledger.ErrNotFound if there is none.
func (s Store) download(ctx context.Context, key string) (tempFile, string, error) {
	file, err := newTempFile()
	if err != nil {
		return file, "", err
	}
	etag, err := s.Bucket.getStream(ctx, key, file, maxAssemblyBytes)
	if err != nil {
		return file, "", errors.Join(err, file.Close())
	}
	return file, etag, nil
}

// putStream writes an object. The error is ledger.ErrPreconditionFailed if the condition does not hold.
func (b *Bucket) putStream(ctx context.Context, key string, body io.ReadSeeker, sum Sum, only ledger.Condition) error {
	if _, err := body.Seek(0, io.SeekStart); err != nil {
		return err
	}
	in := &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner, Body: body,
		ContentType: aws.String("application/octet-stream"), ChecksumSHA256: &sum.SHA256,
	}
	_, err := b.putObject(ctx, in, only)
	return err
}

// getStream writes an object of no more than limit bytes to w, and returns its ETag.
func (b *Bucket) getStream(ctx context.Context, key string, w io.Writer, limit int64) (string, error) {
	out, err := b.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner})
	if awsclient.ErrorCode(err) == "NoSuchKey" {
		return "", fmt.Errorf("%s does not exist: %w", key, ledger.ErrNotFound)
	}
	if err != nil {
		return "", b.wrapMissing(err)
	}
	defer out.Body.Close()
	written, err := io.Copy(w, io.LimitReader(out.Body, limit+1))
	switch {
	case err != nil:
		return "", awsclient.WrapRead(err)
	case written > limit:
		return "", fault.Errorf(fault.ReleaseAltered, "%s in the bucket %s has more than %d bytes", key, b.name, limit)
	}
	return aws.ToString(out.ETag), nil
}

// newTempFile creates a file that is removed when it is closed.
func newTempFile() (tempFile, error) {
	file, err := os.CreateTemp("", "lockstep-assembly-*.zip")
	return tempFile{file}, err
}

// sumFile returns the sum of a file.
func sumFile(file *os.File) (Sum, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return Sum{}, err
	}
	return sumReader(file)
}

// hex returns the SHA-256 in hexadecimal.
func (s Sum) hex() string {
	hash, err := base64.StdEncoding.DecodeString(s.SHA256)
	if err != nil || len(hash) != sha256.Size {
		return ""
	}
	return hex.EncodeToString(hash)
}
