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
	// Source is where the pipeline takes its code from; without it there is no pipeline, and deployments begin on the command line.
	Source *Source `json:"source,omitempty"`
	// Owners hear of the pipeline's events by email: failures, successes, approvals that are waited for.
	Owners []string `json:"owners,omitempty" jsonschema:"uniqueItems=true,format=email,title=an email address,example=platform@example.com"`
	// LogDays is how many days the pipeline's logs are kept; 90 unless told.
	LogDays int `json:"logDays,omitempty" jsonschema:"enum=30,enum=60,enum=90,enum=120,enum=150,enum=180,enum=365,enum=400,enum=545,enum=731,enum=1096,enum=1827,enum=3653,title=a number of days that CloudWatch takes,example=90,default=90"`
	// DriftSchedule is when what is deployed is compared with what there is, in the words of EventBridge: once a day unless told, "never" for never.
	DriftSchedule string `json:"driftSchedule,omitempty" jsonschema:"pattern=^(never|rate\\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\\)|cron\\([^()]+\\))$,title=a rate or cron expression of EventBridge\\, or never,example=cron(0 5 ? * MON-FRI *),default=rate(1 day)"`
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
	// AdditionalWaves are further accounts or regions that a release goes to once the environment's own account has it: wave after wave, the accounts of a wave
	// at the same time.
	AdditionalWaves []Wave `json:"waves,omitempty"`
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
	// LogDays is how many days logs are kept; 90 unless told.
	LogDays int `json:"logDays,omitempty" jsonschema:"enum=30,enum=60,enum=90,enum=120,enum=150,enum=180,enum=365,enum=400,enum=545,enum=731,enum=1096,enum=1827,enum=3653,title=a number of days that CloudWatch takes,example=90,default=90"`
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
	Finance []string `json:"finance,omitempty" jsonschema:"uniqueItems=true,format=email,title=an email address,example=finance@example.com"`
	// Owners hear of the infrastructure: failures, approvals, alarms. At least one.
	Owners []string `json:"owners" jsonschema:"minItems=1,uniqueItems=true,format=email,title=an email address,example=platform@example.com"`
	// Chat hears what the owners hear; left out, nobody chats.
	Chat *Chat `json:"chat,omitempty"`
}
