package deploy

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"time"

	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/staging"
)

// MinReleasesKept is how many releases have to be kept at least: a rollback needs the one before.
const MinReleasesKept = 2

// Garbage returns the published files and the kept assemblies that only releases older than the newest keep ones
// needed, and that nothing in the account uses: no stack, no waiting plan, no run and no newer release, of whatever
// project and environment.
func (d *Deployment) Garbage(ctx context.Context, keep int) ([]staging.Garbage, error) {
	l, err := d.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	releases, err := l.Releases(ctx)
	if err != nil {
		return nil, refuseTampered(err)
	}
	needed, err := neededKeys(ctx, l, keep)
	if err != nil {
		return nil, err
	}
	if previous, ok := ledger.NewHistory(releases).Previous(); ok { // the next rollback needs it
		for _, key := range staging.ReleaseKeys(l, previous) {
			needed[key] = true
		}
	}
	old := staging.OldKeys(l, releases, keep, needed)
	if len(old) == 0 {
		return nil, nil
	}
	client, err := d.cfnClient(ctx, d.accountRole(), d.target.Region)
	if err != nil {
		return nil, err
	}
	templates, err := client.Templates(ctx)
	if err != nil {
		return nil, err
	}
	var found []staging.Garbage
	for _, open := range []func(context.Context) (*staging.Bucket, error){d.listedStagingBucket, d.ledgerBucket} {
		bucket, err := open(ctx)
		if err != nil {
			return nil, err
		}
		garbage, err := bucket.FindGarbage(ctx, old, templates)
		if err != nil {
			return nil, err
		}
		found = append(found, garbage...)
	}
	return found, nil
}

// neededKeys returns the keys of the objects that any environment in the account needs: they share their buckets.
func neededKeys(ctx context.Context, l *ledger.Ledger, keep int) (map[string]bool, error) {
	all, err := l.All(ctx)
	if err != nil {
		return nil, err
	}
	needed := map[string]bool{}
	for _, other := range all {
		keys, err := staging.NeededKeys(ctx, other, keep)
		if err != nil {
			return nil, fmt.Errorf("what %s needs cannot be read, so nothing is garbage: %w", other.Name(), refuseTampered(err))
		}
		maps.Copy(needed, keys)
	}
	return needed, nil
}

// DeleteGarbage deletes what is garbage at this moment, under the lock, so that nobody deploys what is being deleted.
// It returns what it deleted. The bucket keeps earlier versions for as long as its bootstrap says.
func (d *Deployment) DeleteGarbage(ctx context.Context, keep int) (deleted []staging.Garbage, err error) {
	l, release, err := d.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { release(err) }()
	found, err := d.Garbage(ctx, keep)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	for _, g := range found {
		bucket, err := d.bucketOf(ctx, g.Key)
		if err != nil {
			return deleted, err
		}
		if err := bucket.Delete(ctx, g.Key); err != nil {
			return deleted, fmt.Errorf("%s: %w", g.Key, err)
		}
		deleted = append(deleted, g)
	}
	return deleted, l.DeleteExpiredPlans(ctx, time.Now())
}

// bucketOf returns the bucket of an object with the role that may delete it.
func (d *Deployment) bucketOf(ctx context.Context, key string) (*staging.Bucket, error) {
	if strings.HasPrefix(key, ledger.KeyPrefix) {
		return d.ledgerBucket(ctx)
	}
	return d.stagingBucket(ctx)
}
