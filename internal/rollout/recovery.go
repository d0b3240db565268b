package rollout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/deploy/risk"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
	"lockstep/internal/report"
)

// A Recovery is the result of a rehearsed recovery of an environment.
type Recovery struct {
	Environment string            `json:"environment"`
	Accounts    []AccountRecovery `json:"accounts"`
	// DeleteMillis, RebuildMillis and VerifyMillis are how long the parts took.
	DeleteMillis  int64 `json:"deleteMs"`
	RebuildMillis int64 `json:"rebuildMs"`
	VerifyMillis  int64 `json:"verifyMs"`
}

// An AccountRecovery is what was rebuilt in one account.
type AccountRecovery struct {
	Account string `json:"account"`
	Region  string `json:"region"`
	// Deleted are the stacks that were deleted, and Stacks are those that exist again.
	Deleted []string `json:"deleted"`
	Stacks  []string `json:"stacks"`
	// AssemblyDigest is the digest of the cloud assembly that was deployed before and after.
	AssemblyDigest digest.Account `json:"assemblyDigest"`
	// ChangedOutputs are the outputs with another value than before, as STACK.OUTPUT: names that AWS chose.
	ChangedOutputs []string `json:"changedOutputs,omitempty"`
	// Data are the resources whose data no template brings back.
	Data []risk.StoredData `json:"data,omitempty"`
}

// RehearseRecovery deletes an environment in the emulated accounts, rebuilds it from its records alone, and compares
// it with what it was. The environment has to be well before. The error is a *refusal.Error in a live session, in which
// nothing is deleted.
func (s *Session) RehearseRecovery(ctx context.Context, env config.Environment) (r Recovery, err error) {
	if s.Live {
		return r, refusal.Newf(fault.RehearsalOnly, nil,
			"a recovery is rehearsed on emulated accounts alone, because it begins with deleting "+
				"the environment: leave out --live, and see %s for the recovery of an account on AWS", deploy.RecoveryPage)
	}
	_, _, release, err := s.AcquireEmulator(ctx, []config.Environment{env}, s.Progress)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, release()) }()
	r.Environment = env.Name
	before, err := s.runReleased(ctx, env, Verify{})
	if err != nil {
		return r, fmt.Errorf("before anything was deleted: %w", err)
	}
	deletion := s.Now()
	if err := s.deleteEnvironment(ctx, env, &r); err != nil {
		return r, err
	}
	rebuilding := s.Now()
	r.DeleteMillis = rebuilding.Sub(deletion).Milliseconds()
	// Whatever a person allowed for these releases is allowed again.
	if _, err = s.runReleased(ctx, env, Deploy{Allow: change.Permits, Note: "rehearsed recovery"}); err != nil {
		return r, fmt.Errorf("rebuilding it from its records: %w", err)
	}
	verification := s.Now()
	r.RebuildMillis = verification.Sub(rebuilding).Milliseconds()
	after, err := s.runReleased(ctx, env, Verify{})
	if err != nil {
		return r, fmt.Errorf("after it was rebuilt: %w", err)
	}
	r.VerifyMillis = s.Now().Sub(verification).Milliseconds()
	return r, r.compare(before, after)
}

// runReleased runs an operation with the cloud assemblies that the accounts of an environment keep.
func (s *Session) runReleased(
	ctx context.Context, env config.Environment, operation Operation,
) ([]report.AccountRecord, error) {
	return s.Run(ctx, Request{
		Command: "rehearsal recovery", Environments: []config.Environment{env}, Source: Deployed{}, Operation: operation,
		MaxFailures: -1,
	})
}

// deleteEnvironment deletes the environment in each of its accounts. Before that it reads what the accounts keep.
func (s *Session) deleteEnvironment(ctx context.Context, env config.Environment, r *Recovery) error {
	environments := []config.Environment{env}
	accounts := env.Accounts()
	const command = "rehearsal recovery"
	err := s.ForEachAccount(ctx, environments, command, deploy.ReadAccess, func(d *deploy.Deployment) error {
		account := accounts[len(r.Accounts)]
		data, err := d.StoredData(ctx)
		r.Accounts = append(r.Accounts, AccountRecovery{Account: account.ID, Region: account.Region, Data: data})
		return err
	})
	if err != nil || len(r.Accounts) != len(accounts) {
		return err
	}
	next := 0
	return s.ForEachAccount(ctx, environments, command, deploy.DeployAccess, func(d *deploy.Deployment) (err error) {
		r.Accounts[next].Deleted, err = d.DeleteReleased(ctx)
		next++
		return err
	})
}

// compare fills in what exists again, and returns an error that names what is not as before.
func (r *Recovery) compare(before, after []report.AccountRecord) error {
	var differences []string
	for i, old := range before {
		account := &r.Accounts[i]
		rebuilt := after[i]
		account.AssemblyDigest = rebuilt.AssemblyDigest
		if old.AssemblyDigest != rebuilt.AssemblyDigest {
			differences = append(differences, fmt.Sprintf("account %s has assembly %.12s, and had %.12s", account.Account,
				rebuilt.AssemblyDigest, old.AssemblyDigest))
		}
		stacks := map[string]deploy.StackRecord{}
		for _, s := range rebuilt.Stacks {
			stacks[s.Name] = s
			account.Stacks = append(account.Stacks, s.Name)
		}
		for _, s := range old.Stacks {
			again, ok := stacks[s.Name]
			if !ok {
				differences = append(differences, "stack "+s.Name+" is missing")
				continue
			}
			changed, missing := compareOutputs(s, again)
			account.ChangedOutputs = append(account.ChangedOutputs, changed...)
			differences = append(differences, missing...)
		}
	}
	if len(differences) > 0 {
		return fault.New(fault.VerificationFailed, "what was rebuilt is not what was there: "+strings.Join(differences, "; "))
	}
	return nil
}

// compareOutputs returns the outputs of a stack with another value than before, as STACK.OUTPUT, and a message for each
// output that only one of both has.
func compareOutputs(before, after deploy.StackRecord) (changed, missing []string) {
	for _, key := range slices.Sorted(maps.Keys(before.Outputs)) {
		value, ok := after.Outputs[key]
		switch {
		case !ok:
			missing = append(missing, fmt.Sprintf("stack %s has no output %s any more", before.Name, key))
		case value != before.Outputs[key]:
			changed = append(changed, before.Name+"."+key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(after.Outputs)) {
		if _, ok := before.Outputs[key]; !ok {
			missing = append(missing, fmt.Sprintf("stack %s has a new output %s", before.Name, key))
		}
	}
	return changed, missing
}
