package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"lockstep/config"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
)

// A stackTarget is where a stack goes in an environment.
type stackTarget struct {
	Environment string `json:"environment"`
	Account     string `json:"account"`
	Region      string `json:"region"`
	// Why says where the account and the region come from.
	Why string `json:"why"`
	// Needs are the stacks that are deployed before it.
	Needs []string `json:"needs,omitempty"`
}

// A stackExplanation is where a stack goes.
type stackExplanation struct {
	report.Envelope
	Stack   string        `json:"stack"`
	Targets []stackTarget `json:"targets"`
}

// WriteText implements result.
func (x *stackExplanation) WriteText(w io.Writer) error {
	fmt.Fprintf(w, "stack %s\n", x.Stack)
	for _, t := range x.Targets {
		fmt.Fprintf(w, "  %s: account %s, %s\n    because %s\n", t.Environment, t.Account, t.Region, t.Why)
		if len(t.Needs) > 0 {
			fmt.Fprintf(w, "    after %s\n", enumerate(t.Needs))
		}
	}
	return nil
}

// explainStack returns where the stack of that name or id goes, by the assemblies that were synthesised last.
func (a *app) explainStack(_ context.Context, p *project, name string) (result, error) {
	x := &stackExplanation{Stack: name}
	var known []string
	for _, env := range p.config.Targets() {
		for _, account := range env.Accounts() {
			dir := p.path(filepath.Join(pipeline.AssemblyDir(env.Name), account.Folder))
			stacks, err := readStacks(dir, unknownPlace)
			if fault.Of(err) == fault.AssemblyMissing {
				continue
			}
			if err != nil {
				return nil, err
			}
			for _, stack := range stacks {
				known = append(known, stack.ID)
				if stack.ID == name || stack.Name == name {
					x.Targets = append(x.Targets, newStackTarget(account, stack))
				}
			}
		}
	}
	slices.Sort(known)
	switch known = slices.Compact(known); {
	case len(x.Targets) > 0:
		return x, nil
	case len(known) == 0:
		return nil, usagef(fault.UnknownName, "%q is no code, and no stack is known: write a code such as %s, or run "+
			"`lockstep synth --env all` to see where stacks go", name, fault.LockHeld)
	}
	return nil, usagef(fault.UnknownName, "%q is neither a code such as %s nor a stack: the stacks are %s",
		name, fault.LockHeld, enumerate(known))
}

// readStacks returns the stacks of a cloud assembly. Those that name no account or region have the defaults.
func readStacks(dir string, defaults assembly.Defaults) ([]*assembly.Stack, error) {
	files, err := assembly.Open(dir)
	if err != nil {
		return nil, err
	}
	read, err := assembly.Read(files, defaults)
	if err != nil {
		return nil, err
	}
	return read.Stacks, nil
}

// newStackTarget returns where a stack goes in an account of an environment.
func newStackTarget(account config.EnvironmentAccount, stack *assembly.Stack) stackTarget {
	t := stackTarget{Environment: account.Name, Account: stack.Account, Region: stack.Region}
	t.Why = "the app names this account and region itself, or takes CDK_DEFAULT_ACCOUNT and CDK_DEFAULT_REGION"
	if stack.Account == unknownPlace.Account {
		t.Account, t.Region = account.ID, account.Region
		t.Why = "it names no account, so it takes that of config/environments/" + account.Name + ".yaml"
	}
	for _, need := range stack.Needs {
		t.Needs = append(t.Needs, need.ID)
	}
	return t
}
