// Package main is a Dagger module of a platform: its release is a plan and a deployment of Lockstep.
package main

import (
	"context"

	"dagger/shop/internal/dagger"
)

// Shop is the platform of a shop.
type Shop struct{}

// Release checks the source, deploys it to an environment and returns the number of the release.
func (m *Shop) Release(ctx context.Context, source *dagger.Directory, environment string) (int, error) {
	lockstep := dag.Lockstep(dagger.LockstepOpts{Source: source})
	if _, err := lockstep.Check(ctx); err != nil {
		return 0, err
	}
	return lockstep.Environment(dagger.LockstepEnvironmentOpts{Name: environment}).Deploy().Number(ctx)
}

// Preview shows what a deployment would change, as Markdown.
func (m *Shop) Preview(ctx context.Context, source *dagger.Directory, environment string) (string, error) {
	lockstep := dag.Lockstep(dagger.LockstepOpts{Source: source})
	return lockstep.Environment(dagger.LockstepEnvironmentOpts{Name: environment}).Plan().Markdown(ctx)
}
