package config

import "encoding/json"

// Source is where the pipeline takes the platform's code from.
type Source struct {
	// Repository is OWNER/NAME of the repository.
	Repository string `json:"repository" schema:"repository"`
	// Connection is the ARN of the connection to the repository's host. It is made once by hand in the tooling account, because a person
	// has to agree to it in a browser.
	Connection string `json:"connection" schema:"connectionARN"`
	// Branch is the branch whose pushes are promoted up to the first approval; main unless told.
	Branch string `json:"branch,omitempty" schema:"branch" jsonschema:"default=main"`
	// Tags is the pattern of the git tags that release to production; v* unless told.
	Tags string `json:"tags,omitempty" schema:"tagPattern" jsonschema:"default=v*"`
}

// Network is where the environment's databases stand: a network that is made for them, by cidr, or one that is there already, by vpc and
// subnets. Its zones are told here because nothing is looked up while the stacks are synthesised.
type Network struct {
	// AvailabilityZones are the zones of the subnets; at least two, which a database needs.
	AvailabilityZones []string `json:"availabilityZones" schema:"availabilityZone" jsonschema:"minItems=2,maxItems=6"`
	// CIDR is the range of addresses of a network that is made, from /16 to /24.
	CIDR string `json:"cidr,omitempty" schema:"networkRange"`
	// VPC is a network that is there already: its id, or ssm: and the name of the parameter that holds it.
	VPC string `json:"vpc,omitempty" schema:"vpcReference"`
	// Subnets are isolated subnets of that VPC, one for each zone and in their order: ids, or ssm: and the names of parameters.
	Subnets []string `json:"subnets,omitempty" schema:"subnetReference" jsonschema:"minItems=2"`
}

// Imports are what the account has already and the platform uses instead of making its own. ssm: and a parameter's name stand for the
// value that the parameter has when the stacks are deployed.
type Imports struct {
	// Key is the KMS key that encrypts what the plugins store, by ARN; each makes its own where there is none.
	Key string `json:"key,omitempty" schema:"keyReference"`
	// HostedZone is where the database gets a name of its own.
	HostedZone *HostedZone `json:"hostedZone,omitempty"`
}

// HostedZone is a zone of Route 53.
type HostedZone struct {
	// ID is the zone's id, or ssm: and the name of the parameter that holds it.
	ID string `json:"id" schema:"hostedZoneReference"`
	// Name is the zone's domain.
	Name string `json:"name" schema:"domain"`
}

// Budget is what the environment may cost in a month.
type Budget struct {
	// Monthly is the amount in US dollars, which is what AWS bills in.
	Monthly float64 `json:"monthly" schema:"dollars"`
	// WarningPercent is the part of it that warns; 80 unless told.
	WarningPercent float64 `json:"warningPercent,omitempty" schema:"budgetPercentage" jsonschema:"default=80"`
	// CriticalPercent is the part of it that is critical; 95 unless told.
	CriticalPercent float64 `json:"criticalPercent,omitempty" schema:"budgetPercentage" jsonschema:"default=95"`
}

// Governance is how the account is watched.
type Governance struct {
	// TrailDays is how many days the audit trail is kept; 365 unless told.
	TrailDays int `json:"trailDays,omitempty" schema:"trailDays" jsonschema:"default=365"`
	// AnomalyDollars is the unexpected cost in US dollars that finance hears of; 100 unless told.
	AnomalyDollars float64 `json:"anomalyDollars,omitempty" schema:"dollars" jsonschema:"default=100"`
	// Alarms are from how many on events raise an alarm that are normal one by one.
	Alarms SecurityAlarms `json:"alarms,omitzero"`
	// Organisation is what the AWS organisation provides for the account, so that it is not made twice: AWS takes one of each only.
	Organisation []string `json:"organisation,omitempty" schema:"organisationService"`
}

// SecurityAlarms are from how many within five minutes on an event raises an alarm. All other security events raise one by happening.
type SecurityAlarms struct {
	// DeniedCalls is for calls that were denied; 10 unless told.
	DeniedCalls int `json:"deniedCalls,omitempty" jsonschema:"minimum=1,title=a number of events,default=10"`
	// FailedSignIns is for sign-ins to the console that failed; 3 unless told.
	FailedSignIns int `json:"failedSignIns,omitempty" jsonschema:"minimum=1,title=a number of events,default=3"`
}

// Plugins are the plugins that the environment wants, by name, each with its options. Which there are, and what their options may say, is
// in the schema, which is made from the plugins themselves.
type Plugins map[string]json.RawMessage

// Storage is the options of the plugin of that name: object storage.
type Storage struct {
	// ArchiveAfterDays is the age in days at which objects move to Glacier; 30 unless told.
	ArchiveAfterDays int `json:"archiveAfterDays,omitempty" schema:"days" jsonschema:"default=30"`
	// NoncurrentExpireAfterDays is the age in days at which replaced versions are deleted; 365 unless told.
	NoncurrentExpireAfterDays int `json:"noncurrentExpireAfterDays,omitempty" schema:"days" jsonschema:"default=365"`
	// AccessLogDays is how many days access logs are kept; 90 unless told.
	AccessLogDays int `json:"accessLogDays,omitempty" schema:"days" jsonschema:"default=90"`
}

// Database is the options of the plugin of that name: PostgreSQL on Aurora Serverless v2.
type Database struct {
	// Name is that of the first database in the cluster; platform unless told.
	Name string `json:"name,omitempty" schema:"databaseName" jsonschema:"default=platform"`
	// Version is that of PostgreSQL, as major.minor; 17.7 unless told. RDS moves to newer minor versions by itself.
	Version string `json:"version,omitempty" schema:"postgresVersion" jsonschema:"default=17.7"`
	// MinACU is the least capacity in Aurora capacity units, of about 2 GiB of memory each; 0 pauses an idle database.
	// Source of the limits: the Aurora user guide, Aurora Serverless v2 capacity.
	MinACU float64 `json:"minACU" schema:"minCapacity"`
	// MaxACU is the most capacity in Aurora capacity units.
	MaxACU float64 `json:"maxACU" schema:"maxCapacity"`
	// Readers is how many instances only read, and take over when the writer fails.
	Readers int `json:"readers,omitempty" schema:"readers"`
	// BackupDays is how many days backups are kept; 7 unless told.
	BackupDays int `json:"backupDays,omitempty" schema:"backupDays" jsonschema:"default=7"`
	// DeletionProtection refuses the deletion of the cluster.
	DeletionProtection bool `json:"deletionProtection,omitempty"`
	// InsightsDays is how many days Performance Insights keeps what it measured; 7 unless told, which costs nothing.
	InsightsDays int `json:"insightsDays,omitempty" schema:"insightsDays" jsonschema:"default=7"`
	// Alarms are the thresholds that the owners hear of.
	Alarms DatabaseAlarms `json:"alarms,omitzero"`
}

// DatabaseAlarms are the thresholds of the database's alarms.
type DatabaseAlarms struct {
	// ACUPercent is the part of the most capacity that is in use; 90 unless told.
	ACUPercent float64 `json:"acuPercent,omitempty" schema:"percentage" jsonschema:"default=90"`
	// CPUPercent is the part of the processors that is in use; 80 unless told.
	CPUPercent float64 `json:"cpuPercent,omitempty" schema:"percentage" jsonschema:"default=80"`
	// Connections is the number of open connections; 200 unless told.
	Connections int `json:"connections,omitempty" schema:"connections" jsonschema:"default=200"`
}

// Chat is the channel that hears what the owners hear. The workspace has to be authorised once by hand in the account.
type Chat struct {
	// SlackWorkspace is the workspace's id.
	SlackWorkspace string `json:"slackWorkspace" schema:"slackWorkspace"`
	// SlackChannel is the channel's id.
	SlackChannel string `json:"slackChannel" schema:"slackChannel"`
}
