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
	Project string `json:"project" schema:"projectName"`
	// Tooling is the account that owns the pipeline and whose principals may assume the deploy roles.
	Tooling Account `json:"tooling"`
	// Bootstrap is how the accounts were prepared with `cdk bootstrap`.
	Bootstrap Bootstrap `json:"bootstrap,omitzero"`
	// Source is where the pipeline takes its code from; without it there is no pipeline, and deployments begin on the command line.
	Source *Source `json:"source,omitempty"`
	// Owners hear of the pipeline's events by email: failures, successes, approvals that are waited for.
	Owners []string `json:"owners,omitempty" schema:"email"`
	// LogDays is how many days the pipeline's logs are kept; 90 unless told.
	LogDays int `json:"logDays,omitempty" schema:"logDays"`
	// DriftSchedule is when what is deployed is compared with what there is, in the words of EventBridge: once a day unless told, "never" for never.
	DriftSchedule string `json:"driftSchedule,omitempty" schema:"schedule" jsonschema:"default=rate(1 day)"`
	// Engine is where the pipeline's jobs run their containers.
	Engine Engine `json:"engine,omitzero"`
	// Tags are put on every resource of every environment.
	Tags map[string]string `json:"tags,omitempty"`
	// Gates is what the gates are told.
	Gates Gates `json:"gates,omitzero"`
}

// DriftScheduleNever is what DriftSchedule says for no schedule at all.
const DriftScheduleNever = "never"

// Account is one AWS account in one region.
type Account struct {
	// ID is the account's twelve digits.
	ID string `json:"account" schema:"accountID"`
	// Region is the region's code, eu-west-1 for example.
	Region string `json:"region" schema:"region"`
}

// Bootstrap is the part of `cdk bootstrap` that the roles' names and rights depend on.
type Bootstrap struct {
	// Qualifier is the part of the bootstrap resources' names that tells two bootstraps of one account apart.
	// CDK's own default is hnb659fds. At most ten characters, and lower case because it is part of a bucket's name.
	Qualifier string `json:"qualifier,omitempty" schema:"bootstrapQualifier" jsonschema:"default=hnb659fds"`
	// ExecutionPolicies are the managed policies of the role that CloudFormation works with in each account.
	ExecutionPolicies []string `json:"executionPolicies,omitempty" schema:"managedPolicy" jsonschema:"minItems=1"`
}

// Environment is config/environments/NAME.yaml: one account that the platform is deployed to.
type Environment struct {
	// Name is the file's name without its ending; it is not written in the file.
	Name string `json:"name" jsonschema:"-"`
	Account
	// AdditionalWaves are further accounts or regions that a release goes to once the environment's own account has it: wave after wave, the accounts of a wave
	// at the same time.
	AdditionalWaves []Wave `json:"waves,omitempty"`
	// Allow are the kinds of changes that need not be allowed by name here.
	Allow []string `json:"allow,omitempty" schema:"allowedChange"`
	// After is the environment that a release passes before it comes here; empty for the first.
	After string `json:"after,omitempty" jsonschema:"minLength=1,title=the name of another environment,example=dev"`
	// Approval says whether a person must agree before a release comes here.
	Approval bool `json:"approval,omitempty"`
	// TerminationProtection refuses the deletion of the environment's stacks.
	TerminationProtection bool `json:"terminationProtection,omitempty"`
	// Parameters are the environment's settings, published as SSM parameters under /PROJECT/NAME/.
	// They are readable by anyone who may read the account's parameters: secrets do not belong here.
	Parameters map[string]string `json:"parameters,omitempty"`
	// LogDays is how many days logs are kept; 90 unless told.
	LogDays int `json:"logDays,omitempty" schema:"logDays"`
	// Network is where databases stand.
	Network *Network `json:"network,omitempty"`
	// Imports are what the account has already.
	Imports Imports `json:"imports,omitzero"`
	// Plugins are the parts that this environment wants.
	Plugins Plugins `json:"plugins,omitempty"`
	// Budget is what the environment may cost.
	Budget *Budget `json:"budget,omitempty"`
	// Governance is how the account is watched.
	Governance Governance `json:"governance,omitzero"`
	// Notifications says who hears of the environment's events.
	Notifications Notifications `json:"notifications"`
	// Gates is what the environment asks of the gates.
	Gates EnvironmentGates `json:"gates,omitzero"`
	// Tags are put on every resource of this environment, over those of the pipeline.
	Tags map[string]string `json:"tags,omitempty"`
}

// Notifications says who hears of the environment's events, by email address.
type Notifications struct {
	// Finance hears of cost, beside the owners.
	Finance []string `json:"finance,omitempty" schema:"email"`
	// Owners hear of the infrastructure: failures, approvals, alarms. At least one.
	Owners []string `json:"owners" schema:"email" jsonschema:"minItems=1"`
	// Chat hears what the owners hear; left out, nobody chats.
	Chat *Chat `json:"chat,omitempty"`
}
