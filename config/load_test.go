package config

import (
	"os"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
)

const pipelineYAML = "project: lockstep\ntooling:\n  account: \"123456789012\"\n  region: eu-west-1\n"

// protectionYAML is what an environment called prod has to set.
const protectionYAML = "terminationProtection: true\napproval: true\n"

func environmentYAML(account, more string) string {
	return "account: \"" + account + "\"\nregion: eu-west-1\nnotifications:\n  owners: [platform@example.com]\n" + more
}

// configFS returns a valid configuration with some files added or replaced.
func configFS(over map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{
		"pipeline.yaml":          {Data: []byte(pipelineYAML)},
		"environments/dev.yaml":  {Data: []byte(environmentYAML("111122223333", ""))},
		"environments/prod.yaml": {Data: []byte(environmentYAML("777788889999", "after: dev\n"+protectionYAML))},
	}
	for name, text := range over {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

// The one test that reads the product's own configuration, which may have any environments.
func TestLoad_RepositoryConfigurationIsValid(t *testing.T) {
	c, err := Load(os.DirFS("."))
	require.NoError(t, err)
	assert.NotEmpty(t, c.Names())
	_, err = LoadWaivers(os.DirFS("."))
	require.NoError(t, err)
}

func TestLoad_FixturesAreValid(t *testing.T) {
	for dir, want := range map[string][]string{"platform": {"dev", "acc", "prod"}, "small": {"dev"}} {
		c, err := Load(os.DirFS("testdata/" + dir))
		require.NoError(t, err)
		assert.Equal(t, want, c.Names())
	}
}

func TestLoad_FillsDefaultsInPromotionOrder(t *testing.T) {
	c, err := Load(configFS(map[string]string{
		"environments/acc.yaml":  environmentYAML("444455556666", "after: dev\n"),
		"environments/prod.yaml": environmentYAML("777788889999", "after: acc\n"+protectionYAML),
	}))
	require.NoError(t, err)
	assert.Equal(t, []string{"dev", "acc", "prod"}, c.Names())
	assert.Equal(t, "hnb659fds", c.Pipeline.Bootstrap.Qualifier)
	assert.Equal(t, 90, c.Environments[0].LogDays)
	assert.Equal(t, Governance{
		TrailDays: 365, AnomalyDollars: 100,
		Alarms: SecurityAlarms{DeniedCalls: 10, FailedSignIns: 3},
	}, c.Environments[0].Governance)
	assert.Empty(t, c.Environments[0].Plugins)
	assert.Nil(t, c.Environments[0].Budget, "what is left out whole has no defaults")
}

// An invalidConfig is a configuration that is valid but for some files, and the error of Load.
type invalidConfig struct {
	name string
	over map[string]string
	want string
}

func assertLoadRefuses(t *testing.T, configs []invalidConfig) {
	t.Helper()
	printed := faulttest.Printed(t)
	for _, test := range configs {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load(configFS(test.over))
			var problems ValidationErrors
			require.ErrorAs(t, printed.Error(err), &problems)
			assert.Equal(t, test.want, err.Error())
		})
	}
}

func TestLoad_ProblemsHavePositionAndHint(t *testing.T) {
	assertLoadRefuses(t, []invalidConfig{
		{
			"an unquoted account id",
			map[string]string{"environments/dev.yaml": "account: 111122223333\nregion: eu-west-1\nnotifications: {owners: " +
				"[a@example.com]}\n"},
			`config/environments/dev.yaml:1:10: LS-204: account is a number, not text; write "111122223333" in quotes`,
		},
		{
			"an unknown key",
			map[string]string{"environments/dev.yaml": environmentYAML("111122223333", "aprovals: true\n")},
			`config/environments/dev.yaml:5:1: LS-203: unknown key "aprovals"; did you mean "approval"?`,
		},
		{
			"an account used twice",
			map[string]string{"environments/prod.yaml": environmentYAML("111122223333", protectionYAML)},
			`config/environments/prod.yaml:1:10: LS-206: account 111122223333 is in use at config/environments/dev.yaml:1; ` +
				`give each environment an account of its own, or let each select its stacks with stacks.include`,
		},
		{
			"a wrong type",
			map[string]string{"environments/dev.yaml": environmentYAML("111122223333", "approval: \"yes\"\n")},
			`config/environments/dev.yaml:5:11: LS-204: approval is text; write true, false or {by: other}`,
		},
		{
			"a cycle",
			map[string]string{"environments/dev.yaml": environmentYAML("111122223333", "after: prod\n")},
			"config/environments/dev.yaml:5:8: LS-206: environments are promoted in a cycle: dev -> prod -> dev; let one of " +
				"them have no `after`",
		},
		{
			"an unknown predecessor",
			map[string]string{"environments/prod.yaml": environmentYAML("777788889999", "after: dve\n"+protectionYAML)},
			`config/environments/prod.yaml:5:8: LS-206: there is no environment "dve"; did you mean "dev"?`,
		},
		{
			"a secret, without showing it",
			map[string]string{"environments/dev.yaml": environmentYAML("111122223333",
				"parameters:\n  key: AKIA"+"IOSFODNN7EXAMPLE\n")},
			`config/environments/dev.yaml:6:8: LS-207: parameter key looks like a secret; ` +
				`put it into Secrets Manager and its ARN here; replace it if it was real`,
		},
		{
			"an empty file",
			map[string]string{"environments/dev.yaml": "# nothing\n"},
			"config/environments/dev.yaml:1:1: LS-201: is empty; see the other files, or `lockstep config schema`",
		},
		{
			"a duplicate account in a file with another mistake",
			map[string]string{"environments/prod.yaml": "account: \"111122223333\"\nregion: 5\nnope: 1\nnotifications: " +
				"{owners: [a@example.com, b]}\n" + protectionYAML},
			"config/environments/prod.yaml:1:10: LS-206: account 111122223333 is in use at config/environments/dev.yaml:1; " +
				"give each environment an account of its own, or let each select its stacks with stacks.include\n" +
				"config/environments/prod.yaml:2:9: LS-204: region is a number, not text; write \"5\" in quotes\n" +
				"config/environments/prod.yaml:3:1: LS-203: unknown key \"nope\"; the keys here are account, after, allow, " +
				"approval, bootstrap, " +
				"budget, completePlans, context, gates, governance, imports, logDays, network, notifications, parameters, " +
				"places, plugins, region, signedFrom, stacks, tags, terminationProtection, waves\n" +
				"config/environments/prod.yaml:4:41: LS-204: notifications.owners.1: \"b\" is not an email address; write an " +
				"email address, such as \"platform@example.com\"",
		},
		{
			"a wrong number, and nothing that follows from its default",
			map[string]string{"environments/dev.yaml": environmentYAML("111122223333",
				"plugins: {storage: {archiveAfterDays: \"10\", noncurrentExpireAfterDays: 20}}\n")},
			`config/environments/dev.yaml:5:39: LS-204: plugins.storage.archiveAfterDays is text; write 10 without quotes`,
		},
		{
			"errors in two files at once",
			map[string]string{
				"environments/dev.yaml":  environmentYAML("1", ""),
				"environments/prod.yaml": environmentYAML("777788889999", "nope: 1\n"+protectionYAML),
			},
			"config/environments/dev.yaml:1:10: LS-204: account: \"1\" is not an account id of twelve digits; write an " +
				"account id of twelve digits, such as \"111122223333\"\n" +
				`config/environments/prod.yaml:5:1: LS-203: unknown key "nope"; ` +
				`the keys here are account, after, allow, approval, bootstrap, budget, completePlans, context, gates, ` +
				`governance, imports, logDays, network, ` +
				`notifications, parameters, places, plugins, region, signedFrom, stacks, tags, terminationProtection, waves`,
		},
	})
}

func TestSelect_UnknownEnvironmentSuggestsClosest(t *testing.T) {
	printed := faulttest.Printed(t)
	c, err := Load(configFS(nil))
	require.NoError(t, err)
	_, err = c.Select("prd")
	printed.Error(err)
	assert.EqualError(t, err, `there is no environment "prd"; config/environments has dev, prod: did you mean prod?`)
	all, err := c.Select("all")
	require.NoError(t, err)
	assert.Len(t, all, 2)
}

func FuzzLoad(f *testing.F) {
	for _, seed := range []string{
		environmentYAML("111122223333", ""), "a: &x 1\nb: *x\n", "- 1\n", "a:\n\tb: 1\n",
		"\xff", "---\na: 1\n---\nb: 2\n", "? [a]\n: b\n", "{", "account: !!binary x\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = Load(configFS(map[string]string{"environments/dev.yaml": text}))
	})
}

// EventBridge refuses an invalid expression only when the stack is deployed.
func TestDriftSchedule_MatchesEventBridgeSyntax(t *testing.T) {
	for schedule, isValid := range map[string]bool{
		"rate(1 day)": true, "rate(12 hours)": true, "cron(0 5 ? * MON-FRI *)": true, DriftScheduleNever: true,
		"rate(1 days)": false, "rate(2 day)": false, "rate(0 days)": false, "daily": false, "0 5 * * *": false,
	} {
		c, err := Load(configFS(map[string]string{"pipeline.yaml": pipelineYAML + "driftSchedule: \"" + schedule + "\"\n"}))
		if !isValid {
			assert.ErrorContains(t, err, "config/pipeline.yaml:5:16: LS-204: ", schedule)
			continue
		}
		if assert.NoError(t, err, schedule) {
			assert.Equal(t, schedule, c.Pipeline.DriftSchedule)
		}
	}
	c, err := Load(configFS(nil))
	require.NoError(t, err)
	assert.Equal(t, "rate(1 day)", c.Pipeline.DriftSchedule)
}
