// Package bootstrap prepares accounts for CDK deployments: with the template of `cdk bootstrap`, with the trust that
// the pipeline needs, and with the roles that Lockstep itself adds. It knows nothing about who calls it.
package bootstrap

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"lockstep/config"
	"lockstep/internal/roles"
)

// An Account is an account and region to prepare.
type Account struct {
	// Name is what the configuration calls the account: an environment, or Tooling.
	Name   string
	ID     string
	Region string
	// TrustedAccounts are the accounts whose principals may assume the account's deploy roles; none for the tooling
	// account.
	TrustedAccounts []string
	// Qualifier is --qualifier of `cdk bootstrap`, and Names the names that are not those of the CDK. A bootstrap whose
	// roles have names of their own was made with another template, and is left as it is.
	Qualifier string
	Names     roles.Names
	// IsEmulated says that the account is an emulated one, in which the roles are made with these names.
	IsEmulated bool
	// ExecutionPolicies is --cloudformation-execution-policies of `cdk bootstrap`: ARNs.
	ExecutionPolicies []string
	// MayChange says that parameters of a bootstrap that exists may be changed.
	MayChange bool
}

// Tooling is the Name of the tooling account.
const Tooling = config.ToolingEnvironment

// Accounts returns the tooling account and those of the environments, as they are configured.
func Accounts(p config.Pipeline, environments []config.Environment) []Account {
	account := func(env config.Environment, a config.Account, trust ...string) Account {
		return Account{
			Name: env.Name, ID: a.ID, Region: a.Region, TrustedAccounts: trust, Qualifier: p.QualifierOf(env),
			Names: roles.Names(p.BootstrapNamesOf(env)), ExecutionPolicies: p.Bootstrap.ExecutionPolicies,
		}
	}
	accounts := []Account{account(config.Environment{Name: Tooling}, p.Tooling)}
	for _, env := range environments {
		if env.Name == Tooling {
			continue // it is the first one already, and trusts itself alone
		}
		for _, a := range env.AllPlaces() {
			isSame := func(other Account) bool { return other.ID == a.ID && other.Region == a.Region }
			if !slices.ContainsFunc(accounts, isSame) { // environments may share an account
				accounts = append(accounts, account(env, a.Account, p.Tooling.ID))
			}
		}
	}
	return accounts
}

// parameters returns the template's parameters that are set. All others keep what the stack has, or their defaults.
func (a Account) parameters() map[string]string {
	parameters := map[string]string{
		"Qualifier":                       a.Qualifier,
		"TrustedAccounts":                 strings.Join(a.TrustedAccounts, ","),
		"CloudFormationExecutionPolicies": strings.Join(a.ExecutionPolicies, ","),
		// A key of its own would cost money in every account. The CDK's command line asks for the managed one too.
		"FileAssetsBucketKmsKeyId": "AWS_MANAGED_KEY",
	}
	if a.Names.Bucket != "" {
		parameters["FileAssetsBucketName"] = a.Names.StagingBucket(a.Qualifier, a.ID, a.Region)
	}
	if a.Names.Repository != "" {
		parameters["ContainerAssetsRepositoryName"] = a.Names.StagingRepository(a.Qualifier, a.ID, a.Region)
	}
	return parameters
}

// renameRoles returns a template with the account's names in the place of the CDK's names of roles.
func (a Account) renameRoles(template string) string {
	for _, kind := range []roles.Kind{
		roles.Deploy, roles.FilePublishing, roles.ImagePublishing, roles.Lookup, roles.Execution,
	} {
		q, account, region := placeholders()
		template = strings.ReplaceAll(template, kind.Name(q, account, region), a.Names.Role(kind, q, account, region))
	}
	return template
}

// rolesTemplate returns the template of the stack of roles, with the names of the account's bootstrap.
func (a Account) rolesTemplate(p phase) string {
	q, account, region := placeholders()
	return strings.ReplaceAll(a.renameRoles(rolesTemplate(p)),
		roles.StagingBucket(q, account, region), a.Names.StagingBucket(q, account, region))
}

// placeholders returns what stands for the qualifier, the account and the region in a template.
func placeholders() (qualifier, account, region string) {
	return "${Qualifier}", "${AWS::AccountId}", "${AWS::Region}"
}

// rolesParameters returns the parameters of the stack of roles. An account that trusts no other one trusts itself.
func (a Account) rolesParameters(p phase) map[string]string {
	trusted := a.TrustedAccounts
	if len(trusted) == 0 {
		trusted = []string{a.ID}
	}
	sum := sha256.Sum256([]byte(a.rolesTemplate(p)))
	return map[string]string{
		"Qualifier":       a.Qualifier,
		"TrustedAccounts": strings.Join(trusted, ","),
		recordsParameter:  string(p),
		"TemplateDigest":  hex.EncodeToString(sum[:]),
	}
}
