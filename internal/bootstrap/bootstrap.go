// Package bootstrap prepares accounts for CDK deployments: with the template of `cdk bootstrap`, with the trust that
// the pipeline needs, and with the roles that Lockstep itself adds. It knows nothing about who calls it.
package bootstrap

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"lockstep/config"
)

// StackName is the name of the stack that `cdk bootstrap` creates.
const StackName = "CDKToolkit"

// An Account is an account and region to prepare.
type Account struct {
	// Name is what the configuration calls the account: an environment, or Tooling.
	Name   string
	ID     string
	Region string
	// TrustedAccounts are the accounts whose principals may assume the account's deploy roles; none for the tooling
	// account.
	TrustedAccounts []string
	// Qualifier is --qualifier of `cdk bootstrap`.
	Qualifier string
	// ExecutionPolicies is --cloudformation-execution-policies of `cdk bootstrap`: ARNs.
	ExecutionPolicies []string
	// MayChange says that parameters of a bootstrap that exists may be changed.
	MayChange bool
}

// Tooling is the Name of the tooling account.
const Tooling = config.ToolingEnvironment

// Accounts returns the tooling account and those of the environments, as they are configured.
func Accounts(p config.Pipeline, environments []config.Environment) []Account {
	account := func(name string, a config.Account, trust ...string) Account {
		return Account{
			Name: name, ID: a.ID, Region: a.Region, TrustedAccounts: trust,
			Qualifier: p.Bootstrap.Qualifier, ExecutionPolicies: p.Bootstrap.ExecutionPolicies,
		}
	}
	accounts := []Account{account(Tooling, p.Tooling)}
	for _, env := range environments {
		if env.Name == Tooling {
			continue // it is the first one already, and trusts itself alone
		}
		for _, a := range env.AllPlaces() {
			isSame := func(other Account) bool { return other.ID == a.ID && other.Region == a.Region }
			if !slices.ContainsFunc(accounts, isSame) { // environments may share an account
				accounts = append(accounts, account(env.Name, a.Account, p.Tooling.ID))
			}
		}
	}
	return accounts
}

// parameters returns the template's parameters that are set. All others keep what the stack has, or their defaults.
func (a Account) parameters() map[string]string {
	return map[string]string{
		"Qualifier":                       a.Qualifier,
		"TrustedAccounts":                 strings.Join(a.TrustedAccounts, ","),
		"CloudFormationExecutionPolicies": strings.Join(a.ExecutionPolicies, ","),
		// A key of its own would cost money in every account. The CDK's command line asks for the managed one too.
		"FileAssetsBucketKmsKeyId": "AWS_MANAGED_KEY",
	}
}

// rolesParameters returns the parameters of the stack of roles. An account that trusts no other one trusts itself.
func (a Account) rolesParameters(p phase) map[string]string {
	trusted := a.TrustedAccounts
	if len(trusted) == 0 {
		trusted = []string{a.ID}
	}
	sum := sha256.Sum256([]byte(rolesTemplate(p)))
	return map[string]string{
		"Qualifier":       a.Qualifier,
		"TrustedAccounts": strings.Join(trusted, ","),
		recordsParameter:  string(p),
		"TemplateDigest":  hex.EncodeToString(sum[:]),
	}
}
