// Package bootstrap owns how an account is prepared for CDK deployments: with the template of `cdk bootstrap`, and with
// the trust that the pipeline needs. It knows nothing of who calls it.
package bootstrap

import (
	"strings"

	"lockstep/config"
)

// StackName is the stack that `cdk bootstrap` makes.
const StackName = "CDKToolkit"

// An Account is an account to prepare, in one region.
type Account struct {
	// Name is what the configuration calls the account: an environment, or Tooling.
	Name   string
	ID     string
	Region string
	// TrustedAccounts is the accounts whose principals may assume the account's deploy roles; empty for the tooling
	// account.
	TrustedAccounts []string
	// Qualifier and ExecutionPolicies are those of `cdk bootstrap`.
	Qualifier         string
	ExecutionPolicies []string
}

// Tooling is the name of the tooling account among the accounts.
const Tooling = config.ToolingEnvironment

// Accounts are the tooling account and those of the environments, each as the configuration wants it.
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
			continue // it is the first already, and trusts nobody but itself
		}
		for _, part := range env.Accounts() {
			accounts = append(accounts, account(env.Name, part.Account, p.Tooling.ID))
		}
	}
	return accounts
}

// parameters are what the template is given. All others keep their defaults.
func (a Account) parameters() map[string]string {
	return map[string]string{
		"Qualifier":                       a.Qualifier,
		"TrustedAccounts":                 strings.Join(a.TrustedAccounts, ","),
		"CloudFormationExecutionPolicies": strings.Join(a.ExecutionPolicies, ","),
		// A key of its own would cost money in every account, which is why the CDK's command line asks for it too.
		"FileAssetsBucketKmsKeyId": "AWS_MANAGED_KEY",
	}
}
