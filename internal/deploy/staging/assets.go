package staging

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/fault"
)

// Publish uploads an asset of a cloud assembly, unless it exists: an object's key is the hash of its content.
func (b *Bucket) Publish(ctx context.Context, files fs.FS, a assembly.Asset) error {
	// Unlike HeadObject, this call says why it is refused, so that a wrong clock can be told from a missing right.
	found, err := b.api.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
		Bucket: &b.name, Prefix: &a.Key, MaxKeys: aws.Int32(1), ExpectedBucketOwner: &b.owner,
	})
	if err != nil {
		return b.wrapMissing(err)
	}
	if len(found.Contents) > 0 && aws.ToString(found.Contents[0].Key) == a.Key {
		return nil
	}
	body, err := openAsset(files, a)
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = b.api.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: &a.Key, ExpectedBucketOwner: &b.owner, Body: body, ContentType: aws.String(contentType(a)),
	})
	return b.wrapMissing(err)
}

func contentType(a assembly.Asset) string {
	switch {
	case a.Zip:
		return "application/zip"
	case strings.HasSuffix(a.Path, ".json"):
		return "application/json"
	}
	return "application/octet-stream"
}

// openAsset opens what is to be uploaded. It can be read again, for signatures and retries.
func openAsset(files fs.FS, a assembly.Asset) (io.ReadSeekCloser, error) {
	if a.Zip {
		return zipAsset(files, a.Path)
	}
	file, err := files.Open(a.Path)
	if err != nil {
		return nil, err
	}
	if f, ok := file.(io.ReadSeekCloser); ok {
		return f, nil
	}
	file.Close()
	return nil, fault.Errorf(fault.AssetUnusable, "%s cannot be read twice", a.Path)
}

// A tempFile is removed when it is closed.
type tempFile struct{ *os.File }

func (t tempFile) Close() error {
	return errors.Join(t.File.Close(), os.Remove(t.Name()))
}

// zipAsset packs a folder, or a single file, into a temporary archive. The same content gives the same bytes: the
// entries are sorted and all of one time.
func zipAsset(files fs.FS, root string) (io.ReadSeekCloser, error) {
	file, err := os.CreateTemp("", "lockstep-asset-*.zip")
	if err != nil {
		return nil, err
	}
	out := tempFile{file}
	w := zip.NewWriter(file)
	err = addToZip(w, files, root, "")
	if closing := w.Close(); err == nil { // after another error it says the same again
		err = closing
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return out, nil
}

// zipTime is the first time that the format can express.
var zipTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// addToZip adds a file, or everything in a folder, under a name. It follows links, as the CDK's own command line does.
// The folders above are those that the file was found in.
func addToZip(w *zip.Writer, files fs.FS, from, name string, above ...fs.FileInfo) error {
	info, err := fs.Stat(files, from)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		if name == "" {
			name = path.Base(from)
		}
		return addFileToZip(w, files, from, name, info.Mode())
	}
	if slices.ContainsFunc(above, func(folder fs.FileInfo) bool { return os.SameFile(folder, info) }) {
		return fault.Errorf(fault.AssetUnusable, "%s is a link to a folder that it is in itself: remove it", from)
	}
	above = append(slices.Clip(above), info)
	entries, err := fs.ReadDir(files, from) // sorted
	if err != nil {
		return err
	}
	for _, entry := range entries {
		err := addToZip(w, files, path.Join(from, entry.Name()), path.Join(name, entry.Name()), above...)
		if err != nil {
			return err
		}
	}
	return nil
}

func addFileToZip(w *zip.Writer, files fs.FS, from, name string, mode fs.FileMode) error {
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: zipTime}
	header.SetMode(0o644 | mode.Perm()&0o111) // a program must stay one; the rest is the umask of whoever checked out
	entry, err := w.CreateHeader(header)
	if err != nil {
		return err
	}
	file, err := files.Open(from)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = io.Copy(entry, file)
	return err
}
