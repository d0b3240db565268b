package deploy

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"lockstep/internal/deploy/assembly"
)

// publishAssets puts a stack's files where its template expects them. An object's key is the hash of its content, so one that is there
// already is the same.
func (d *Deployment) publishAssets(ctx context.Context, s *assembly.Stack) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxConcurrent)
	for _, a := range s.Assets {
		group.Go(func() error {
			if err := d.publishAsset(ctx, a); err != nil {
				return fmt.Errorf("asset %s: %w", a.Name, wrapAWS(err))
			}
			return nil
		})
	}
	return group.Wait()
}

func (d *Deployment) publishAsset(ctx context.Context, a assembly.Asset) error {
	client, err := d.assetClient(ctx, a)
	if err != nil {
		return err
	}
	// The owner is named so that a bucket of that name in a stranger's account is refused.
	owner := aws.String(d.target.Account)
	// Unlike HeadObject, this tells why it is refused, so that a wrong clock can be told from a missing right.
	found, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &a.Bucket, Prefix: &a.Key, MaxKeys: aws.Int32(1), ExpectedBucketOwner: owner})
	if err != nil {
		return d.wrapMissingBucket(a, err)
	}
	if len(found.Contents) > 0 && aws.ToString(found.Contents[0].Key) == a.Key {
		return nil
	}
	body, err := openAsset(d.assembly.Files, a)
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &a.Bucket, Key: &a.Key, ExpectedBucketOwner: owner, Body: body, ContentType: aws.String(contentType(a)),
	})
	return d.wrapMissingBucket(a, err)
}

// wrapMissingBucket says what to do where the bucket of an asset is not there.
func (d *Deployment) wrapMissingBucket(a assembly.Asset, err error) error {
	if errorCode(err) == "NoSuchBucket" {
		return fmt.Errorf("the bucket %s is not there: run `lockstep bootstrap --env %s`", a.Bucket, d.target.Environment)
	}
	return err
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

// A assetContent can be read from the start again, for signatures and retries.
type assetContent interface {
	io.ReadSeeker
	io.Closer
}

// openAsset opens what is to be published.
func openAsset(files fs.FS, a assembly.Asset) (assetContent, error) {
	if a.Zip {
		return zipAsset(files, a.Path)
	}
	file, err := files.Open(a.Path)
	if err != nil {
		return nil, err
	}
	if c, ok := file.(assetContent); ok {
		return c, nil
	}
	file.Close()
	return nil, fmt.Errorf("%s cannot be read twice", a.Path)
}

// A tempFile file is gone when it is closed.
type tempFile struct{ *os.File }

func (t tempFile) Close() error {
	err := t.File.Close()
	if removing := os.Remove(t.Name()); err == nil {
		err = removing
	}
	return err
}

// zipAsset packs a folder, or a single file, into a temporary archive. The same content gives the same bytes: entries are sorted and all
// of one time.
func zipAsset(files fs.FS, root string) (assetContent, error) {
	file, err := os.CreateTemp("", "lockstep-asset-*.zip")
	if err != nil {
		return nil, err
	}
	out := tempFile{file}
	w := zip.NewWriter(file)
	err = addToZip(w, files, root, "")
	if closing := w.Close(); err == nil {
		err = closing
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		out.Close()
		return nil, err
	}
	return out, nil
}

// zipModTime is the first moment that the format can tell.
var zipModTime = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// addToZip adds a file, or everything in a folder, under a name. Links are followed, as the CDK's own command line does.
// The folders above it are those that the file was found in.
func addToZip(w *zip.Writer, files fs.FS, from, name string, above ...fs.FileInfo) error {
	info, err := fs.Stat(files, from)
	if err != nil {
		return err
	}
	if info.IsDir() {
		if slices.ContainsFunc(above, func(folder fs.FileInfo) bool { return os.SameFile(folder, info) }) {
			return fmt.Errorf("%s is a link to a folder that it is in itself: remove it", from)
		}
		above = append(slices.Clip(above), info)
		entries, err := fs.ReadDir(files, from) // sorted
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if err := addToZip(w, files, path.Join(from, entry.Name()), path.Join(name, entry.Name()), above...); err != nil {
				return err
			}
		}
		return nil
	}
	if name == "" {
		name = path.Base(from)
	}
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: zipModTime}
	header.SetMode(0o644 | info.Mode().Perm()&0o111) // a program must stay one; the rest is the umask of whoever checked out
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
