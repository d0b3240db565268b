package bootstrap

import (
	"context"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lockstep/internal/awsclient"
	"lockstep/internal/fault"
	"lockstep/internal/roles"
)

const (
	// recordsPrefix begins the keys of all records of deployments.
	recordsPrefix = "lockstep/"
	// recordsParameter is the parameter of the stack of roles that says where the records are: its phase.
	recordsParameter = "Records"
)

// moveRecords copies the records of deployments from the bucket of the CDK, where earlier versions of this program kept
// them, to that of Lockstep. Meanwhile the roles that write records may do nothing, so that none is written that is not
// copied. The originals stay, and nobody reads them any more.
//
// A move that was cut off leaves the roles as they are while records are moved, and is done again from its beginning.
func (a Account) moveRecords(ctx context.Context, cfg aws.Config, c *awsclient.CloudFormation) error {
	found, err := describeStack(ctx, c, a.Names.RolesStack(a.Qualifier))
	if err != nil || found != nil && recordsPhase(found) == complete {
		return err
	}
	from, err := formerBucket(ctx, c, a)
	if err != nil {
		return err
	}
	cfg.Region = a.Region
	m := recordMover{
		api: awsclient.NewS3(cfg), owner: a.ID, from: from, to: roles.LedgerBucket(a.Qualifier, a.ID, a.Region),
	}
	records, err := m.list(ctx, m.from)
	if err != nil || len(records) == 0 {
		return err
	}
	if err := a.rolesStack(moving).apply(ctx, c, a); err != nil {
		return err
	}
	return m.move(ctx)
}

// recordsPhase returns how far a stack of roles has come. One of an earlier version does not say.
func recordsPhase(found *types.Stack) phase {
	for _, p := range found.Parameters {
		if aws.ToString(p.ParameterKey) == recordsParameter {
			return phase(aws.ToString(p.ParameterValue))
		}
	}
	return moving
}

// formerBucket returns the name of the bucket of the CDK's bootstrap, which its stack names among its outputs.
func formerBucket(ctx context.Context, c *awsclient.CloudFormation, a Account) (string, error) {
	found, err := describeStack(ctx, c, a.Names.Toolkit())
	if err != nil {
		return "", err
	}
	if found != nil {
		for _, o := range found.Outputs {
			if aws.ToString(o.OutputKey) == "BucketName" {
				return aws.ToString(o.OutputValue), nil
			}
		}
	}
	return a.Names.StagingBucket(a.Qualifier, a.ID, a.Region), nil
}

// A recordMover copies records from one bucket of an account to another.
type recordMover struct {
	api             *awsclient.S3
	owner, from, to string
}

// list returns the sizes of the records in a bucket, by key.
func (m recordMover) list(ctx context.Context, bucket string) (map[string]int64, error) {
	records := map[string]int64{}
	prefix := recordsPrefix
	pages := s3.NewListObjectsV2Paginator(m.api, &s3.ListObjectsV2Input{
		Bucket: &bucket, Prefix: &prefix, ExpectedBucketOwner: &m.owner,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, object := range page.Contents {
			records[aws.ToString(object.Key)] = aws.ToInt64(object.Size)
		}
	}
	return records, nil
}

// move copies all records, and those that were written meanwhile by a run whose rights had not yet ended.
func (m recordMover) move(ctx context.Context) error {
	records, err := m.list(ctx, m.from)
	if err != nil {
		return err
	}
	// Policies of organisations refuse a copy that does not say how it is encrypted, as any write.
	encryption, _ := m.api.Encryption(ctx, m.to, m.owner)
	for key := range records {
		source := (&url.URL{Path: m.from + "/" + key}).EscapedPath()
		_, err := m.api.CopyObject(ctx, &s3.CopyObjectInput{
			Bucket: &m.to, Key: &key, CopySource: &source, ExpectedBucketOwner: &m.owner, ExpectedSourceBucketOwner: &m.owner,
			ServerSideEncryption: encryption.Algorithm, SSEKMSKeyId: encryption.Key,
		})
		if err != nil {
			return fmt.Errorf("the record %s cannot be moved: %w", key, err)
		}
	}
	return m.check(ctx)
}

// check returns an error unless the records of both buckets are the same.
func (m recordMover) check(ctx context.Context) error {
	before, err := m.list(ctx, m.from)
	if err != nil {
		return err
	}
	after, err := m.list(ctx, m.to)
	if err != nil {
		return err
	}
	for key, size := range before {
		if moved, ok := after[key]; !ok || moved != size {
			return fault.Errorf(fault.BootstrapFailed,
				"the record %s of the bucket %s is not in %s as it was: a deployment was at work; wait until it has ended, "+
					"and run this again", key, m.from, m.to)
		}
	}
	return nil
}
