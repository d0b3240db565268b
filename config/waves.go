package config

import (
	"fmt"
	"slices"
	"strings"
)

// A Wave is accounts or regions that a release goes to together.
type Wave struct {
	Accounts []Account `json:"accounts" jsonschema:"minItems=1"`
}

// A EnvironmentAccount is an environment in one of its accounts and regions, which has a cloud assembly of its own.
type EnvironmentAccount struct {
	// Environment is the environment as if that were its only account.
	Environment
	// Folder is where its cloud assembly lies below the environment's; empty for an environment that has one account, which is the assembly itself.
	Folder string
}

// Waves are the parts of the environment, wave after wave: its own account first, alone.
func (e Environment) Waves() [][]EnvironmentAccount {
	if len(e.AdditionalWaves) == 0 {
		return [][]EnvironmentAccount{{{Environment: e}}}
	}
	waves := [][]EnvironmentAccount{{e.inAccount(e.Account)}}
	for _, wave := range e.AdditionalWaves {
		var parts []EnvironmentAccount
		for _, account := range wave.Accounts {
			parts = append(parts, e.inAccount(account))
		}
		waves = append(waves, parts)
	}
	return waves
}

// Accounts are the parts of all waves.
func (e Environment) Accounts() []EnvironmentAccount { return slices.Concat(e.Waves()...) }

func (e Environment) inAccount(a Account) EnvironmentAccount {
	p := EnvironmentAccount{Environment: e, Folder: a.ID + "-" + a.Region}
	p.Account, p.AdditionalWaves = a, nil
	if e.Network != nil {
		there := *e.Network
		there.AvailabilityZones = zonesInRegion(e.Network.AvailabilityZones, e.Region, a.Region)
		p.Network = &there
	}
	return p
}

// zonesInRegion are the zones of the same letters in another region.
func zonesInRegion(zones []string, region, other string) []string {
	out := make([]string, len(zones))
	for i, zone := range zones {
		out[i] = other + strings.TrimPrefix(zone, region)
	}
	return out
}

// checkWaveAccounts keeps the accounts of waves apart from those of other environments, and names no account and region twice.
func checkWaveAccounts(l *loader) {
	owners := map[string]string{}
	if l.pipeline.Tooling.ID != "" {
		owners[l.pipeline.Tooling.ID] = "the tooling account"
	}
	l.forEachEnvironment(func(env Environment, _ *document) { owners[env.ID] = env.Name })
	l.forEachEnvironment(func(env Environment, d *document) {
		seen := map[Account]bool{env.Account: true}
		for w, wave := range env.AdditionalWaves {
			for i, a := range wave.Accounts {
				path := []string{"waves", fmt.Sprint(w), "accounts", fmt.Sprint(i), "account"}
				switch owner := owners[a.ID]; {
				case owner != "" && owner != env.Name:
					l.addProblem(d, path, fmt.Sprintf("account %s is that of %s", a.ID, owner), "give each environment accounts of its own")
				case seen[a]:
					l.addProblem(d, path, fmt.Sprintf("account %s in %s is named twice", a.ID, a.Region), "name it once, or another region")
				}
				seen[a] = true
				owners[a.ID] = env.Name
			}
		}
	})
}
