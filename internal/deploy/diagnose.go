package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"lockstep/internal/deploy/change"
	"lockstep/internal/roles"
)

// A Diagnosis is why the newest operation on a stack failed.
type Diagnosis struct {
	Stack   string `json:"stack"`
	Account string `json:"account"`
	Region  string `json:"region"`
	// State is CloudFormation's state of the stack; empty for a stack that does not exist.
	State string `json:"state,omitempty"`
	// Causes are the resources that failed by themselves, the first one first; none if nothing failed.
	Causes []change.Cause `json:"causes,omitempty"`
}

// Diagnose returns why the newest operation failed on each stack of the given names; without names, on those of the
// newest release and of the run after it. It works as the lookup role and writes nothing.
func (d *Deployment) Diagnose(ctx context.Context, names []string) ([]Diagnosis, error) {
	if len(names) == 0 {
		var err error
		if names, err = d.knownStacks(ctx); err != nil {
			return nil, err
		}
	}
	client, err := d.cfnClient(ctx, bootstrapRole(d.target, roles.Lookup), d.target.Region)
	if err != nil {
		return nil, err
	}
	var out []Diagnosis
	for _, name := range names {
		causes, state, err := client.Diagnose(ctx, name)
		if err != nil {
			return out, fmt.Errorf("stack %s: %w", name, err)
		}
		out = append(out, Diagnosis{
			Stack: name, Account: d.target.Account, Region: d.target.Region, State: string(state.StackStatus), Causes: causes,
		})
	}
	return out, nil
}

// knownStacks returns the names of the stacks of the newest release, and of those that the newest run worked on.
func (d *Deployment) knownStacks(ctx context.Context) ([]string, error) {
	last, err := d.LatestRelease(ctx)
	if err != nil {
		return nil, err
	}
	l, err := d.Ledger(ctx)
	if err != nil {
		return nil, err
	}
	journal, err := l.Journal(ctx)
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for name := range journal.Stacks {
		names[name] = true
	}
	if last != nil {
		for _, s := range last.Stacks {
			names[s.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names)), nil
}
