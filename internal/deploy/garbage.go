package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/ledger"
)

// Garbage is an object that nobody needs any more.
type Garbage struct {
	Key  string `json:"key"`
	Size int64  `json:"size"`
	// Release is the newest one that needed it.
	Release int `json:"release"`
}

// LeastKept is how many releases have to be kept at least: going back needs the one before.
const LeastKept = 2

// Garbage are the published files and kept assemblies of releases that are older than the newest so many, as far as no stack in the account mentions them.
// What no release of this environment ever needed is somebody else's, and not looked at.
func (d *Deployment) Garbage(ctx context.Context, keep int) ([]Garbage, error) {
	book, err := d.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	releases, err := book.All(ctx)
	if err != nil || len(releases) <= keep {
		return nil, err
	}
	needed := map[string]bool{}
	for _, r := range releases[:keep] {
		for _, key := range belongings(book, r) {
			needed[key] = true
		}
	}
	candidates := map[string]int{}
	for _, r := range releases[keep:] { // the newest first
		for _, key := range belongings(book, r) {
			if _, known := candidates[key]; !known && !needed[key] {
				candidates[key] = r.Number
			}
		}
	}
	if len(candidates) == 0 {
		return nil, nil
	}
	mentioned, err := d.mentioned(ctx, candidates)
	if err != nil {
		return nil, err
	}
	return d.there(ctx, candidates, mentioned)
}

// belongings are the keys of what a release needs.
func belongings(book *ledger.Ledger, r ledger.Release) []string {
	keys := append(slices.Clone(r.Assets), book.BlobKey(assemblyBlob(r.Assembly)))
	if r.Tools != "" {
		keys = append(keys, book.BlobKey(toolsBlob(r.Tools)))
	}
	return keys
}

// working are the states of stacks that are there.
var working = []types.StackStatus{
	types.StackStatusCreateComplete, types.StackStatusCreateInProgress, types.StackStatusUpdateComplete, types.StackStatusUpdateInProgress,
	types.StackStatusUpdateCompleteCleanupInProgress, types.StackStatusUpdateRollbackComplete, types.StackStatusUpdateRollbackInProgress,
	types.StackStatusUpdateRollbackCompleteCleanupInProgress, types.StackStatusUpdateRollbackFailed, types.StackStatusUpdateFailed, types.StackStatusRollbackFailed,
	types.StackStatusImportComplete, types.StackStatusImportInProgress, types.StackStatusImportRollbackComplete, types.StackStatusImportRollbackFailed,
	types.StackStatusImportRollbackInProgress, types.StackStatusDeleteFailed, types.StackStatusReviewInProgress, types.StackStatusRollbackComplete,
}

// mentioned are the candidates that a template of any stack in the account mentions, by the hash that is their name.
func (d *Deployment) mentioned(ctx context.Context, candidates map[string]int) (map[string]bool, error) {
	client, err := d.cloudFormation(ctx, &assembly.Stack{DeployRole: d.target.role(deployKind), Region: d.target.Region})
	if err != nil {
		return nil, err
	}
	var names []string
	pages := cloudformation.NewListStacksPaginator(client, &cloudformation.ListStacksInput{StackStatusFilter: working})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, problem(err)
		}
		for _, s := range page.StackSummaries {
			names = append(names, aws.ToString(s.StackName))
		}
	}
	texts := make([]string, len(names))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(inParallel)
	for i, name := range names {
		group.Go(func() error {
			out, err := client.GetTemplate(ctx, &cloudformation.GetTemplateInput{StackName: &name})
			if gone(err) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("stack %s: %w", name, problem(err))
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

// there are the candidates that are in the bucket and not mentioned.
func (d *Deployment) there(ctx context.Context, candidates map[string]int, mentioned map[string]bool) ([]Garbage, error) {
	client, err := d.publisher(ctx)
	if err != nil {
		return nil, err
	}
	var out []Garbage
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: aws.String(d.target.bucket()), ExpectedBucketOwner: &d.target.Account})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, problem(err)
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

// publisher is the staging bucket as the role that publishes files, with the fence before its writes.
func (d *Deployment) publisher(ctx context.Context) (*s3.Client, error) {
	return d.objects(ctx, assembly.Asset{Role: d.target.role(publishingKind), Region: d.target.Region})
}

// Clear removes what is garbage at this moment, under the lock, so that nobody deploys what is being removed. The bucket keeps the versions of what was
// removed for as long as its bootstrap says.
func (d *Deployment) Clear(ctx context.Context, keep int) (removed []Garbage, err error) {
	book, err := d.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	_, release, err := d.lock(ctx, book)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	found, err := d.Garbage(ctx, keep)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	client, err := d.publisher(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range found {
		_, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(d.target.bucket()), Key: &g.Key, ExpectedBucketOwner: &d.target.Account})
		if err != nil {
			return removed, fmt.Errorf("%s: %w", g.Key, problem(err))
		}
		removed = append(removed, g)
	}
	return removed, book.ForgetPlans(ctx, time.Now())
}
