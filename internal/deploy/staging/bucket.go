// Package staging owns what a deployment keeps in an account's buckets: the files that templates refer to, the objects
// of the ledger, the archives of cloud assemblies, and which of that is garbage. It knows nothing of stacks or
// of CloudFormation.
package staging

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"path"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
)

// A Bucket is a bucket of the target account. It implements ledger.ObjectStore.
type Bucket struct {
	api  *awsclient.S3
	name string
	// owner is the account that the bucket must belong to: one of that name in a stranger's account is refused.
	owner string
	// environment is named in the advice to bootstrap the account.
	environment string
	// publisher names the project and the environment in the objects that are published.
	publisher string

	mu sync.Mutex
	// encryption is how the bucket encrypts; nil until it has answered.
	encryption *awsclient.Encryption
}

// NewBucket returns a bucket by its name, which is refused if it does not belong to the target's account.
func NewBucket(api *awsclient.S3, name string, target awsclient.Target) *Bucket {
	return &Bucket{
		api: api, name: name, owner: target.Account, environment: target.Environment,
		publisher: target.Project + "/" + target.Environment,
	}
}

// Get implements ledger.ObjectStore.
func (b *Bucket) Get(ctx context.Context, key string) (ledger.Object, error) {
	out, err := b.api.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner})
	if awsclient.ErrorCode(err) == "NoSuchKey" {
		return ledger.Object{}, ledger.ErrNotFound
	}
	if err != nil {
		return ledger.Object{}, b.wrapMissing(err)
	}
	defer out.Body.Close()
	data, err := fsx.ReadAll(out.Body, key, maxObjectBytes(key))
	if err != nil {
		return ledger.Object{}, awsclient.WrapRead(err)
	}
	modified := aws.ToTime(out.LastModified)
	return ledger.Object{
		Data: data, ETag: aws.ToString(out.ETag), Modified: modified, ServerTime: serverTime(out.ResultMetadata, modified),
	}, nil
}

// maxObjectBytes returns the size of the largest object that is read under a key: documents are texts, and the archives
// of assemblies are no larger than what they unpack to.
func maxObjectBytes(key string) int64 {
	if path.Ext(key) == ".json" {
		return fsx.MaxText
	}
	return maxAssemblyBytes
}

// Put implements ledger.ObjectStore.
func (b *Bucket) Put(ctx context.Context, key string, data []byte, only ledger.Condition) (ledger.Object, error) {
	sum := sha256.Sum256(data) // a bucket with Object Lock takes nothing without, whatever the caller's AWS settings are
	now, err := b.putObject(ctx, &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner,
		Body: bytes.NewReader(data), ContentType: aws.String("application/json"),
		ChecksumSHA256: aws.String(base64.StdEncoding.EncodeToString(sum[:])),
	}, only)
	if err != nil {
		return ledger.Object{}, err
	}
	return ledger.Object{Data: data, ETag: now.etag, Modified: now.at, ServerTime: now.at}, nil
}

// A putAnswer is what S3 says of an object that it has taken.
type putAnswer struct {
	etag string
	at   time.Time
}

// putObject writes an object under a condition. The error is ledger.ErrPreconditionFailed if that does not hold.
func (b *Bucket) putObject(ctx context.Context, in *s3.PutObjectInput, only ledger.Condition) (putAnswer, error) {
	b.encrypt(ctx, in)
	switch {
	case only.Absent:
		in.IfNoneMatch = aws.String("*")
	case only.ETag != "":
		in.IfMatch = &only.ETag
	}
	out, err := b.api.PutObject(ctx, in)
	switch awsclient.ErrorCode(err) {
	case "PreconditionFailed", "ConditionalRequestConflict",
		"NoSuchKey": // the condition is on an object that does not exist any more
		return putAnswer{}, ledger.ErrPreconditionFailed
	}
	if err != nil {
		return putAnswer{}, b.wrapMissing(err)
	}
	return putAnswer{aws.ToString(out.ETag), serverTime(out.ResultMetadata, time.Now())}, nil
}

// encrypt lets a request say how the object is to be encrypted, as the bucket does it anyway.
func (b *Bucket) encrypt(ctx context.Context, in *s3.PutObjectInput) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.encryption == nil {
		e, isAnswer := b.api.Encryption(ctx, b.name, b.owner)
		if !isAnswer { // the next request asks again
			return
		}
		b.encryption = &e
	}
	in.ServerSideEncryption, in.SSEKMSKeyId = b.encryption.Algorithm, b.encryption.Key
}

// List implements ledger.ObjectStore.
func (b *Bucket) List(ctx context.Context, prefix string) ([]string, error) {
	var keys []string
	pages := s3.NewListObjectsV2Paginator(b.api, &s3.ListObjectsV2Input{
		Bucket: &b.name, Prefix: &prefix, ExpectedBucketOwner: &b.owner,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, b.wrapMissing(err)
		}
		for _, object := range page.Contents {
			keys = append(keys, aws.ToString(object.Key))
		}
	}
	return keys, nil
}

// Delete implements ledger.ObjectStore.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	_, err := b.api.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner})
	return b.wrapMissing(err)
}

// wrapMissing says what to do if the bucket does not exist.
func (b *Bucket) wrapMissing(err error) error {
	if awsclient.ErrorCode(err) == "NoSuchBucket" {
		return fault.Errorf(fault.BucketMissing,
			"the bucket %s is not there: run `lockstep bootstrap --env %s`: %w", b.name, b.environment, err)
	}
	return err
}

// serverTime returns the time by the clock of whoever answered, or the fallback if the answer does not say.
func serverTime(answer middleware.Metadata, fallback time.Time) time.Time {
	if at, ok := awsmiddleware.GetServerTime(answer); ok && !at.IsZero() {
		return at
	}
	if raw, ok := awsmiddleware.GetRawResponse(answer).(*http.Response); ok {
		if at, err := http.ParseTime(raw.Header.Get("Date")); err == nil {
			return at
		}
	}
	return fallback
}
