package deploy

import (
	"context"
	"fmt"
	"time"

	"lockstep/internal/deploy/staging"
)

// MinReleasesKept is how many releases have to be kept at least: a rollback needs the one before.
const MinReleasesKept = 2

// Garbage returns the published files and the kept assemblies that only releases older than the newest keep ones
// needed, and that no stack in the account uses.
func (d *Deployment) Garbage(ctx context.Context, keep int) ([]staging.Garbage, error) {
	l, err := d.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	releases, err := l.Releases(ctx)
	if err != nil {
		return nil, err
	}
	old := staging.OldKeys(l, releases, keep)
	if len(old) == 0 {
		return nil, nil
	}
	client, err := d.cfnClient(ctx, bootstrapRole(d.target, deployKind), d.target.Region)
	if err != nil {
		return nil, err
	}
	templates, err := client.Templates(ctx)
	if err != nil {
		return nil, err
	}
	bucket, err := d.stagingBucket(ctx)
	if err != nil {
		return nil, err
	}
	return bucket.FindGarbage(ctx, old, templates)
}

// DeleteGarbage deletes what is garbage at this moment, under the lock, so that nobody deploys what is being deleted.
// It returns what it deleted. The bucket keeps earlier versions for as long as its bootstrap says.
func (d *Deployment) DeleteGarbage(ctx context.Context, keep int) (deleted []staging.Garbage, err error) {
	l, err := d.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	_, release, err := d.acquireLock(ctx, l)
	if err != nil {
		return nil, err
	}
	defer func() { release(err) }()
	found, err := d.Garbage(ctx, keep)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	bucket, err := d.stagingBucket(ctx)
	if err != nil {
		return nil, err
	}
	for _, g := range found {
		if err := bucket.Delete(ctx, g.Key); err != nil {
			return deleted, fmt.Errorf("%s: %w", g.Key, err)
		}
		deleted = append(deleted, g)
	}
	return deleted, l.DeleteExpiredPlans(ctx, time.Now())
}
