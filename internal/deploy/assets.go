package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/staging"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

// publishFor uploads a stack's files and images to where its template expects them, unless they are there. The step
// gets notes on the images.
func (d *Deployment) publishFor(ctx context.Context, step *planStep) error {
	s := step.stack
	if err := d.publish(ctx, d.targetOf(s), s.Assets); err != nil {
		return err
	}
	if err := d.publishImages(ctx, s); err != nil || len(s.Images) == 0 {
		return err
	}
	recorded, err := d.recordedImages(ctx)
	step.record.Notes = append(step.record.Notes, d.imageNotes(s, recorded)...)
	return err
}

// publishAgain publishes right before CloudFormation reads the files: they may have been exchanged since the change set
// was made. It passes over the stack's own template, which the change set holds.
func (d *Deployment) publishAgain(ctx context.Context, s *assembly.Stack) error {
	if err := d.publish(ctx, d.targetOf(s), otherAssets(s)); err != nil {
		return err
	}
	return d.publishImages(ctx, s)
}

func (d *Deployment) publish(ctx context.Context, target awsclient.Target, assets []assembly.Asset) error {
	return d.forEachAsset(ctx, target, assets, func(ctx context.Context, b *staging.Bucket, a assembly.Asset) error {
		sum, err := d.sumOf(a)
		if err != nil {
			return err
		}
		return b.Publish(ctx, d.assembly.Files, a, sum)
	})
}

// checkPublished returns an error if the bucket holds something else under the key of one of a stack's files than what
// the assembly has, passing over what is not there, or if an image is missing or another one than was recorded.
func (d *Deployment) checkPublished(ctx context.Context, s *assembly.Stack) error {
	check := func(ctx context.Context, b *staging.Bucket, a assembly.Asset) error {
		sum, err := d.sumOf(a)
		if err != nil {
			return err
		}
		holds, err := b.Holds(ctx, a.Key, sum)
		if errors.Is(err, staging.ErrAbsent) || err == nil && holds {
			return nil
		}
		if err != nil {
			return err
		}
		return fault.Errorf(fault.VerificationFailed,
			"what the bucket holds under %s is not what the assembly has: somebody has changed it; see who wrote it, delete "+
				"it, and deploy again", a.Key)
	}
	if err := d.forEachAsset(ctx, d.targetOf(s), s.Assets, check); err != nil {
		return err
	}
	return d.checkPublishedImages(ctx, s)
}

// otherAssets returns the assets of a stack without its own template.
func otherAssets(s *assembly.Stack) []assembly.Asset {
	isTemplate := func(a assembly.Asset) bool { return !a.Zip && a.Path == s.Template.File }
	return slices.DeleteFunc(slices.Clone(s.Assets), isTemplate)
}

// sumOf returns the sum of an asset, which it computes once. It refuses an asset that has the key of another one with
// another content: one would replace the other.
func (d *Deployment) sumOf(a assembly.Asset) (staging.Sum, error) {
	source := fmt.Sprintf("%t %s", a.Zip, a.Path)
	known, ok := d.assetSums.Load(source)
	if !ok {
		computed, err := staging.SumOf(d.assembly.Files, a)
		if err != nil {
			return computed, err
		}
		known, _ = d.assetSums.LoadOrStore(source, computed)
	}
	sum := known.(staging.Sum)
	if first, _ := d.assetSums.LoadOrStore(a.Key, sum); first != any(sum) {
		return sum, refusal.Newf(fault.AssemblyAltered, nil,
			"it has the key %s, and so has another asset with other content: synthesise again",
			a.Key)
	}
	return sum, nil
}

// forEachAsset calls f for assets, several at once, with the bucket that they are published to.
func (d *Deployment) forEachAsset(
	ctx context.Context, target awsclient.Target, assets []assembly.Asset,
	f func(context.Context, *staging.Bucket, assembly.Asset) error,
) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxConcurrent)
	for _, a := range assets {
		group.Go(func() error {
			role, err := publishingRole(a.Role, target)
			if err != nil {
				return err
			}
			bucket, err := d.bucket(ctx, role, stagingBucketName(target), target)
			if err == nil {
				err = f(ctx, bucket, a)
			}
			if err != nil {
				return fmt.Errorf("asset %s: %w", a.Name, err)
			}
			return nil
		})
	}
	return group.Wait()
}
