package config

import "encoding/json"

// Source is where the pipeline takes the code of the platform from.
type Source struct {
	// Repository is OWNER/NAME of the repository.
	Repository string `json:"repository" schema:"repository"`
	// Connection is the ARN of the connection to the host of the repository. A person creates it once in the tooling
	// account and confirms it in a browser.
	Connection string `json:"connection" schema:"connectionARN"`
	// Branch is the branch whose pushes are promoted up to the first approval; main by default.
	Branch string `json:"branch,omitempty" schema:"branch" jsonschema:"default=main"`
	// Tags is the pattern of the git tags that release to production; v* by default.
	Tags string `json:"tags,omitempty" schema:"tagPattern" jsonschema:"default=v*"`
	// Module is the Dagger module that jobs call; that of this repository by default.
	Module string `json:"module,omitempty" schema:"daggerModule"`
}

// Network is the network of the environment's databases: a new one with a range of addresses, or an existing VPC with
// its subnets. Its zones are configured because nothing is looked up during synthesis.
type Network struct {
	// AvailabilityZones are the zones of the subnets. A database needs at least two.
	AvailabilityZones []string `json:"availabilityZones" schema:"availabilityZone" jsonschema:"minItems=2,maxItems=6"`
	// CIDR is the range of addresses of a new network, from /16 to /24.
	CIDR string `json:"cidr,omitempty" schema:"networkRange"`
	// VPC is an existing network: its id, or ssm: and the name of the parameter that holds it.
	VPC string `json:"vpc,omitempty" schema:"vpcReference"`
	// Subnets are isolated subnets of that VPC, one for each zone and in their order: ids, or ssm: and the names of
	// parameters.
	Subnets []string `json:"subnets,omitempty" schema:"subnetReference" jsonschema:"minItems=2"`
	// ZonesOfRegion says that AvailabilityZones are only as many as there have to be: the subnets are in the first zones
	// that the account has in its region. It is so in the further regions of an environment.
	ZonesOfRegion bool `json:"-"`
}

// Imports are existing resources of the account that the stacks use instead of new ones. A reference of the form
// ssm:/NAME is replaced by the value of that parameter when the stacks are deployed.
type Imports struct {
	// Key is the ARN of the KMS key that encrypts what the plugins store. By default each plugin creates its own.
	Key string `json:"key,omitempty" schema:"keyReference"`
	// HostedZone is the zone in which the database gets a name.
	HostedZone *HostedZone `json:"hostedZone,omitempty"`
}

// HostedZone is a hosted zone of Route 53.
type HostedZone struct {
	// ID is the id of the zone, or ssm: and the name of the parameter that holds it.
	ID string `json:"id" schema:"hostedZoneReference"`
	// Name is the domain of the zone.
	Name string `json:"name" schema:"domain"`
}

// Budget is what the environment may cost in a month.
type Budget struct {
	// Monthly is the amount in US dollars, the currency of AWS's bills.
	Monthly float64 `json:"monthly" schema:"dollars"`
	// WarningPercent is the percentage of it at which a warning is sent; 80 by default.
	WarningPercent float64 `json:"warningPercent,omitempty" schema:"budgetPercentage" jsonschema:"default=80"`
	// CriticalPercent is the percentage of it that is critical; 95 by default.
	CriticalPercent float64 `json:"criticalPercent,omitempty" schema:"budgetPercentage" jsonschema:"default=95"`
}

// Governance is how the account is monitored.
type Governance struct {
	// TrailDays is how many days the audit trail is kept; 365 by default.
	TrailDays int `json:"trailDays,omitempty" schema:"trailDays" jsonschema:"default=365"`
	// AnomalyDollars is the unexpected cost in US dollars that finance is notified of; 100 by default.
	AnomalyDollars float64 `json:"anomalyDollars,omitempty" schema:"dollars" jsonschema:"default=100"`
	// Alarms are the thresholds of the events that are normal in small numbers.
	Alarms SecurityAlarms `json:"alarms,omitzero"`
	// Organisation is the list of services that the AWS organisation provides for the account. AWS allows each only once,
	// so the stacks leave them out.
	Organisation []string `json:"organisation,omitempty" schema:"organisationService"`
}

// SecurityAlarms are how many events within five minutes raise an alarm. All other security events raise one the first
// time.
type SecurityAlarms struct {
	// DeniedCalls is for calls that were denied; 10 by default.
	DeniedCalls int `json:"deniedCalls,omitempty" jsonschema:"minimum=1,title=a number of events,default=10"`
	// FailedSignIns is for failed sign-ins to the console; 3 by default.
	FailedSignIns int `json:"failedSignIns,omitempty" jsonschema:"minimum=1,title=a number of events,default=3"`
}

// Plugins are the plugins of an environment by name, each with its options. The schema has the plugins that exist and
// their options; it is generated from infra/plugins.
type Plugins map[string]json.RawMessage

// Storage is the options of the plugin storage: object storage.
type Storage struct {
	// ArchiveAfterDays is the age in days at which objects move to Glacier; 30 by default.
	ArchiveAfterDays int `json:"archiveAfterDays,omitempty" schema:"days" jsonschema:"default=30"`
	// NoncurrentExpireAfterDays is the age in days at which replaced versions are deleted; 365 by default.
	NoncurrentExpireAfterDays int `json:"noncurrentExpireAfterDays,omitempty" schema:"days" jsonschema:"default=365"`
	// AccessLogDays is how many days access logs are kept; 90 by default.
	AccessLogDays int `json:"accessLogDays,omitempty" schema:"days" jsonschema:"default=90"`
}

// Database is the options of the plugin database: PostgreSQL on Aurora Serverless v2.
type Database struct {
	// Name is the name of the first database in the cluster; platform by default.
	Name string `json:"name,omitempty" schema:"databaseName" jsonschema:"default=platform"`
	// Version is the version of PostgreSQL, as MAJOR.MINOR; 17.7 by default. RDS installs newer minor versions by itself.
	Version string `json:"version,omitempty" schema:"postgresVersion" jsonschema:"default=17.7"`
	// MinACU is the minimum capacity in Aurora capacity units, of about 2 GiB of memory each. 0 pauses an idle database.
	// Source of the limits: the Aurora user guide, Aurora Serverless v2 capacity.
	MinACU float64 `json:"minACU" schema:"minCapacity"`
	// MaxACU is the maximum capacity in Aurora capacity units.
	MaxACU float64 `json:"maxACU" schema:"maxCapacity"`
	// Readers is the number of instances that only read. One of them takes over when the writer fails.
	Readers int `json:"readers,omitempty" schema:"readers"`
	// BackupDays is how many days backups are kept; 7 by default.
	BackupDays int `json:"backupDays,omitempty" schema:"backupDays" jsonschema:"default=7"`
	// DeletionProtection is whether the cluster is protected from deletion.
	DeletionProtection bool `json:"deletionProtection,omitempty"`
	// Insights is the mode of CloudWatch Database Insights. It decides how long measurements are kept: 7 days in standard
	// mode, which is free and the default, and 465 days in advanced mode. Source: the Aurora user guide, considerations
	// for Database Insights.
	Insights string `json:"insights,omitempty" schema:"insightsMode" jsonschema:"default=standard"`
	// Alarms are the thresholds of the alarms that the owners are notified of.
	Alarms DatabaseAlarms `json:"alarms,omitzero"`
}

// DatabaseAlarms are the thresholds of the database's alarms.
type DatabaseAlarms struct {
	// ACUPercent is the percentage of the maximum capacity that is in use; 90 by default.
	ACUPercent float64 `json:"acuPercent,omitempty" schema:"percentage" jsonschema:"default=90"`
	// CPUPercent is the percentage of the processors that is in use; 80 by default.
	CPUPercent float64 `json:"cpuPercent,omitempty" schema:"percentage" jsonschema:"default=80"`
	// Connections is the number of open connections; 200 by default.
	Connections int `json:"connections,omitempty" schema:"connections" jsonschema:"default=200"`
}

// Chat is a channel that is notified of what the owners are notified of. A person authorises the workspace once in the
// account.
type Chat struct {
	// SlackWorkspace is the id of the workspace.
	SlackWorkspace string `json:"slackWorkspace" schema:"slackWorkspace"`
	// SlackChannel is the id of the channel.
	SlackChannel string `json:"slackChannel" schema:"slackChannel"`
}
