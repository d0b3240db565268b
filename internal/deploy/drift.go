package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/fsx"
	"lockstep/internal/roles"
)

// Drift compares every stack of the newest release with what was deployed, several at once: its resources, as
// CloudFormation does it, and the stack itself with the release's cloud assembly. It works as the lookup role, which
// may read everything and write nothing: CloudFormation reads the resources with the rights of its caller.
func (d *Deployment) Drift(ctx context.Context) ([]cfn.Drift, error) {
	last, err := d.LatestRelease(ctx)
	if err != nil {
		return nil, err
	}
	if last == nil {
		d.printProgress("nothing was deployed yet, so there is nothing to compare with")
		return nil, nil
	}
	l, err := d.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	wanted, err := d.releasedStacks(ctx, l, *last)
	if err != nil {
		return nil, err
	}
	out := make([]cfn.Drift, len(last.Stacks))
	errs := make([]error, len(last.Stacks))
	var group errgroup.Group
	group.SetLimit(maxConcurrent)
	for i, s := range last.Stacks {
		group.Go(func() error {
			var err error
			if out[i], err = d.stackDrift(ctx, s, wanted[s.Name]); err != nil {
				errs[i] = fmt.Errorf("stack %s: %w", s.Name, err)
			}
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	var compared []cfn.Drift
	for i, drift := range out {
		if errs[i] == nil || drift.Incomplete != "" {
			compared = append(compared, drift)
		}
	}
	return compared, errors.Join(errs...)
}

// stackDrift returns the drift of one stack. The wanted stack is nil if it is not known any more.
func (d *Deployment) stackDrift(
	ctx context.Context, released ledger.Stack, want *assembly.Stack,
) (cfn.Drift, error) {
	name := released.Name
	drift := cfn.Drift{Stack: name}
	place, err := d.releasedPlace(released)
	if err != nil {
		return drift, err
	}
	client, err := d.releasedClient(ctx, released, roles.Lookup)
	if err != nil {
		return drift, err
	}
	state, err := client.Describe(ctx, name)
	if err == nil && state.Phase == cfn.Absent {
		drift.IsMissing = true
	}
	if err == nil && !drift.IsMissing {
		drift, err = client.DetectDrift(ctx, name)
	}
	drift.Account, drift.Region = place.Account, place.Region
	if err != nil && drift.Incomplete == "" || want == nil {
		return drift, err
	}
	step := &planStep{stack: want, current: state}
	if compareErr := d.compareStack(ctx, client, step); compareErr != nil {
		return drift, errors.Join(err, compareErr)
	}
	drift.Changes, drift.Notes = cfn.StackProperties(want, step.current, step.comparison), step.record.Notes
	return drift, err
}

// releasedStacks returns the stacks of a release's cloud assembly by name. There are none if the assembly is not kept.
func (d *Deployment) releasedStacks(
	ctx context.Context, l *ledger.Ledger, r ledger.Release,
) (map[string]*assembly.Stack, error) {
	stacks, err := d.keptStacks(ctx, l, r, d.adaptAssembly)
	if errors.Is(err, ledger.ErrNotFound) {
		d.printProgress(fmt.Sprintf("the cloud assembly of release %d is not kept, so only resources are compared", r.Number))
		return nil, nil
	}
	wanted := map[string]*assembly.Stack{}
	for _, s := range stacks {
		wanted[s.Name] = s
	}
	return wanted, err
}

// keptStacks returns the stacks of a release's cloud assembly in the form that adapt gives it, each after those that it
// needs. The error wraps ledger.ErrNotFound if the assembly is not kept.
func (d *Deployment) keptStacks(
	ctx context.Context, l *ledger.Ledger, r ledger.Release, adapt func(fs.FS) (fs.FS, error),
) ([]*assembly.Stack, error) {
	parent, err := os.MkdirTemp("", "lockstep-drift-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(parent)
	folder := filepath.Join(parent, "assembly")
	if err := d.fetchKept(ctx, l, r, folder); err != nil {
		return nil, err
	}
	files, err := adapt(fsx.Dir(folder))
	if err != nil {
		return nil, err
	}
	asm, _, err := d.ReadAssembly(files, d.target)
	if err != nil {
		return nil, fmt.Errorf("the kept cloud assembly of release %d: %w", r.Number, err)
	}
	return asm.Stacks, nil
}

// adaptAssembly returns a cloud assembly in the form in which it is deployed.
func (d *Deployment) adaptAssembly(files fs.FS) (fs.FS, error) {
	if d.AdaptAssembly == nil {
		return files, nil
	}
	return d.AdaptAssembly(files)
}
