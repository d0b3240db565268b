package deploy

import (
	"context"
	"fmt"
	"io/fs"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
	"lockstep/internal/roles"
)

// An environment may have several places, each an account and region. Its stacks are spread over them, and all of them
// are one deployment: one plan, one lock, one release. The lock and the records are in the target's own place.

// places returns where the stacks of the deployment may be, the target's own place first.
func (d *Deployment) places() []assembly.Place {
	own := assembly.Place{Account: d.target.Account, Region: d.target.Region}
	return append([]assembly.Place{own}, d.Places...)
}

// targetIn returns the target with the account and region of one of its places.
func (d *Deployment) targetIn(p assembly.Place) awsclient.Target {
	target := d.target
	target.Account, target.Region = p.Account, p.Region
	return target
}

// targetOf returns the target with the account and region of a stack.
func (d *Deployment) targetOf(s *assembly.Stack) awsclient.Target { return d.targetIn(s.Place()) }

// ReadAssembly reads a cloud assembly, of which it returns the stacks that the deployment has and those that it leaves
// out.
func (o Options) ReadAssembly(files fs.FS, target awsclient.Target) (
	selected *assembly.Assembly, unselected []*assembly.Stack, err error,
) {
	own := assembly.Place{Account: target.Account, Region: target.Region}
	all, err := assembly.Read(files, assembly.Defaults(own))
	if err != nil {
		return nil, nil, err
	}
	if !o.AllowsPlaceholders {
		if err := all.CheckLookups(); err != nil {
			return nil, nil, err
		}
	}
	selection := o.Selection
	selection.Places = append([]assembly.Place{own}, o.Places...)
	selected, unselected, err = all.Select(selection)
	if err != nil {
		return nil, unselected, fmt.Errorf("%s: %w", target.Environment, err)
	}
	for _, s := range selected.Stacks {
		in := target
		in.Account, in.Region = s.Account, s.Region
		useBootstrapRoles(s, in)
	}
	return selected, unselected, nil
}

// releasedPlace returns where a stack of a release is. It refuses a place that is none of the environment's any more.
func (d *Deployment) releasedPlace(s ledger.Stack) (assembly.Place, error) {
	parsed, err := arn.Parse(s.ID)
	if err != nil {
		return d.places()[0], nil //nolint:nilerr // the records of stacks that were not created have no ARN
	}
	place := assembly.Place{Account: parsed.AccountID, Region: parsed.Region}
	if !slices.Contains(d.places(), place) {
		return place, refusal.Newf(fault.StackOtherAccount, nil,
			"stack %s is in %s, which is no place of %s any more: put it back under `places` "+
				"until the stack is deleted", s.Name, place, d.target.Environment)
	}
	return place, nil
}

// releasedClient returns the client for a stack of a release, with a role of its place's bootstrap.
func (d *Deployment) releasedClient(ctx context.Context, s ledger.Stack, kind roles.Kind) (*cfn.Client, error) {
	place, err := d.releasedPlace(s)
	if err != nil {
		return nil, err
	}
	return d.cfnClient(ctx, bootstrapRole(d.targetIn(place), kind), place.Region)
}

// checkStackNames refuses two stacks of one name: the plan, the journal and the records know stacks by their names.
func checkStackNames(stacks []*assembly.Stack) error {
	seen := map[string]*assembly.Stack{}
	for _, s := range stacks {
		if other := seen[s.Name]; other != nil {
			return refusal.Newf(fault.StackNameTwice, nil,
				"stack %s is in %s and in %s: give one of them another stackName, or select one of them "+
					"with `stacks.include`", s.Name, other.Place(), s.Place())
		}
		seen[s.Name] = s
	}
	return nil
}

// checkOwners refuses a stack that another environment in the account has released.
func (d *Deployment) checkOwners(ctx context.Context) error {
	l, err := d.Ledger(ctx)
	if err != nil {
		return err
	}
	all, err := l.All(ctx)
	if err != nil {
		return err
	}
	for _, other := range all {
		if other.Name() == l.Name() {
			continue
		}
		last, err := other.LatestRelease(ctx)
		if err != nil {
			return fmt.Errorf("what %s has deployed to the account cannot be read: %w", other.Name(), refuseTampered(err))
		}
		if last == nil {
			continue
		}
		for _, s := range last.Stacks {
			place, err := d.releasedPlace(s)
			isSame := func(own *assembly.Stack) bool { return own.Name == s.Name && own.Place() == place }
			if err == nil && slices.ContainsFunc(d.assembly.Stacks, isSame) {
				return refusal.Newf(fault.StackOwned, nil,
					"stack %s in %s is one of %s: let each environment in the account select its own stacks "+
						"with `stacks.include`", s.Name, place, other.Name())
			}
		}
	}
	return nil
}

// placesText names the places of the deployment for a message.
func (d *Deployment) placesText() string {
	text := ""
	for i, p := range d.places() {
		if i > 0 {
			text += ", "
		}
		text += fmt.Sprint(p)
	}
	return text
}
