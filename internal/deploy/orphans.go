package deploy

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/fault"
)

// orphanedStacks returns the stacks that an earlier release created, that the assembly no longer has, and that still
// exist. CloudFormation does not know that they belonged together, so only a person deletes them.
func (d *Deployment) orphanedStacks(ctx context.Context) ([]ledger.Stack, error) {
	l, err := d.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	last, err := l.LatestRelease(ctx)
	if err != nil || last == nil {
		return nil, refuseTampered(err)
	}
	var orphans []ledger.Stack
	for _, s := range slices.Concat(last.Stacks, last.OrphanedStacks) {
		place, err := d.releasedPlace(s)
		if err != nil { // whether it still exists cannot be asked
			d.printProgress(err.Error())
			orphans = append(orphans, ledger.Stack{
				Name: s.Name, ID: s.ID, Outcome: string(change.Orphaned), TemplateHash: s.TemplateHash,
			})
			continue
		}
		isHere := func(other *assembly.Stack) bool { return other.Name == s.Name && other.Place() == place }
		if slices.ContainsFunc(d.assembly.Stacks, isHere) {
			continue
		}
		exists, err := d.stackExists(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("stack %s: %w", s.Name, err)
		}
		if exists {
			orphans = append(orphans, ledger.Stack{
				Name: s.Name, ID: s.ID, Outcome: string(change.Orphaned), TemplateHash: s.TemplateHash,
			})
		}
	}
	return orphans, nil
}

// stackExists reports whether a stack exists, by its ARN: one that was deleted and created again is another one.
func (d *Deployment) stackExists(ctx context.Context, s ledger.Stack) (bool, error) {
	if _, err := arn.Parse(s.ID); err != nil {
		return false, fault.Errorf(fault.RecordDamaged, "the record of stack %s: %q: %w", s.Name, s.ID, err)
	}
	client, err := d.releasedClient(ctx, s, d.Access.roles().stacks)
	if err != nil {
		return false, err
	}
	state, err := client.Describe(ctx, s.ID)
	return state.Phase != cfn.Absent, err
}
