package staging

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/refusal"
)

// keyPattern matches the key of a published file: the hash that the CDK gives it, and an extension.
var keyPattern = regexp.MustCompile(`^[0-9a-f]{64}(\.[0-9A-Za-z._-]{1,64})?$`)

// IsAssetKey reports whether a published file may have that key: a hash of 64 hexadecimal digits with an extension. The
// hash is the CDK's, mostly of what a file was made of, so it says nothing of the object's content.
func IsAssetKey(key string) bool { return keyPattern.MatchString(key) }

// A Sum is what tells the content of a published file apart from any other.
type Sum struct {
	// SHA256 is the hash of the bytes as S3 writes it, in base64.
	SHA256 string
	// Size is in bytes.
	Size int64
}

// SumOf returns the sum of what an asset of a cloud assembly is published as.
func SumOf(files fs.FS, a assembly.Asset) (Sum, error) {
	body, err := openAsset(files, a)
	if err != nil {
		return Sum{}, err
	}
	defer body.Close()
	return sumReader(body)
}

func sumReader(r io.Reader) (Sum, error) {
	hash := sha256.New()
	size, err := io.Copy(hash, r)
	return Sum{SHA256: base64.StdEncoding.EncodeToString(hash.Sum(nil)), Size: size}, err
}

// isOf reports whether a key has the hash of the content itself.
func (s Sum) isOf(key string) bool {
	hash, err := base64.StdEncoding.DecodeString(s.SHA256)
	return err == nil && strings.HasPrefix(key, hex.EncodeToString(hash))
}

// ErrAbsent says that there is no object under a key.
var ErrAbsent = fault.New(fault.NoSuchResource, "the bucket holds no such object")

// Publish uploads an asset of a cloud assembly, whose content has that sum, unless the bucket holds it. Objects are
// compared by their checksum. One with another content is replaced if this project has put it there, if it was made of
// the same files or of none, or if the key is the hash of the asset's content. Otherwise the error is a
// *refusal.Error.
func (b *Bucket) Publish(ctx context.Context, files fs.FS, a assembly.Asset, sum Sum) error {
	held, err := b.head(ctx, a.Key)
	if err != nil && !errors.Is(err, ErrAbsent) {
		return err
	}
	if err == nil {
		if held.sum == sum {
			return nil
		}
		if err := b.checkReplaceable(ctx, files, a, sum, held); err != nil {
			return err
		}
	}
	body, err := openAsset(files, a)
	if err != nil {
		return err
	}
	defer body.Close()
	in := &s3.PutObjectInput{
		Bucket: &b.name, Key: &a.Key, ExpectedBucketOwner: &b.owner, Body: body, ContentType: aws.String(contentType(a)),
		ChecksumSHA256: &sum.SHA256, Metadata: map[string]string{publisherKey: b.publisher},
	}
	b.encrypt(ctx, in)
	_, err = b.api.PutObject(ctx, in)
	return b.wrapMissing(err)
}

// Holds reports whether the bucket holds a content under a key. The error is ErrAbsent if it holds nothing there.
func (b *Bucket) Holds(ctx context.Context, key string, sum Sum) (bool, error) {
	held, err := b.head(ctx, key)
	switch {
	case err != nil:
		return false, err
	case held.sum.SHA256 != "" || held.sum.Size != sum.Size:
		return held.sum == sum, nil
	}
	held.sum, err = b.readSum(ctx, key, sum.Size)
	return held.sum == sum, err
}

// publisherKey is the key of an object's metadata that names the project and the environment that have put it there.
const publisherKey = "lockstep-publisher"

// A heldObject is what S3 says of an object.
type heldObject struct {
	// sum has no SHA256 if S3 has none of the whole object.
	sum       Sum
	publisher string
}

// head returns what S3 says of an object. The error is ErrAbsent if there is none.
func (b *Bucket) head(ctx context.Context, key string) (heldObject, error) {
	if held, err := b.headListed(ctx, key); err == nil {
		return held, nil
	}
	// Unlike HeadObject, this call says why it is refused, so that a wrong clock can be distinguished from a missing
	// right.
	found, err := b.api.ListObjectsV2(ctx, &s3.ListObjectsV2Input{
		Bucket: &b.name, Prefix: &key, MaxKeys: aws.Int32(1), ExpectedBucketOwner: &b.owner,
	})
	if err != nil {
		return heldObject{}, b.wrapMissing(err)
	}
	if len(found.Contents) == 0 || aws.ToString(found.Contents[0].Key) != key {
		return heldObject{}, ErrAbsent
	}
	return b.headListed(ctx, key)
}

// headListed is head for an object that is there. The error does not tell why the call failed.
func (b *Bucket) headListed(ctx context.Context, key string) (heldObject, error) {
	out, err := b.api.HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner, ChecksumMode: types.ChecksumModeEnabled,
	})
	if err != nil {
		return heldObject{}, b.wrapMissing(err)
	}
	held := heldObject{sum: Sum{Size: aws.ToInt64(out.ContentLength)}, publisher: out.Metadata[publisherKey]}
	if out.ChecksumType != types.ChecksumTypeComposite { // that would be of the sums of an upload's parts
		held.sum.SHA256 = aws.ToString(out.ChecksumSHA256)
	}
	return held, nil
}

// readSum returns the sum of an object, of which it reads no more than one byte over a limit.
func (b *Bucket) readSum(ctx context.Context, key string, limit int64) (Sum, error) {
	data, err := b.read(ctx, key, limit)
	if err != nil {
		return Sum{}, err
	}
	return sumReader(bytes.NewReader(data))
}

// read returns an object, of which it reads no more than one byte over a limit.
func (b *Bucket) read(ctx context.Context, key string, limit int64) ([]byte, error) {
	out, err := b.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner})
	if err != nil {
		return nil, b.wrapMissing(err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(io.LimitReader(out.Body, limit+1))
	return data, awsclient.WrapRead(err)
}

// maxComparedBytes is the size up to which an archive is compared with another one by what is in it. It is more than
// Lambda takes.
const maxComparedBytes = 256 << 20

// emptyArchive is an archive without a file, which a publication of the CDK leaves when it is cut off. Nothing can be
// deployed from it. Source: cdk-assets, private/handlers/files.ts, EMPTY_ZIP_FILE_SIZE.
const emptyArchive = "PK\x05\x06\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"

// checkReplaceable refuses to replace an object that may be what something else deploys: the key of the CDK says
// nothing of the content, so whoever names another's key would exchange it.
func (b *Bucket) checkReplaceable(
	ctx context.Context, files fs.FS, a assembly.Asset, sum Sum, held heldObject,
) error {
	if sum.isOf(a.Key) || held.publisher == b.publisher {
		return nil
	}
	if held.sum.Size <= maxComparedBytes {
		data, err := b.read(ctx, a.Key, held.sum.Size)
		if err != nil {
			return err
		}
		got, err := sumReader(bytes.NewReader(data))
		if err != nil || got == sum {
			return err
		}
		isReplaceable := a.Zip && string(data) == emptyArchive
		if a.Zip && !isReplaceable {
			isReplaceable, err = isSameArchive(data, files, a)
		}
		if err != nil || isReplaceable {
			return err
		}
	}
	return refusal.Newf(fault.StagedExchanged, nil,
		"the bucket %s holds something else under %s: another program has put it there, the app "+
			"builds the same sources differently every time (set its assetHashType to OUTPUT), or somebody has exchanged it. "+
			"See who wrote it, delete it if nothing needs it, and run this again", b.name, a.Key)
}

func contentType(a assembly.Asset) string {
	switch {
	case a.Zip, strings.HasSuffix(a.Path, ".zip"):
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

// isSameArchive reports whether an archive holds the files of an asset: the same names, contents and programs. Another
// program may have packed them differently. The error is that of the asset: an archive that cannot be read is another.
func isSameArchive(data []byte, files fs.FS, a assembly.Asset) (bool, error) {
	archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return false, nil //nolint:nilerr // it is no archive
	}
	held, err := listArchive(archive)
	if err != nil {
		return false, nil //nolint:nilerr // it is damaged, or too large
	}
	body, err := openAsset(files, a)
	if err != nil {
		return false, err
	}
	defer body.Close()
	size, err := body.Seek(0, io.SeekEnd)
	if err != nil {
		return false, err
	}
	if archive, err = zip.NewReader(body.(io.ReaderAt), size); err != nil {
		return false, fault.Wrap(fault.AssetUnusable, err)
	}
	own, err := listArchive(archive)
	var tooLarge *fsx.TooLargeError
	if errors.As(err, &tooLarge) {
		return false, nil // unlike the other
	}
	return slices.Equal(held, own), err
}

// listArchive returns what is in an archive, without its folders, in the order of the names: the name and the SHA-256
// of each file, and whether it is a program. A file that is there twice is listed twice.
func listArchive(r *zip.Reader) ([]string, error) {
	var list []string
	remaining := int64(maxComparedBytes)
	for _, f := range r.File {
		if f.Mode().IsDir() {
			continue
		}
		file, err := f.Open()
		if err != nil {
			return nil, fault.Errorf(fault.AssetUnusable, "%s in the archive cannot be read: %w", f.Name, err)
		}
		sum, err := sumReader(io.LimitReader(file, remaining+1))
		if err = errors.Join(err, file.Close()); err != nil {
			return nil, err
		}
		if remaining -= sum.Size; remaining < 0 {
			return nil, &fsx.TooLargeError{Name: "the archive", Limit: maxComparedBytes}
		}
		list = append(list, fmt.Sprintf("%q %s %s", f.Name, f.Mode()&(fs.ModeType|0o111), sum.SHA256))
	}
	slices.Sort(list)
	return list, nil
}
