package config

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	networkYAML  = "network: {availabilityZones: [eu-west-1a, eu-west-1b], cidr: 10.0.0.0/16}\n"
	databaseYAML = "plugins: {database: {minACU: 0.5, maxACU: 2}}\n"
	sourceYAML   = "source:\n  repository: example/platform\n  connection: " +
		"arn:aws:codeconnections:eu-west-1:123456789012:connection/11111111-2222-3333-4444-555555555555\nowners: " +
		"[platform@example.com]\napp: {synthesis: once}\n"
)

// numbered returns n parameters as YAML.
func numbered(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "  p%d: v\n", i)
	}
	return b.String()
}

func TestD1_RulesRejectInvalidInfrastructure(t *testing.T) {
	dev := func(more string) map[string]string {
		return map[string]string{"environments/dev.yaml": environmentYAML("111122223333", more)}
	}
	prod := func(more string) map[string]string {
		return map[string]string{"environments/prod.yaml": environmentYAML("777788889999", protectionYAML+more)}
	}
	assertLoadRefuses(t, []invalidConfig{
		{
			"a zone of another region", dev("network: {availabilityZones: [eu-west-1a, us-east-1a], cidr: 10.0.0.0/16}\n"),
			"config/environments/dev.yaml:5:43: LS-206: zone us-east-1a is not in eu-west-1; write zones of the environment's " +
				"region, such as eu-west-1a",
		},
		{
			"more parameters than a stack has resources", dev("parameters:\n" + numbered(499)),
			"config/environments/dev.yaml:6:3: LS-206: there are 499 parameters; CloudFormation takes 498 in a stack: join " +
				"some of them, or publish them in a stack of your own",
		},
		{
			"one zone", dev("network: {availabilityZones: [eu-west-1a], cidr: 10.0.0.0/16}\n"),
			"config/environments/dev.yaml:5:30: LS-204: network.availabilityZones has 1 of at least 2; write an availability " +
				"zone",
		},
		{
			"a network without a range or VPC", dev("network: {availabilityZones: [eu-west-1a, eu-west-1b]}\n"),
			"config/environments/dev.yaml:5:10: LS-206: network has neither a range of addresses nor a VPC; add cidr for a " +
				"new network, or vpc and subnets for an existing one",
		},
		{
			"a network that is both new and existing", dev("network: {availabilityZones: [eu-west-1a, eu-west-1b], cidr: " +
				"10.0.0.0/16, vpc: vpc-0123abcd}\n"),
			"config/environments/dev.yaml:5:62: LS-206: network is both new and existing; write cidr alone, or vpc and subnets",
		},
		{
			"too few subnets", dev("network: {availabilityZones: [eu-west-1a, eu-west-1b, eu-west-1c], vpc: vpc-0123abcd, " +
				"subnets: [subnet-0123abcd, ssm:/net/b]}\n"),
			"config/environments/dev.yaml:5:96: LS-206: network has 3 zones and 2 subnets; name one subnet for each zone, in " +
				"the zones' order",
		},
		{
			"a range that does not begin at its first address", dev("network: {availabilityZones: [eu-west-1a, eu-west-1b], " +
				"cidr: 10.0.1.0/16}\n"),
			"config/environments/dev.yaml:5:62: LS-204: 10.0.1.0 is not the first address of 10.0.0.0/16; write 10.0.0.0/16",
		},
		{
			"a range that is not private", dev("network: {availabilityZones: [eu-west-1a, eu-west-1b], cidr: 8.8.0.0/16}\n"),
			"config/environments/dev.yaml:5:62: LS-204: 8.8.0.0/16 is not a private range; write one from 10.0.0.0/8, " +
				"172.16.0.0/12 or 192.168.0.0/16",
		},
		{
			"an invalid range", dev("network: {availabilityZones: [eu-west-1a, eu-west-1b], cidr: 10.999.0.0/16}\n"),
			"config/environments/dev.yaml:5:62: LS-204: \"10.999.0.0/16\" is not a range of addresses; write one such as " +
				"10.20.0.0/16",
		},
		{
			"a database without a network", dev(databaseYAML),
			"config/environments/dev.yaml:5:21: LS-206: a database needs a network; add network with availabilityZones and cidr",
		},
		{
			"a minimum above the maximum", dev(networkYAML + "plugins: {database: {minACU: 4, maxACU: 2}}\n"),
			"config/environments/dev.yaml:6:30: LS-206: minACU, 4, is more than maxACU, 2; let minACU be the smaller",
		},
		{
			"a capacity between the steps", dev(networkYAML + "plugins: {database: {minACU: 0.7, maxACU: 2}}\n"),
			"config/environments/dev.yaml:6:30: LS-204: plugins.database.minACU is 0.7, between the steps of 0.5; write a " +
				"capacity from 0 to 256 in steps of 0.5, such as \"0.5\"",
		},
		{
			"a capacity that is missing", dev(networkYAML + "plugins: {database: {minACU: 1}}\n"),
			"config/environments/dev.yaml:6:21: LS-205: plugins.database.maxACU is missing; add it: a capacity from 1 to 256 " +
				"in steps of 0.5, such as \"4\"",
		},
		{
			"an unprotected production database", prod(networkYAML +
				"plugins: {database: {minACU: 1, maxACU: 2, backupDays: 3}}\n"),
			"config/environments/prod.yaml:8:21: LS-206: prod is protected, but its database is not; add deletionProtection: " +
				"true\n" +
				"config/environments/prod.yaml:8:56: LS-206: prod keeps backups for 3 days; a protected environment keeps them " +
				"for at least 7",
		},
		{
			"an unprotected production",
			map[string]string{"environments/prod.yaml": environmentYAML("777788889999", "")},
			"config/environments/prod.yaml:1:1: LS-206: prod has no termination protection; add terminationProtection: true\n" +
				"config/environments/prod.yaml:1:1: LS-206: prod is protected, but its releases need no approval; add approval: " +
				"true",
		},
		{
			"a protected environment of any name without approval", dev("terminationProtection: true\n"),
			"config/environments/dev.yaml:1:1: LS-206: dev is protected, but its releases need no approval; add approval: true",
		},
		{
			"a budget that nobody is notified of", dev("budget: {monthly: 100}\n"),
			"config/environments/dev.yaml:4:3: LS-206: there is a budget, but nobody in finance is notified of it; add " +
				"notifications.finance with an email address",
		},
		{
			"a warning after the critical point",
			map[string]string{"environments/dev.yaml": "account: \"111122223333\"\nregion: eu-west-1\nnotifications: " +
				"{owners: [a@example.com], finance: [b@example.com]}\nbudget: {monthly: 100, warningPercent: 99}\n"},
			"config/environments/dev.yaml:4:9: LS-206: the budget warns at 99 % and is critical at 95 %; let warningPercent " +
				"be the smaller",
		},
		{
			"an unknown plugin", dev("plugins: {storrage: {}}\n"),
			"config/environments/dev.yaml:5:11: LS-203: unknown key \"storrage\"; did you mean \"storage\"?",
		},
		{
			"an unknown option of a plugin", dev("plugins: {storage: {archiveAfterDay: 3}}\n"),
			"config/environments/dev.yaml:5:21: LS-203: unknown key \"archiveAfterDay\"; did you mean \"archiveAfterDays\"?",
		},
		{
			"versions deleted before they are archived", dev("plugins: {storage: {noncurrentExpireAfterDays: 10}}\n"),
			"config/environments/dev.yaml:5:48: LS-206: replaced versions are deleted after 10 days, before objects are " +
				"archived after 30; let noncurrentExpireAfterDays be the larger",
		},
		{
			"an audit trail with a short retention", dev("governance: {trailDays: 90}\n"),
			"config/environments/dev.yaml:5:25: LS-204: governance.trailDays is 90, less than 365; write a number of days " +
				"from 365 on",
		},
		{
			"an invalid log retention", dev("logDays: 91\n"),
			"config/environments/dev.yaml:5:10: LS-204: logDays is 91; write a number of days that CloudWatch takes, such as " +
				"\"90\"",
		},
		{
			"a connection of another account",
			map[string]string{"pipeline.yaml": pipelineYAML + strings.Replace(sourceYAML, "123456789012", "210987654321", 1)},
			"config/pipeline.yaml:7:15: LS-206: the connection is in account 210987654321, eu-west-1; make one in the tooling " +
				"account, 123456789012, eu-west-1",
		},
		{
			"a pipeline without owners",
			map[string]string{
				"pipeline.yaml": pipelineYAML + strings.Replace(sourceYAML, "owners: [platform@example.com]\n", "", 1),
			},
			"config/pipeline.yaml:6:3: LS-206: there is a pipeline, but nobody is notified of its failures; add owners with " +
				"an email address",
		},
		{
			"an environment with a reserved name",
			map[string]string{"environments/tooling.yaml": environmentYAML("444455556666", "")},
			"config/environments/tooling.yaml: LS-202: names the account that owns the pipeline; choose another name",
		},
		{
			"an environment with the name of a stage",
			map[string]string{"environments/synth.yaml": environmentYAML("444455556666", "")},
			"config/environments/synth.yaml: LS-202: names a stage of every pipeline; choose another name",
		},
		{
			"an environment with the name of another's plan",
			map[string]string{"environments/plan-dev.yaml": environmentYAML("444455556666", "")},
			"config/environments/plan-dev.yaml: LS-202: has the name that jobs of dev have in a pipeline; choose another name",
		},
		{
			"an environment with a name that GitLab's jobs cannot have",
			map[string]string{
				"pipeline.yaml": pipelineYAML + "workflows: {service: gitlab, repository: example/shop, image: " +
					"'example.com/jobs@sha256:" + strings.Repeat("0", 64) + "'}\n",
				"environments/cache.yaml": environmentYAML("444455556666", ""),
			},
			"config/environments/cache.yaml: LS-202: cache is a keyword of GitLab CI, and no job can have that name; " +
				"choose another name",
		},
	})
}

func TestPluginOptions_DefaultsComeFromSchema(t *testing.T) {
	c, err := Load(configFS(map[string]string{"environments/dev.yaml": environmentYAML("111122223333",
		networkYAML+databaseYAML)}))
	require.NoError(t, err)
	db, wanted, err := PluginOptions[Database](c.Environments[0].Plugins, "database")
	require.NoError(t, err)
	assert.True(t, wanted)
	assert.Equal(t, Database{
		Name: "platform", Version: "17.7", MinACU: 0.5, MaxACU: 2, BackupDays: 7, Insights: "standard",
		Alarms: DatabaseAlarms{ACUPercent: 90, CPUPercent: 80, Connections: 200},
	}, db)
	_, wanted, err = PluginOptions[Storage](c.Environments[0].Plugins, "storage")
	require.NoError(t, err)
	assert.False(t, wanted)
}

func TestSelect_ToolingIsNotAnEnvironment(t *testing.T) {
	c, err := Load(configFS(map[string]string{"pipeline.yaml": pipelineYAML + sourceYAML}))
	require.NoError(t, err)
	assert.NotContains(t, c.Names(), ToolingEnvironment)
	chosen, err := c.Select(ToolingEnvironment)
	require.NoError(t, err)
	require.Len(t, chosen, 1)
	assert.Equal(t, "123456789012", chosen[0].ID)
	all, err := c.Select(AllEnvironments)
	require.NoError(t, err)
	assert.Len(t, all, 2)

	c, err = Load(configFS(nil))
	require.NoError(t, err)
	_, err = c.Select(ToolingEnvironment)
	require.ErrorContains(t, err, `there is no environment "tooling": config/pipeline.yaml has neither source nor`)

	// An app that runs for each account alone has no stacks for the tooling account.
	foreign := pipelineYAML + "app: {command: npx tsx app.ts}\nworkflows: {service: github, repository: example/shop}\n"
	c, err = Load(configFS(map[string]string{"pipeline.yaml": foreign}))
	require.NoError(t, err)
	assert.Len(t, c.Targets(), 2)
	_, err = c.Select(ToolingEnvironment)
	assert.ErrorContains(t, err, "deploy them from a clone of Lockstep that has this configuration")
}
