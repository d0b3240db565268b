// Package config owns the typed configuration: its types, its schema, its rules, and the messages for what is invalid.
// It reads files through an fs.FS and knows nothing of AWS calls or of steps.
package config

import "cmp"

// Config is the whole configuration: the pipeline and its environments.
type Config struct {
	Pipeline Pipeline `json:"pipeline"`
	// Environments are in promotion order: each comes after the one that it is promoted from. Those without a fixed order
	// are sorted by name.
	Environments []Environment `json:"environments"`
}

// Pipeline is config/pipeline.yaml, which all environments share.
type Pipeline struct {
	// Project is the name of the platform. The names of all stacks and parameters begin with it.
	Project string `json:"project" schema:"projectName"`
	// Tooling is the account that owns the pipeline. Its principals may assume the deployment roles.
	Tooling Account `json:"tooling"`
	// Bootstrap is how the accounts were prepared with `cdk bootstrap`.
	Bootstrap Bootstrap `json:"bootstrap,omitzero"`
	// Source is where the pipeline takes its code from. Without it there is no pipeline and people deploy from the
	// command line.
	Source *Source `json:"source,omitempty"`
	// Owners are notified by email of failures, successes and approvals of the pipeline.
	Owners []string `json:"owners,omitempty" schema:"email"`
	// LogDays is how many days the logs of the pipeline are kept; 90 by default.
	LogDays int `json:"logDays,omitempty" schema:"logDays"`
	// DriftSchedule is when the deployed resources are compared with what was deployed, as an expression of EventBridge;
	// once a day by default, "never" turns it off.
	DriftSchedule string `json:"driftSchedule,omitempty" schema:"schedule" jsonschema:"default=rate(1 day)"`
	// Engine is where the jobs of the pipeline run their containers.
	Engine Engine `json:"engine,omitzero"`
	// Tags are put on every resource of every environment.
	Tags map[string]string `json:"tags,omitempty"`
	// App is the CDK app.
	App App `json:"app,omitzero"`
	// Steps are steps of the repository's own.
	Steps []Step `json:"steps,omitempty"`
	// Gates are the settings of the gates.
	Gates Gates `json:"gates,omitzero"`
	// Signing is how release records, approvals and plans are signed. Without it a live deployment records them unsigned.
	Signing *Signing `json:"signing,omitempty"`
	// Workflows are the pipelines in another service than CodePipeline. The command workflows writes them.
	Workflows *Workflows `json:"workflows,omitempty"`
}

// Signing is how what a deployment records is signed, with asymmetric keys of the tooling account.
type Signing struct {
	// Key is the key that signs release records and approvals: its ARN or its alias.
	Key string `json:"key" schema:"signingKey"`
	// PublicKeys are the public keys whose signatures count: that of the key and, after a change of the key, earlier ones.
	PublicKeys []string `json:"publicKeys" schema:"publicKey" jsonschema:"minItems=1"`
	// PlanKey is the key that signs the registrations of plans. By default it is the same, and whoever plans can approve.
	PlanKey string `json:"planKey,omitempty" schema:"signingKey"`
	// PlanPublicKeys are the public keys whose signatures of plans count.
	PlanPublicKeys []string `json:"planPublicKeys,omitempty" schema:"publicKey" jsonschema:"minItems=1"`
}

// DriftScheduleNever is the DriftSchedule of a pipeline that does not look for drift.
const DriftScheduleNever = "never"

// Account is one AWS account in one region.
type Account struct {
	// ID is the id of the account, of twelve digits.
	ID string `json:"account" schema:"accountID"`
	// Region is the code of the region, such as eu-west-1.
	Region string `json:"region" schema:"region"`
}

// Bootstrap is what the names and permissions of the bootstrap roles depend on.
type Bootstrap struct {
	// Qualifier distinguishes the bootstrap resources of one account from each other; hnb659fds by default, as in the
	// CDK. It is part of a bucket's name and so has at most ten lower-case letters and digits.
	Qualifier string `json:"qualifier,omitempty" schema:"bootstrapQualifier" jsonschema:"default=hnb659fds"`
	// ToolkitStack is --toolkit-stack-name of `cdk bootstrap`, the name of its stack; CDKToolkit by default. An account
	// that has a bootstrap with another qualifier needs one.
	ToolkitStack string `json:"toolkitStack,omitempty" schema:"toolkitStack"`
	// ExecutionPolicies are the managed policies of the role that CloudFormation uses in each account.
	ExecutionPolicies []string `json:"executionPolicies,omitempty" schema:"managedPolicy" jsonschema:"minItems=1"`
}

// EnvironmentBootstrap is the bootstrap of an environment's accounts, where it is another than the pipeline's or has
// names of its own.
type EnvironmentBootstrap struct {
	// Qualifier takes the place of the pipeline's.
	Qualifier string `json:"qualifier,omitempty" schema:"bootstrapQualifier"`
	BootstrapNames
}

// BootstrapNames are names that differ from those of the CDK. ${Qualifier}, ${AWS::AccountId} and ${AWS::Region} in a
// name stand for their values, as in the CDK's DefaultStackSynthesizer.
type BootstrapNames struct {
	// ToolkitStack takes the place of the pipeline's.
	ToolkitStack string `json:"toolkitStack,omitempty" schema:"toolkitStack"`
	// Bucket is the bucket of the assets.
	Bucket string `json:"bucket,omitempty" schema:"bootstrapBucket"`
	// Repository is the repository of the container images.
	Repository string `json:"repository,omitempty" schema:"bootstrapRepository"`
	// DeployRole is the name of the role that creates and executes change sets.
	DeployRole string `json:"deployRole,omitempty" schema:"bootstrapRole"`
	// PublishingRole is the name of the role that publishes files.
	PublishingRole string `json:"publishingRole,omitempty" schema:"bootstrapRole"`
	// ImagePublishingRole is the name of the role that publishes container images.
	ImagePublishingRole string `json:"imagePublishingRole,omitempty" schema:"bootstrapRole"`
	// LookupRole is the name of the role that reads resources.
	LookupRole string `json:"lookupRole,omitempty" schema:"bootstrapRole"`
	// ExecutionRole is the name of the role that CloudFormation works with.
	ExecutionRole string `json:"executionRole,omitempty" schema:"bootstrapRole"`
}

// QualifierOf returns the qualifier of the bootstrap of an environment's accounts.
func (p Pipeline) QualifierOf(env Environment) string {
	return cmp.Or(env.Bootstrap.Qualifier, p.Bootstrap.Qualifier)
}

// bootstrapOf returns the bootstrap of an environment's accounts.
func (p Pipeline) bootstrapOf(env Environment) EnvironmentBootstrap {
	return EnvironmentBootstrap{p.QualifierOf(env), p.BootstrapNamesOf(env)}
}

// BootstrapNamesOf returns the names of the bootstrap of an environment's accounts.
func (p Pipeline) BootstrapNamesOf(env Environment) BootstrapNames {
	names := env.Bootstrap.BootstrapNames
	names.ToolkitStack = cmp.Or(names.ToolkitStack, p.Bootstrap.ToolkitStack)
	return names
}

// Environment is config/environments/NAME.yaml: an account that the platform is deployed to.
type Environment struct {
	// Name is the name of the file without its extension. It is not in the file.
	Name string `json:"name" jsonschema:"-"`
	Account
	// AdditionalPlaces are more accounts and regions that stacks of the environment are in, such as us-east-1 for
	// certificates. All places are deployed to together, in the order of the stacks' dependencies.
	AdditionalPlaces []Account `json:"places,omitempty" jsonschema:"minItems=1"`
	// Stacks are the stacks of the app that go to this environment.
	Stacks Stacks `json:"stacks,omitzero"`
	// AdditionalWaves are more accounts or regions, which a release goes to after the environment's own account: wave
	// after wave, the accounts of a wave at the same time.
	AdditionalWaves []Wave `json:"waves,omitempty"`
	// Bootstrap is the bootstrap of the accounts, where it has names of its own. Environments that share an account and
	// region have the same one.
	Bootstrap EnvironmentBootstrap `json:"bootstrap,omitzero"`
	// Allow is the list of the kinds of changes that need no permission by name in this environment.
	Allow []string `json:"allow,omitempty" schema:"allowedChange"`
	// After is the environment that a release is promoted from. It is empty for the first.
	After string `json:"after,omitempty" jsonschema:"minLength=1,title=the name of another environment,example=dev"`
	// Approval is whether a person has to approve a release before it is deployed here. With {by: other}, it must be
	// another one than those who have made the plan and written its commit.
	Approval Approval `json:"approval,omitempty"`
	// CompletePlans is whether a reviewed plan has to show everything that it changes: its application stops before a
	// stack that was deferred, because what it needs did not exist yet, and that stack is planned and reviewed again.
	CompletePlans bool `json:"completePlans,omitempty"`
	// SignedFrom is the number of the first release that has to be signed, if the pipeline has a key; 1 by default. An
	// environment that has unsigned releases names the one after the newest of them.
	SignedFrom int `json:"signedFrom,omitempty" jsonschema:"minimum=1,title=the number of a release"`
	// TerminationProtection is whether the stacks are protected from deletion.
	TerminationProtection bool `json:"terminationProtection,omitempty"`
	// Context is context of the CDK for this environment. It replaces equal keys of the app's.
	Context map[string]any `json:"context,omitempty"`
	// Parameters are the settings of the environment, published as SSM parameters below /PROJECT/NAME. Everybody who may
	// read the parameters of the account can read them, so they must not be secrets.
	Parameters map[string]string `json:"parameters,omitempty"`
	// LogDays is how many days logs are kept; 90 by default.
	LogDays int `json:"logDays,omitempty" schema:"logDays"`
	// Network is the network of the databases.
	Network *Network `json:"network,omitempty"`
	// Imports are the existing resources of the account that the stacks use.
	Imports Imports `json:"imports,omitzero"`
	// Plugins are the plugins of the environment with their options.
	Plugins Plugins `json:"plugins,omitempty"`
	// Budget is what the environment may cost.
	Budget *Budget `json:"budget,omitempty"`
	// Governance is how the account is monitored.
	Governance Governance `json:"governance,omitzero"`
	// Notifications are the addresses that are notified of the environment's events.
	Notifications Notifications `json:"notifications,omitzero"`
	// Gates are the settings of the gates for this environment.
	Gates EnvironmentGates `json:"gates,omitzero"`
	// Tags are put on every resource of this environment. They replace equal keys of the pipeline's.
	Tags map[string]string `json:"tags,omitempty"`
	// IsFurtherRegion says that an earlier wave has the same account in another region. What AWS has once for an account,
	// and not for each region, is there already.
	IsFurtherRegion bool `json:"-"`
}

// Notifications are the addresses that are notified of the environment's events.
type Notifications struct {
	// Finance is notified of cost, as the owners are.
	Finance []string `json:"finance,omitempty" schema:"email"`
	// Owners are notified of the infrastructure: failures, approvals and alarms.
	Owners []string `json:"owners,omitempty" schema:"email" jsonschema:"minItems=1"`
	// Chat is a channel that is notified of what the owners are notified of.
	Chat *Chat `json:"chat,omitempty"`
}
