package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/ledger"
)

// orphanedStacks are the stacks that an earlier release has brought, that the assembly has no more, and that are still there. CloudFormation does not know that
// they belonged together, so nothing ever removes them but a person.
func (d *Deployment) orphanedStacks(ctx context.Context) ([]ledger.Stack, error) {
	book, err := d.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	last, err := book.LatestRelease(ctx)
	if err != nil || last == nil {
		return nil, refuseTampered(err)
	}
	var left []ledger.Stack
	for _, s := range slices.Concat(last.Stacks, last.OrphanedStacks) {
		if slices.ContainsFunc(d.assembly.Stacks, func(have *assembly.Stack) bool { return have.Name == s.Name }) {
			continue
		}
		there, err := d.stackExists(ctx, s.ID)
		if err != nil {
			return nil, fmt.Errorf("stack %s: %w", s.Name, err)
		}
		if there {
			left = append(left, ledger.Stack{Name: s.Name, ID: s.ID, Outcome: string(Orphaned), TemplateHash: s.TemplateHash})
		}
	}
	return left, nil
}

// stackExists asks for a stack by its ARN: one that was deleted and made again by somebody else is another one.
func (d *Deployment) stackExists(ctx context.Context, id string) (bool, error) {
	named, err := arn.Parse(id)
	if err != nil {
		return false, err
	}
	client, err := d.cloudFormation(ctx, &assembly.Stack{DeployRole: d.target.role(deployKind), Region: named.Region})
	if err != nil {
		return false, err
	}
	have, err := describeStack(ctx, client, id)
	return have.phase != absent, err
}

// refuseTampered refuses to go on where the release records were changed by another hand.
func refuseTampered(err error) error {
	var changed *ledger.TamperedError
	if errors.As(err, &changed) {
		return refuse(err, "%s: the bucket keeps older versions of every object; find out who it was and put the right one back, then run this again", changed)
	}
	return err
}
