package deploy

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/ledger"
)

// Garbage is an object that nobody needs any more.
type Garbage struct {
	Key  string `json:"key"`
	Size int64  `json:"size"`
	// Release is the newest one that needed it.
	Release int `json:"release"`
}

// MinReleasesKept is how many releases have to be kept at least: going back needs the one before.
const MinReleasesKept = 2

// Garbage are the published files and kept assemblies of releases that are older than the newest so many, as far as no stack in the account mentions them.
// What no release of this environment ever needed is somebody else's, and not looked at.
func (d *Deployment) Garbage(ctx context.Context, keep int) ([]Garbage, error) {
	book, err := d.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	releases, err := book.Releases(ctx)
	if err != nil || len(releases) <= keep {
		return nil, err
	}
	needed := map[string]bool{}
	for _, r := range releases[:keep] {
		for _, key := range releaseObjectKeys(book, r) {
			needed[key] = true
		}
	}
	candidates := map[string]int{}
	for _, r := range releases[keep:] { // the newest first
		for _, key := range releaseObjectKeys(book, r) {
			if _, known := candidates[key]; !known && !needed[key] {
				candidates[key] = r.Number
			}
		}
	}
	if len(candidates) == 0 {
		return nil, nil
	}
	mentioned, err := d.referenced(ctx, candidates)
	if err != nil {
		return nil, err
	}
	return d.existing(ctx, candidates, mentioned)
}

// releaseObjectKeys are the keys of what a release needs.
func releaseObjectKeys(book *ledger.Ledger, r ledger.Release) []string {
	keys := append(slices.Clone(r.AssetKeys), book.BlobKey(assemblyBlobName(r.SynthDigest)))
	if r.SBOMDigest != "" {
		keys = append(keys, book.BlobKey(toolsBlobName(r.SBOMDigest)))
	}
	return keys
}

// existingStackStatuses are the states of stacks that are there.
var existingStackStatuses = []types.StackStatus{
	types.StackStatusCreateComplete, types.StackStatusCreateInProgress, types.StackStatusUpdateComplete, types.StackStatusUpdateInProgress,
	types.StackStatusUpdateCompleteCleanupInProgress, types.StackStatusUpdateRollbackComplete, types.StackStatusUpdateRollbackInProgress,
	types.StackStatusUpdateRollbackCompleteCleanupInProgress, types.StackStatusUpdateRollbackFailed, types.StackStatusUpdateFailed, types.StackStatusRollbackFailed,
	types.StackStatusImportComplete, types.StackStatusImportInProgress, types.StackStatusImportRollbackComplete, types.StackStatusImportRollbackFailed,
	types.StackStatusImportRollbackInProgress, types.StackStatusDeleteFailed, types.StackStatusReviewInProgress, types.StackStatusRollbackComplete,
}

// referenced are the candidates that a template of any stack in the account mentions, by the hash that is their name.
func (d *Deployment) referenced(ctx context.Context, candidates map[string]int) (map[string]bool, error) {
	client, err := d.cloudFormationAs(ctx, bootstrapRole(d.target, deployKind), d.target.Region)
	if err != nil {
		return nil, err
	}
	var names []string
	pages := cloudformation.NewListStacksPaginator(client, &cloudformation.ListStacksInput{StackStatusFilter: existingStackStatuses})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range page.StackSummaries {
			names = append(names, aws.ToString(s.StackName))
		}
	}
	texts := make([]string, len(names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxConcurrent)
	for i, name := range names {
		group.Go(func() error {
			out, err := client.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &name})
			if isNotFound(err) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("stack %s: %w", name, err)
			}
			texts[i] = aws.ToString(out.TemplateBody)
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	found := map[string]bool{}
	for key := range candidates {
		hash, _, _ := strings.Cut(key[strings.LastIndex(key, "/")+1:], ".")
		found[key] = slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, hash) })
	}
	return found, nil
}

// existing are the candidates that are in the bucket and not mentioned.
func (d *Deployment) existing(ctx context.Context, candidates map[string]int, mentioned map[string]bool) ([]Garbage, error) {
	client, err := d.stagingClient(ctx)
	if err != nil {
		return nil, err
	}
	var out []Garbage
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: aws.String(stagingBucket(d.target)), ExpectedBucketOwner: &d.target.Account})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, object := range page.Contents {
			key := aws.ToString(object.Key)
			if number, ok := candidates[key]; ok && !mentioned[key] {
				out = append(out, Garbage{Key: key, Size: aws.ToInt64(object.Size), Release: number})
			}
		}
	}
	return out, nil
}

// stagingClient is the staging bucket as the role that publishes files, with the fence before its writes.
func (d *Deployment) stagingClient(ctx context.Context) (*awsclient.S3, error) {
	return d.s3As(ctx, bootstrapRole(d.target, publishingKind), d.target.Region)
}

// DeleteGarbage removes what is garbage at this moment, under the lock, so that nobody deploys what is being removed. The bucket keeps the versions of what was
// removed for as long as its bootstrap says.
func (d *Deployment) DeleteGarbage(ctx context.Context, keep int) (removed []Garbage, err error) {
	book, err := d.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	_, release, err := d.acquireLock(ctx, book)
	if err != nil {
		return nil, err
	}
	defer func() { release(err) }()
	found, err := d.Garbage(ctx, keep)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	client, err := d.stagingClient(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range found {
		_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(stagingBucket(d.target)), Key: &g.Key, ExpectedBucketOwner: &d.target.Account})
		if err != nil {
			return removed, fmt.Errorf("%s: %w", g.Key, err)
		}
		removed = append(removed, g)
	}
	return removed, book.DeleteExpiredPlans(ctx, time.Now())
}
