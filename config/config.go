// Package config owns the typed configuration: what a configuration file may say, what it must say, and
// what is wrong with one that does not. It reads through an fs.FS and knows nothing of AWS or of steps.
package config

// Config is the whole configuration: the pipeline and its environments.
type Config struct {
	Pipeline Pipeline `json:"pipeline"`
	// Environments stand in promotion order: an environment comes after the one it is promoted from, and by name where that leaves a choice.
	Environments []Environment `json:"environments"`
}

// Pipeline is config/pipeline.yaml: what all environments share.
type Pipeline struct {
	// Project names the platform; every stack, parameter and tag begins with it.
	Project string `json:"project" jsonschema:"minLength=2,maxLength=20,pattern=^[a-z][a-z0-9]*(-[a-z0-9]+)*$,title=a name of 2 to 20 lower-case letters\\, digits and single hyphens,example=lockstep"`
	// Tooling is the account that owns the pipeline and whose principals may assume the deploy roles.
	Tooling Account `json:"tooling"`
	// Bootstrap is how the accounts were prepared with `cdk bootstrap`.
	Bootstrap Bootstrap `json:"bootstrap,omitzero"`
	// Tags are put on every resource of every environment.
	Tags map[string]string `json:"tags,omitempty"`
}

// Account is one AWS account in one region.
type Account struct {
	// ID is the account's twelve digits.
	ID string `json:"account" jsonschema:"pattern=^[0-9]{12}$,title=an account id of twelve digits,example=111122223333"`
	// Region is the region's code, eu-west-1 for example.
	Region string `json:"region" jsonschema:"pattern=^[a-z]{2\\,4}(-[a-z]+){1\\,2}-[0-9]{1\\,2}$,title=a region code,example=eu-west-1"`
}

// Bootstrap is the part of `cdk bootstrap` that the roles' names and rights depend on.
type Bootstrap struct {
	// Qualifier is the part of the bootstrap resources' names that tells two bootstraps of one account apart.
	// CDK's own default is hnb659fds. At most ten characters, and lower case because it is part of a bucket's name.
	Qualifier string `json:"qualifier,omitempty" jsonschema:"pattern=^[a-z0-9]{1\\,10}$,title=a qualifier of 1 to 10 lower-case letters and digits,example=hnb659fds,default=hnb659fds"`
	// ExecutionPolicies are the managed policies of the role that CloudFormation works with in each account.
	ExecutionPolicies []string `json:"executionPolicies,omitempty" jsonschema:"minItems=1,uniqueItems=true,pattern=^arn:aws[a-z-]*:iam::(aws|[0-9]{12}):policy/[!-~]+$,title=the ARN of a managed policy,example=arn:aws:iam::aws:policy/AdministratorAccess,default=arn:aws:iam::aws:policy/AdministratorAccess"`
}

// Environment is config/environments/NAME.yaml: one account that the platform is deployed to.
type Environment struct {
	// Name is the file's name without its ending; it is not written in the file.
	Name string `json:"name" jsonschema:"-"`
	Account
	// More are further accounts or regions that a release goes to once the environment's own account has it: wave after wave, the accounts of a wave
	// at the same time.
	More []Wave `json:"waves,omitempty"`
	// Allow are the kinds of changes that need not be allowed by name here.
	Allow []string `json:"allow,omitempty" jsonschema:"uniqueItems=true,enum=data-loss,enum=permissions,title=data-loss or permissions,example=permissions"`
	// After is the environment that a release passes before it comes here; empty for the first.
	After string `json:"after,omitempty" jsonschema:"minLength=1,title=the name of another environment,example=dev"`
	// Approval says whether a person must agree before a release comes here.
	Approval bool `json:"approval,omitempty"`
	// TerminationProtection refuses the deletion of the environment's stacks.
	TerminationProtection bool `json:"terminationProtection,omitempty"`
	// Parameters are the environment's settings, published as SSM parameters under /PROJECT/NAME/.
	// They are readable by anyone who may read the account's parameters: secrets do not belong here.
	Parameters map[string]string `json:"parameters,omitempty"`
	// Storage says when objects are archived and old ones deleted.
	Storage Storage `json:"storage,omitzero"`
	// Notifications says who hears of the environment's events.
	Notifications Notifications `json:"notifications"`
	// Tags are put on every resource of this environment, over those of the pipeline.
	Tags map[string]string `json:"tags,omitempty"`
}

// Storage is the environment's object storage.
type Storage struct {
	// ArchiveAfterDays is the age in days at which objects move to Glacier; 30 unless told.
	ArchiveAfterDays int `json:"archiveAfterDays,omitempty" jsonschema:"minimum=1,maximum=36500,default=30"`
	// NoncurrentExpireAfterDays is the age in days at which replaced versions are deleted; 365 unless told.
	NoncurrentExpireAfterDays int `json:"noncurrentExpireAfterDays,omitempty" jsonschema:"minimum=1,maximum=36500,default=365"`
	// AccessLogDays is how many days access logs are kept; 90 unless told.
	AccessLogDays int `json:"accessLogDays,omitempty" jsonschema:"minimum=1,maximum=36500,default=90"`
}

// Notifications says who hears of the environment's events, by email address.
type Notifications struct {
	// Finance hears of cost.
	Finance []string `json:"finance,omitempty" jsonschema:"uniqueItems=true,format=email,title=an email address,example=finance@example.com"`
	// Owners hear of the infrastructure: failures, approvals, alarms. At least one.
	Owners []string `json:"owners" jsonschema:"minItems=1,uniqueItems=true,format=email,title=an email address,example=platform@example.com"`
}
