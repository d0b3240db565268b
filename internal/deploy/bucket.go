package deploy

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/ledger"
)

// Ledger is what is kept in the target account, read and written with the bootstrap's file publishing role.
func (d *Deployment) Ledger(ctx context.Context) (*ledger.Ledger, error) {
	return loadOrCreate(&d.ledger, "", func() (*ledger.Ledger, error) {
		role, err := ledgerRole(d.target)
		if err != nil {
			return nil, err
		}
		cfg, err := d.sessions.Config(ctx, role, d.target.Region)
		shelf := &bucketStore{client: awsclient.NewS3(cfg, nil), name: stagingBucket(d.target), owner: d.target.Account, environment: d.target.Environment}
		return ledger.Open(shelf, d.target.Project, d.target.Environment), err
	})
}

// A bucketStore is a ledger's shelf in S3.
type bucketStore struct {
	client                   *awsclient.S3
	name, owner, environment string
}

// Get implements ledger.Store.
func (b *bucketStore) Get(ctx context.Context, key string) (ledger.Object, error) {
	out, err := b.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner})
	if awsclient.ErrorCode(err) == "NoSuchKey" {
		return ledger.Object{}, ledger.ErrNotFound
	}
	if err != nil {
		return ledger.Object{}, b.wrapError(err)
	}
	defer out.Body.Close()
	data, err := io.ReadAll(out.Body)
	if err != nil {
		return ledger.Object{}, err
	}
	modified := aws.ToTime(out.LastModified)
	return ledger.Object{Data: data, ETag: aws.ToString(out.ETag), Modified: modified, ServerTime: serverTime(out.ResultMetadata, modified)}, nil
}

// Put implements ledger.Store.
func (b *bucketStore) Put(ctx context.Context, key string, data []byte, only ledger.Condition) (ledger.Object, error) {
	in := &s3.PutObjectInput{
		Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner, Body: bytes.NewReader(data), ContentType: aws.String("application/json"),
	}
	switch {
	case only.Absent:
		in.IfNoneMatch = aws.String("*")
	case only.ETag != "":
		in.IfMatch = &only.ETag
	}
	out, err := b.client.PutObject(ctx, in)
	switch awsclient.ErrorCode(err) {
	case "":
	case "PreconditionFailed", "ConditionalRequestConflict":
		return ledger.Object{}, ledger.ErrPreconditionFailed
	case "NoSuchKey": // a condition on an object that is gone
		return ledger.Object{}, ledger.ErrPreconditionFailed
	}
	if err != nil {
		return ledger.Object{}, b.wrapError(err)
	}
	now := serverTime(out.ResultMetadata, time.Now())
	return ledger.Object{Data: data, ETag: aws.ToString(out.ETag), Modified: now, ServerTime: now}, nil
}

// List implements ledger.Shelf.
func (b *bucketStore) List(ctx context.Context, prefix string) ([]string, error) {
	var keys []string
	pages := s3.NewListObjectsV2Paginator(b.client, &s3.ListObjectsV2Input{Bucket: &b.name, Prefix: &prefix, ExpectedBucketOwner: &b.owner})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, b.wrapError(err)
		}
		for _, object := range page.Contents {
			keys = append(keys, aws.ToString(object.Key))
		}
	}
	return keys, nil
}

// Delete implements ledger.Shelf.
func (b *bucketStore) Delete(ctx context.Context, key string) error {
	_, err := b.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key, ExpectedBucketOwner: &b.owner})
	return b.wrapError(err)
}

func (b *bucketStore) wrapError(err error) error {
	if awsclient.ErrorCode(err) == "NoSuchBucket" {
		return fmt.Errorf("the bucket %s is not there: run `lockstep bootstrap --env %s`: %w", b.name, b.environment, err)
	}
	return err
}

// serverTime is the time by the clock of whoever answered, or another one where the answer does not tell.
func serverTime(answer middleware.Metadata, otherwise time.Time) time.Time {
	if at, ok := awsmiddleware.GetServerTime(answer); ok && !at.IsZero() {
		return at
	}
	if raw, ok := awsmiddleware.GetRawResponse(answer).(*http.Response); ok {
		if at, err := http.ParseTime(raw.Header.Get("Date")); err == nil {
			return at
		}
	}
	return otherwise
}
