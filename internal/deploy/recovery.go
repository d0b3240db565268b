package deploy

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/risk"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
	"lockstep/internal/roles"
)

// RecoveryPage is the page with the procedure by which a person recovers an environment on AWS.
const RecoveryPage = "Lockstep's docs/recovery.md"

// DeleteReleased deletes every stack of the newest release, those that need others first, so that its recovery can be
// rehearsed. It returns the names of the deleted stacks. The staging bucket with the records stays. The error is a
// *refusal.Error in a live run.
func (d *Deployment) DeleteReleased(ctx context.Context) (deleted []string, err error) {
	if d.Run.Mode != Rehearsal {
		return nil, refusal.Newf(fault.RehearsalOnly, nil,
			"only emulated accounts are deleted to rehearse a recovery: %s has the procedure for "+
				"accounts on AWS", RecoveryPage)
	}
	_, release, err := d.lock(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { release(err) }()
	last, err := d.LatestRelease(ctx)
	if err != nil || last == nil {
		return nil, err
	}
	for _, s := range slices.Backward(last.Stacks) {
		if err := d.deleteReleased(ctx, s); err != nil {
			return deleted, fmt.Errorf("stack %s: %w", s.Name, err)
		}
		deleted = append(deleted, s.Name)
	}
	return deleted, nil
}

// deleteReleased deletes a stack of a release, if it exists.
func (d *Deployment) deleteReleased(ctx context.Context, s ledger.Stack) error {
	client, err := d.releasedClient(ctx, s, roles.Deploy)
	if err != nil {
		return err
	}
	state, err := client.Describe(ctx, s.Name)
	if err != nil || state.Phase == cfn.Absent {
		return err
	}
	d.printProgress(s.Name + ": deleting it")
	return client.DeleteStack(ctx, state)
}

// StoredData returns the resources of the newest release that keep data, with what brings the data back. The templates
// are those that the account keeps, as they were synthesised.
func (d *Deployment) StoredData(ctx context.Context) ([]risk.StoredData, error) {
	l, err := d.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	last, err := d.LatestRelease(ctx)
	if err != nil || last == nil {
		return nil, err
	}
	stacks, err := d.keptStacks(ctx, l, *last, func(files fs.FS) (fs.FS, error) { return files, nil })
	if errors.Is(err, ledger.ErrNotFound) {
		return nil, fault.Errorf(fault.ReleaseNotKept,
			"the cloud assembly of release %d is not kept, so the environment cannot be rebuilt from its records: check out "+
				"%s, synthesise, and deploy that", last.Number, commitText(last.Commit))
	}
	var data []risk.StoredData
	for _, s := range stacks {
		data = append(data, risk.FindStoredData(s.Name, s.Template)...)
	}
	return data, err
}
