package main

import (
	"strings"

	"github.com/invopop/jsonschema"
)

// valueKinds is the table of the kinds of values that a configuration file can hold, by the name that the tag `schema`
// of a field has. The title completes the sentence "write ...". In a list, a kind describes the items.
var valueKinds = map[string]jsonschema.Schema{
	"accountID": {
		Title:    "an account id of twelve digits",
		Pattern:  `^[0-9]{12}$`,
		Examples: []any{"111122223333"},
	},
	"allowedChange": {
		Title:    "data-loss, permissions, import-existing or synthesizer",
		Enum:     []any{"data-loss", "permissions", "import-existing", "synthesizer"},
		Examples: []any{"permissions"},
	},
	"availabilityZone": {
		Title:    "an availability zone",
		Pattern:  `^[a-z]{2,4}(-[a-z]+){1,2}-[0-9]{1,2}[a-z]$`,
		Examples: []any{"eu-west-1a"},
	},
	"backupDays": {Title: "a number of days from 1 to 35", Minimum: "1", Maximum: "35"},
	"bootstrapBucket": {
		Title:     "the name of a bucket; ${Qualifier}, ${AWS::AccountId} and ${AWS::Region} stand for their values",
		Pattern:   `^([a-z0-9.-]|\$\{(Qualifier|AWS::AccountId|AWS::Region)\})+$`,
		MinLength: new(uint64(3)),
		Examples:  []any{"example-assets-${AWS::AccountId}-${AWS::Region}"},
	},
	"bootstrapRepository": {
		Title: "the name of a repository of ECR; ${Qualifier}, ${AWS::AccountId} and ${AWS::Region} stand for their values",
		Pattern: `^([a-z0-9]|\$\{(Qualifier|AWS::AccountId|AWS::Region)\})` +
			`([a-z0-9._/-]|\$\{(Qualifier|AWS::AccountId|AWS::Region)\})*$`,
		MinLength: new(uint64(2)),
		Examples:  []any{"example-images-${AWS::AccountId}-${AWS::Region}"},
	},
	"bootstrapRole": {
		Title: "the name of a role without a path; ${Qualifier}, ${AWS::AccountId} and ${AWS::Region} stand for their " +
			"values",
		Pattern:   `^([A-Za-z0-9_+=,.@-]|\$\{(Qualifier|AWS::AccountId|AWS::Region)\})+$`,
		MinLength: new(uint64(1)),
		Examples:  []any{"example-deploy-${AWS::Region}"},
	},
	"bootstrapQualifier": {
		Title:    "a qualifier of 1 to 10 lower-case letters and digits",
		Pattern:  `^[a-z0-9]{1,10}$`,
		Examples: []any{"hnb659fds"},
	},
	"toolkitStack": {
		Title:     "the name of a stack: letters, digits and dashes, beginning with a letter",
		Pattern:   `^[A-Za-z][A-Za-z0-9-]*$`,
		MaxLength: new(uint64(100)),
		Examples:  []any{"CDKToolkit-example"},
	},
	// The services read a branch as a pattern, and IAM replaces ${...} in it, so it has only letters that mean themselves.
	"branch": {
		Title:     "a branch: letters, digits and . _ / @ # -",
		Pattern:   `^[A-Za-z0-9_][A-Za-z0-9._/@#-]*$`,
		MaxLength: new(uint64(255)),
		Examples:  []any{"main"},
	},
	"budgetPercentage": {Title: "a percentage", Minimum: "1", Maximum: "1000"},
	"connectionARN": {
		Title:    "the ARN of a connection",
		Pattern:  `^arn:aws[a-z-]*:(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[0-9a-f-]{36}$`,
		Examples: []any{"arn:aws:codeconnections:eu-west-1:123456789012:connection/11111111-2222-3333-4444-555555555555"},
	},
	"connections": {Title: "a number of connections", Minimum: "1", Maximum: "16000"},
	"databaseName": {
		Title:    "a name of lower-case letters, digits and underscores",
		Pattern:  `^[a-z][a-z0-9_]{0,62}$`,
		Examples: []any{"platform"},
	},
	"databaseURL": {
		Title:    "an https or file address",
		Pattern:  `^(https|file)://[!-~]+$`,
		Default:  "https://vuln.go.dev",
		Examples: []any{"https://vuln.go.dev"},
	},
	"stackPattern": {
		Title:     "a name or a pattern",
		MinLength: new(uint64(1)),
		MaxLength: new(uint64(255)),
		Examples:  []any{"Web*"},
	},
	"stackTag": {
		Title:     "a tag, as KEY or KEY=VALUE",
		Pattern:   `^[^=]+(=.*)?$`,
		MaxLength: new(uint64(385)), // 128 for the key, 256 for the value
		Examples:  []any{"team=web"},
	},
	"day":     {Title: "a day", Pattern: `^[0-9]{4}-[0-9]{2}-[0-9]{2}$`, Examples: []any{"2027-06-30"}},
	"days":    {Title: "a number of days", Minimum: "1", Maximum: "36500"},
	"dollars": {Title: "an amount in US dollars", Minimum: "1", Examples: []any{500}},
	"domain": {
		Title:    "a domain",
		Pattern:  `^([a-z0-9]([a-z0-9-]*[a-z0-9])?[.])+[a-z]{2,}$`,
		Examples: []any{"acc.example.com"},
	},
	"email": {Title: "an email address", Format: "email", Examples: []any{"platform@example.com"}},
	"engineAddress": {
		Title:    "the address of a Dagger engine",
		Pattern:  `^(tcp|unix|kube-pod|ssh)://[!-~]+$`,
		Examples: []any{"tcp://dagger.example.internal:8080"},
	},
	"cache": {
		Title:    "the name of a cache",
		Enum:     []any{"go-modules", "go-build", "gradle", "cdk", "lint", "maven", "npm", "pip", "uv"},
		Examples: []any{"npm"},
	},
	"filePattern": {Title: "a pattern of files", MinLength: new(uint64(1)), Examples: []any{"lib/**"}},
	"image": {
		Title:    "the name of an image of the table",
		Enum:     []any{"go", "java", "node", "python"},
		Examples: []any{"go"},
	},
	"language": {
		Title:    "the language of the app",
		Enum:     []any{"go", "java", "javascript", "python", "typescript"},
		Examples: []any{"typescript"},
	},
	"neededStep": {Title: "the name of a step", MinLength: new(uint64(1)), Examples: []any{"build"}},
	"offReasons": {Title: "names of gates, each with the reason why it is off"},
	"repositoryPath": {
		Title:     "a path relative to the repository",
		MinLength: new(uint64(1)),
		Examples:  []any{"infra"},
	},
	"shellCommand": {Title: "a command", MinLength: new(uint64(1)), Examples: []any{"npm ci"}},
	"stepName": {
		Title:    "a name of lower-case letters, digits and dashes",
		Pattern:  `^[a-z][a-z0-9-]{0,31}$`,
		Examples: []any{"contract-tests"},
	},
	"stepStage": {
		Title:    "quality, test or security",
		Enum:     []any{"quality", "test", "security"},
		Examples: []any{"test"},
	},
	"summary": {
		Title:     "a line of text",
		MinLength: new(uint64(1)),
		MaxLength: new(uint64(100)),
		Examples:  []any{"contract tests"},
	},
	"synthesis": {Title: "each or once", Enum: []any{"each", "once"}, Examples: []any{"each"}},
	"folder":    {Title: "a folder", MinLength: new(uint64(1)), Examples: []any{"/var/cache/osv"}},
	"gateName": {
		Title: "the name of a gate",
		Enum: []any{
			"format", "lint", "tidy", "markdown", "prose", "site", "workflows",
			"pipeline-files", "dockerfiles", "waivers",
			"unit", "infrastructure", "scripts", "documentation", "coverage",
			"gosec", "govulncheck", "osv", "secrets", "history", "baseline", "images", "templates",
			"python-format", "python-lint", "python-types", "python-complexity", "bandit",
			"python-order", "python-shed", "python-packages", "python-tests",
			"node-packages", "node-types", "node-lint", "node-format", "node-tests",
			"java-packages", "java-tests",
		},
		Examples: []any{"govulncheck"},
	},
	"goPackage": {
		Title:    "a pattern of Go packages",
		Pattern:  `^[.]`,
		Default:  []string{"./..."},
		Examples: []any{"./internal/..."},
	},
	"hostedZoneReference": {
		Title:    "the id of a hosted zone or ssm:/NAME",
		Pattern:  `^(Z[A-Z0-9]{1,31}|ssm:/[A-Za-z0-9_./-]+)$`,
		Examples: []any{"ssm:/network/zone"},
	},
	"imagePrefix": {
		Title:    "the beginning of an image's name",
		Pattern:  `^[a-z0-9]([a-z0-9.:_/-]*)$`,
		Examples: []any{"111122223333.dkr.ecr.eu-west-1.amazonaws.com/docker-hub/library"},
	},
	"insightsMode": {Title: "standard or advanced", Enum: []any{"standard", "advanced"}},
	"keyReference": {
		Title:    "the ARN of a KMS key or ssm:/NAME",
		Pattern:  `^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[A-Za-z0-9-]+|ssm:/[A-Za-z0-9_./-]+)$`,
		Examples: []any{"ssm:/security/key"},
	},
	"logDays": {
		Title:    "a number of days that CloudWatch takes",
		Enum:     []any{30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 3653},
		Default:  90,
		Examples: []any{90},
	},
	"managedPolicy": {
		Title:    "the ARN of a managed policy",
		Pattern:  `^arn:aws[a-z-]*:iam::(aws|[0-9]{12}):policy/[!-+\-.-~]+$`,
		Default:  []string{"arn:aws:iam::aws:policy/AdministratorAccess"},
		Examples: []any{"arn:aws:iam::aws:policy/AdministratorAccess"},
	},
	"maxCapacity": {
		Title:      "a capacity from 1 to 256 in steps of 0.5",
		Minimum:    "1",
		Maximum:    "256",
		MultipleOf: "0.5",
		Examples:   []any{4},
	},
	"minCapacity": {
		Title:      "a capacity from 0 to 256 in steps of 0.5",
		Minimum:    "0",
		Maximum:    "256",
		MultipleOf: "0.5",
		Examples:   []any{0.5},
	},
	"networkRange": {
		Title:    "a range of addresses from /16 to /24",
		Pattern:  `^[0-9]{1,3}([.][0-9]{1,3}){3}/(1[6-9]|2[0-4])$`,
		Examples: []any{"10.20.0.0/16"},
	},
	"organisationService": {
		Title:    "one of accessAnalyzer, config, costAnomaly, guardDuty and trail",
		Enum:     []any{"accessAnalyzer", "config", "costAnomaly", "guardDuty", "trail"},
		Examples: []any{"guardDuty"},
	},
	"percentage": {Title: "a percentage", Minimum: "1", Maximum: "100"},
	"postgresVersion": {
		Title:    "a version of PostgreSQL from 16 on",
		Pattern:  `^1[6-9][.][0-9]{1,2}$`,
		Examples: []any{"17.7"},
	},
	"projectName": {
		Title:     "a name of 2 to 20 lower-case letters, digits and single hyphens",
		Pattern:   `^[a-z][a-z0-9]*(-[a-z0-9]+)*$`,
		MinLength: new(uint64(2)),
		MaxLength: new(uint64(20)),
		Examples:  []any{"lockstep"},
	},
	"publicKey": {
		Title:   "a public key in PEM",
		Pattern: `^-----BEGIN PUBLIC KEY-----\n[A-Za-z0-9+/=\n]+-----END PUBLIC KEY-----\n?$`,
		Examples: []any{
			"-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE...\n-----END PUBLIC KEY-----\n",
		},
	},
	"readers": {Title: "a number from 0 to 15", Minimum: "0", Maximum: "15"},
	"reason": {
		Title:     "a reason that a reader can judge",
		MinLength: new(uint64(10)),
		Examples:  []any{"the program's name comes from a table and not from outside"},
	},
	"region": {
		Title:    "a region code",
		Pattern:  `^[a-z]{2,4}(-[a-z]+){1,2}-[0-9]{1,2}$`,
		Examples: []any{"eu-west-1"},
	},
	"registry": {
		Title:    "a registry, with a path where only a part of it is meant",
		Pattern:  `^[a-z0-9.-]+(:[0-9]+)?(/[a-z0-9._/-]+)?$`,
		Default:  []string{"docker.io", "registry.dagger.io"},
		Examples: []any{"public.ecr.aws"},
	},
	"workflowService": {Title: "github or gitlab", Enum: []any{"github", "gitlab"}, Examples: []any{"github"}},
	"workflowRunner":  {Title: "dagger or host", Enum: []any{"dagger", "host"}, Examples: []any{"dagger"}},
	"daggerModule": {
		Title:    "a Dagger module at a version",
		Pattern:  `^[A-Za-z0-9][A-Za-z0-9.-]*(/[A-Za-z0-9._-]+)+@[A-Za-z0-9._-]+$`,
		Examples: []any{"github.com/example/lockstep@v1.0.0"},
	},
	"archiveURL": {
		Title:    "the https address of an archive",
		Pattern:  `^https://[A-Za-z0-9.-]+(:[0-9]+)?/[A-Za-z0-9._~/%+-]+$`,
		Examples: []any{"https://example.com/lockstep_1.0.0_linux_amd64.tar.gz"},
	},
	"sha256": {
		Title:    "a SHA-256 in hexadecimal",
		Pattern:  `^[0-9a-f]{64}$`,
		Examples: []any{strings.Repeat("0", 64)},
	},
	"pinnedImage": {
		Title:    "an image by digest",
		Pattern:  `^[a-z0-9][A-Za-z0-9.:/_-]*@sha256:[0-9a-f]{64}$`,
		Examples: []any{"example.com/jobs:1@sha256:" + strings.Repeat("0", 64)},
	},
	"identityProviderARN": {
		Title:    "the ARN of an OpenID Connect provider",
		Pattern:  `^arn:aws[a-z-]*:iam::[0-9]{12}:oidc-provider/[A-Za-z0-9./_-]+$`,
		Examples: []any{"arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"},
	},
	"machineLabel": {
		Title:    "the label of a machine",
		Pattern:  `^[A-Za-z0-9][A-Za-z0-9_.-]*$`,
		Examples: []any{"ubuntu-24.04"},
	},
	"repository": {
		Title:    "a repository as OWNER/NAME",
		Pattern:  `^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)+$`,
		Examples: []any{"example/platform"},
	},
	"schedule": {
		Title:    "a rate or cron expression of EventBridge, or never",
		Pattern:  `^(never|rate\((1 (minute|hour|day)|([2-9]|[1-9][0-9]+) (minutes|hours|days))\)|cron\([^()]+\))$`,
		Examples: []any{"cron(0 5 ? * MON-FRI *)"},
	},
	"securityGroupID": {
		Title:    "the id of a security group",
		Pattern:  `^sg-[0-9a-f]{8,17}$`,
		Examples: []any{"sg-0123456789abcdef0"},
	},
	"signingKey": {
		Title:    "the ARN or the alias of a KMS key",
		Pattern:  `^(arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:(key|alias)/[a-zA-Z0-9/_-]+|alias/[a-zA-Z0-9/_-]+)$`,
		Examples: []any{"alias/lockstep-releases"},
	},
	"slackChannel": {
		Title:    "the id of a Slack channel",
		Pattern:  `^[A-Za-z0-9]{1,255}$`,
		Examples: []any{"C0123456789"},
	},
	"slackWorkspace": {
		Title:    "the id of a Slack workspace",
		Pattern:  `^[0-9A-Z]{1,255}$`,
		Examples: []any{"T0123456789"},
	},
	"subnetID": {
		Title:    "the id of a subnet",
		Pattern:  `^subnet-[0-9a-f]{8,17}$`,
		Examples: []any{"subnet-0123456789abcdef0"},
	},
	"subnetReference": {
		Title:    "the id of a subnet or ssm:/NAME",
		Pattern:  `^(subnet-[0-9a-f]{8,17}|ssm:/[A-Za-z0-9_./-]+)$`,
		Examples: []any{"ssm:/network/subnet-a"},
	},
	// All services and IAM read the star, and no other special letter, in the same way.
	"tagPattern": {
		Title:     "a pattern of git tags: letters, digits, * and . _ / @ # -",
		Pattern:   `^[A-Za-z0-9_*][A-Za-z0-9._/@#*-]*$`,
		MaxLength: new(uint64(255)),
		Examples:  []any{"v*"},
	},
	"trailDays": {Title: "a number of days from 365 on", Minimum: "365", Maximum: "36500"},
	"vpcID": {
		Title:    "the id of a VPC",
		Pattern:  `^vpc-[0-9a-f]{8,17}$`,
		Examples: []any{"vpc-0123456789abcdef0"},
	},
	"vpcReference": {
		Title:    "the id of a VPC or ssm:/NAME",
		Pattern:  `^(vpc-[0-9a-f]{8,17}|ssm:/[A-Za-z0-9_./-]+)$`,
		Examples: []any{"ssm:/network/vpc"},
	},
}
