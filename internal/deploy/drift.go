package deploy

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"lockstep/internal/deploy/cfn"
)

// Drift compares every stack of the newest release with what was deployed, several at once. It works as the lookup
// role, which may read everything and write nothing: CloudFormation reads the resources with the rights of its caller.
func (d *Deployment) Drift(ctx context.Context) ([]cfn.Drift, error) {
	last, err := d.LatestRelease(ctx)
	if err != nil {
		return nil, err
	}
	if last == nil {
		d.printProgress("nothing was deployed yet, so there is nothing to compare with")
		return nil, nil
	}
	client, err := d.cfnClient(ctx, bootstrapRole(d.target, lookupKind), d.target.Region)
	if err != nil {
		return nil, err
	}
	out := make([]cfn.Drift, len(last.Stacks))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(maxConcurrent)
	for i, s := range last.Stacks {
		group.Go(func() error {
			drift, err := client.DetectDrift(ctx, s.Name)
			drift.Account, drift.Region = d.target.Account, d.target.Region
			out[i] = drift
			if err != nil {
				return fmt.Errorf("stack %s: %w", s.Name, err)
			}
			return nil
		})
	}
	return out, group.Wait()
}
