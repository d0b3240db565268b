package config

import "encoding/json"

// Source is where the pipeline takes the platform's code from.
type Source struct {
	// Repository is OWNER/NAME of the repository.
	Repository string `json:"repository" jsonschema:"pattern=^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$,title=a repository as OWNER/NAME,example=example/platform"`
	// Connection is the ARN of the connection to the repository's host. It is made once by hand in the tooling account, because a person
	// has to agree to it in a browser.
	Connection string `json:"connection" jsonschema:"pattern=^arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[0-9a-f-]{36}$,title=the ARN of a connection,example=arn:aws:codeconnections:eu-west-1:123456789012:connection/11111111-2222-3333-4444-555555555555"`
	// Branch is the branch whose pushes are promoted up to the first approval; main unless told.
	Branch string `json:"branch,omitempty" jsonschema:"minLength=1,maxLength=255,title=a branch,example=main,default=main"`
	// Tags is the pattern of the git tags that release to production; v* unless told.
	Tags string `json:"tags,omitempty" jsonschema:"minLength=1,maxLength=255,title=a pattern of git tags,example=v*,default=v*"`
}

// Network is where the environment's databases stand: a network that is made for them, by cidr, or one that is there already, by vpc and
// subnets. Its zones are told here because nothing is looked up while the stacks are synthesised.
type Network struct {
	// AvailabilityZones are the zones of the subnets; at least two, which a database needs.
	AvailabilityZones []string `json:"availabilityZones" jsonschema:"minItems=2,maxItems=6,uniqueItems=true,pattern=^[a-z]{2\\,4}(-[a-z]+){1\\,2}-[0-9]{1\\,2}[a-z]$,title=an availability zone,example=eu-west-1a"`
	// CIDR is the range of addresses of a network that is made, from /16 to /24.
	CIDR string `json:"cidr,omitempty" jsonschema:"pattern=^[0-9]{1\\,3}([.][0-9]{1\\,3}){3}/(1[6-9]|2[0-4])$,title=a range of addresses from /16 to /24,example=10.20.0.0/16"`
	// VPC is a network that is there already: its id, or ssm: and the name of the parameter that holds it.
	VPC string `json:"vpc,omitempty" jsonschema:"pattern=^(vpc-[0-9a-f]{8\\,17}|ssm:/[A-Za-z0-9_./-]+)$,title=the id of a VPC or ssm:/NAME,example=ssm:/network/vpc"`
	// Subnets are isolated subnets of that VPC, one for each zone and in their order: ids, or ssm: and the names of parameters.
	Subnets []string `json:"subnets,omitempty" jsonschema:"minItems=2,uniqueItems=true,pattern=^(subnet-[0-9a-f]{8\\,17}|ssm:/[A-Za-z0-9_./-]+)$,title=the id of a subnet or ssm:/NAME,example=ssm:/network/subnet-a"`
}

// Imports are what the account has already and the platform uses instead of making its own. ssm: and a parameter's name stand for the
// value that the parameter has when the stacks are deployed.
type Imports struct {
	// Key is the KMS key that encrypts what the plugins store, by ARN; each makes its own where there is none.
	Key string `json:"key,omitempty" jsonschema:"pattern=^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+|ssm:/[A-Za-z0-9_./-]+)$,title=the ARN of a KMS key or ssm:/NAME,example=ssm:/security/key"`
	// HostedZone is where the database gets a name of its own.
	HostedZone *HostedZone `json:"hostedZone,omitempty"`
}

// HostedZone is a zone of Route 53.
type HostedZone struct {
	// ID is the zone's id, or ssm: and the name of the parameter that holds it.
	ID string `json:"id" jsonschema:"pattern=^(Z[A-Z0-9]{1\\,31}|ssm:/[A-Za-z0-9_./-]+)$,title=the id of a hosted zone or ssm:/NAME,example=ssm:/network/zone"`
	// Name is the zone's domain.
	Name string `json:"name" jsonschema:"pattern=^([a-z0-9]([a-z0-9-]*[a-z0-9])?[.])+[a-z]{2\\,}$,title=a domain,example=acc.example.com"`
}

// Budget is what the environment may cost in a month.
type Budget struct {
	// Monthly is the amount in US dollars, which is what AWS bills in.
	Monthly float64 `json:"monthly" jsonschema:"minimum=1,title=an amount in US dollars,example=500"`
	// WarningPercent is the part of it that warns; 80 unless told.
	WarningPercent float64 `json:"warningPercent,omitempty" jsonschema:"minimum=1,maximum=1000,title=a percentage,default=80"`
	// CriticalPercent is the part of it that is critical; 95 unless told.
	CriticalPercent float64 `json:"criticalPercent,omitempty" jsonschema:"minimum=1,maximum=1000,title=a percentage,default=95"`
}

// Governance is how the account is watched.
type Governance struct {
	// TrailDays is how many days the audit trail is kept; 365 unless told.
	TrailDays int `json:"trailDays,omitempty" jsonschema:"minimum=365,maximum=36500,title=a number of days from 365 on,default=365"`
	// AnomalyDollars is the unexpected cost in US dollars that finance hears of; 100 unless told.
	AnomalyDollars float64 `json:"anomalyDollars,omitempty" jsonschema:"minimum=1,title=an amount in US dollars,default=100"`
	// Alarms are from how many on events raise an alarm that are normal one by one.
	Alarms SecurityAlarms `json:"alarms,omitzero"`
	// Organisation is what the AWS organisation provides for the account, so that it is not made twice: AWS takes one of each only.
	Organisation []string `json:"organisation,omitempty" jsonschema:"uniqueItems=true,enum=accessAnalyzer,enum=config,enum=costAnomaly,enum=guardDuty,enum=trail,title=one of accessAnalyzer\\, config\\, costAnomaly\\, guardDuty and trail,example=guardDuty"`
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
	ArchiveAfterDays int `json:"archiveAfterDays,omitempty" jsonschema:"minimum=1,maximum=36500,title=a number of days,default=30"`
	// NoncurrentExpireAfterDays is the age in days at which replaced versions are deleted; 365 unless told.
	NoncurrentExpireAfterDays int `json:"noncurrentExpireAfterDays,omitempty" jsonschema:"minimum=1,maximum=36500,title=a number of days,default=365"`
	// AccessLogDays is how many days access logs are kept; 90 unless told.
	AccessLogDays int `json:"accessLogDays,omitempty" jsonschema:"minimum=1,maximum=36500,title=a number of days,default=90"`
}

// Database is the options of the plugin of that name: PostgreSQL on Aurora Serverless v2.
type Database struct {
	// Name is that of the first database in the cluster; platform unless told.
	Name string `json:"name,omitempty" jsonschema:"pattern=^[a-z][a-z0-9_]{0\\,62}$,title=a name of lower-case letters\\, digits and underscores,example=platform,default=platform"`
	// Version is that of PostgreSQL, as major.minor; 17.7 unless told. RDS moves to newer minor versions by itself.
	Version string `json:"version,omitempty" jsonschema:"pattern=^1[6-9][.][0-9]{1\\,2}$,title=a version of PostgreSQL from 16 on,example=17.7,default=17.7"`
	// MinACU is the least capacity in Aurora capacity units, of about 2 GiB of memory each; 0 pauses an idle database.
	// Source of the limits: the Aurora user guide, Aurora Serverless v2 capacity.
	MinACU float64 `json:"minACU" jsonschema:"minimum=0,maximum=256,multipleOf=0.5,title=a capacity from 0 to 256 in steps of 0.5,example=0.5"`
	// MaxACU is the most capacity in Aurora capacity units.
	MaxACU float64 `json:"maxACU" jsonschema:"minimum=1,maximum=256,multipleOf=0.5,title=a capacity from 1 to 256 in steps of 0.5,example=4"`
	// Readers is how many instances only read, and take over when the writer fails.
	Readers int `json:"readers,omitempty" jsonschema:"minimum=0,maximum=15,title=a number from 0 to 15"`
	// BackupDays is how many days backups are kept; 7 unless told.
	BackupDays int `json:"backupDays,omitempty" jsonschema:"minimum=1,maximum=35,title=a number of days from 1 to 35,default=7"`
	// DeletionProtection refuses the deletion of the cluster.
	DeletionProtection bool `json:"deletionProtection,omitempty"`
	// InsightsDays is how many days Performance Insights keeps what it measured; 7 unless told, which costs nothing.
	InsightsDays int `json:"insightsDays,omitempty" jsonschema:"enum=7,enum=31,enum=62,enum=93,enum=186,enum=372,enum=731,title=7\\, 31\\, 62\\, 93\\, 186\\, 372 or 731 days,default=7"`
	// Alarms are the thresholds that the owners hear of.
	Alarms DatabaseAlarms `json:"alarms,omitzero"`
}

// DatabaseAlarms are the thresholds of the database's alarms.
type DatabaseAlarms struct {
	// ACUPercent is the part of the most capacity that is in use; 90 unless told.
	ACUPercent float64 `json:"acuPercent,omitempty" jsonschema:"minimum=1,maximum=100,title=a percentage,default=90"`
	// CPUPercent is the part of the processors that is in use; 80 unless told.
	CPUPercent float64 `json:"cpuPercent,omitempty" jsonschema:"minimum=1,maximum=100,title=a percentage,default=80"`
	// Connections is the number of open connections; 200 unless told.
	Connections int `json:"connections,omitempty" jsonschema:"minimum=1,maximum=16000,title=a number of connections,default=200"`
}

// Chat is the channel that hears what the owners hear. The workspace has to be authorised once by hand in the account.
type Chat struct {
	// SlackWorkspace is the workspace's id.
	SlackWorkspace string `json:"slackWorkspace" jsonschema:"pattern=^[0-9A-Z]{1\\,255}$,title=the id of a Slack workspace,example=T0123456789"`
	// SlackChannel is the channel's id.
	SlackChannel string `json:"slackChannel" jsonschema:"pattern=^[A-Za-z0-9]{1\\,255}$,title=the id of a Slack channel,example=C0123456789"`
}
