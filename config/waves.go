package config

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A Wave is a set of accounts and regions that a release goes to at the same time.
type Wave struct {
	Accounts []Account `json:"accounts" jsonschema:"minItems=1"`
}

// An EnvironmentAccount is an environment in one of its accounts and regions. It has a cloud assembly of its own.
type EnvironmentAccount struct {
	// Environment is the environment as if this were its only account.
	Environment
	// Folder is the folder of its cloud assembly below the environment's. It is empty for an environment with one
	// account, whose folder is the assembly.
	Folder string
}

// Waves returns the accounts of the environment, wave after wave. The environment's own account is the first wave.
func (e Environment) Waves() [][]EnvironmentAccount {
	if len(e.AdditionalWaves) == 0 {
		return [][]EnvironmentAccount{{{Environment: e}}}
	}
	waves := [][]EnvironmentAccount{{e.inAccount(e.Account)}}
	seen := map[string]bool{e.ID: true}
	for _, wave := range e.AdditionalWaves {
		var accounts []EnvironmentAccount
		for _, account := range wave.Accounts {
			part := e.inAccount(account)
			part.IsFurtherRegion = seen[account.ID]
			seen[account.ID] = true
			accounts = append(accounts, part)
		}
		waves = append(waves, accounts)
	}
	return waves
}

// Accounts returns the accounts of all waves.
func (e Environment) Accounts() []EnvironmentAccount { return slices.Concat(e.Waves()...) }

// inAccount returns the environment in one of its accounts. In another region its network is in as many zones, but
// which letters that region has is not known here.
func (e Environment) inAccount(a Account) EnvironmentAccount {
	account := EnvironmentAccount{Environment: e, Folder: a.ID + "-" + a.Region}
	account.Account, account.AdditionalWaves = a, nil
	if e.Network != nil {
		network := *e.Network
		network.ZonesOfRegion = a.Region != e.Region
		network.AvailabilityZones = zonesInRegion(e.Network.AvailabilityZones, e.Region, a.Region)
		account.Network = &network
	}
	return account
}

// zonesInRegion returns the zones with the same letters in another region. They are names for synthesis alone there.
func zonesInRegion(zones []string, region, other string) []string {
	out := make([]string, len(zones))
	for i, zone := range zones {
		out[i] = other + strings.TrimPrefix(zone, region)
	}
	return out
}

// checkWaveAccounts requires that no two environments share an account, and that none names an account and region
// twice.
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
				path := []string{"waves", strconv.Itoa(w), "accounts", strconv.Itoa(i), "account"}
				switch owner := owners[a.ID]; {
				case owner != "" && owner != env.Name:
					l.addProblem(d, path, fmt.Sprintf("account %s is that of %s", a.ID, owner),
						"give each environment accounts of its own")
				case seen[a]:
					l.addProblem(d, path, fmt.Sprintf("account %s in %s is named twice", a.ID, a.Region),
						"name it once, or another region")
				}
				seen[a] = true
				owners[a.ID] = env.Name
			}
		}
	})
}
