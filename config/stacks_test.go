package config

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestPlaces_OwnFirst(t *testing.T) {
	c, err := Load(configFS(map[string]string{"environments/dev.yaml": environmentYAML("111122223333",
		"places:\n  - {account: \"111122223333\", region: us-east-1}\n  - {account: \"555566667777\", region: eu-west-1}\n"+
			"stacks:\n  include: [{stage: Dev}, {name: \"Web*\", tag: team=web}]\n  exclude: [{name: Pipeline}]\n"+
			"  parameters: {Web: {Size: \"2\"}}\n")}))
	require.NoError(t, err)
	dev := c.Environments[0]
	assert.Equal(t, []Account{
		{"111122223333", "eu-west-1"}, {"111122223333", "us-east-1"}, {"555566667777", "eu-west-1"},
	}, dev.Places())
	assert.Equal(t, Stacks{
		Include:    []StackSelector{{Stage: "Dev"}, {Name: "Web*", Tag: "team=web"}},
		Exclude:    []StackSelector{{Name: "Pipeline"}},
		Parameters: map[string]map[string]string{"Web": {"Size": "2"}},
	}, dev.Stacks)
	all := dev.AllPlaces()
	require.Len(t, all, 3)
	assert.Equal(t, []Account{{"555566667777", "eu-west-1"}}, all[2].Places())
	assert.Len(t, dev.Accounts(), 1, "places are one deployment")
}

func TestRules_RejectInvalidPlacesAndStacks(t *testing.T) {
	place := func(account, region string) string {
		return "places: [{account: \"" + account + "\", region: " + region + "}]\n"
	}
	for _, test := range []struct{ name, yaml, want string }{
		{
			"the environment's own", place("111122223333", "eu-west-1"),
			"dev.yaml:5:20: LS-206: account 111122223333 in eu-west-1 is named twice; name it once, or another region",
		},
		{
			"the tooling account", place("123456789012", "eu-west-1"),
			"account 123456789012 is the tooling account; name another account",
		},
		{
			"an account of another environment", place("777788889999", "us-east-1"),
			"account 777788889999 is that of prod; give each environment accounts of its own",
		},
		{
			"another partition", place("555566667777", "us-gov-west-1"),
			"us-gov-west-1 and eu-west-1 are in different partitions of AWS",
		},
		{
			"with waves", place("111122223333", "us-east-1") +
				"waves: [{accounts: [{account: \"555566667777\", region: eu-west-1}]}]\n",
			"an environment with waves has no places: each account of a wave gets all stacks; remove one of the two",
		},
		{"a selector of nothing", "stacks: {include: [{}]}\n", "this selector names nothing; write name, stage or tag"},
		{"an exclusion of nothing", "stacks: {exclude: [{}]}\n", "this selector names nothing; write name, stage or tag"},
		{
			"a pattern that excludes none", "stacks: {exclude: [{stage: \"a[\"}]}\n",
			"dev.yaml:5:28: LS-206: \"a[\" is not a pattern",
		},
		{"a pattern that is none", "stacks: {include: [{name: \"a[\"}]}\n", "\"a[\" is not a pattern; close its brackets"},
		{
			"a secret", "stacks: {parameters: {Web: {Key: \"" + "AKIA" + "ABCDEFGHIJKLMNOP\"}}}\n",
			"parameter Key of stack Web looks like a secret; put it into Secrets Manager",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := Load(configFS(map[string]string{
				"environments/dev.yaml":  environmentYAML("111122223333", test.yaml),
				"environments/prod.yaml": environmentYAML("777788889999", "after: dev\n"),
			}))
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestAccounts_SharedByEnvironmentsThatSelect(t *testing.T) {
	load := func(dev, test string) error {
		_, err := Load(configFS(map[string]string{
			"environments/dev.yaml":       environmentYAML("111122223333", dev),
			"environments/test-eu-1.yaml": environmentYAML("111122223333", test),
		}))
		return err
	}
	const dev, test = "stacks: {include: [{stage: Dev}]}\n", "stacks: {include: [{stage: Test}]}\n"
	require.NoError(t, load(dev, test))
	require.NoError(t, load(dev, "stacks: {exclude: [{stage: Dev}]}\n"))
	require.ErrorContains(t, load(dev, ""), "account 111122223333 is in use at config/environments/dev.yaml:1")
	require.ErrorContains(t, load("", test), "or let each select its stacks with stacks.include")
}

func TestEnvironmentName_UpTo32WithHyphens(t *testing.T) {
	for name, isValid := range map[string]bool{
		"acceptance-of-everything-eu-west": true, "test-eu": true, "d1": true,
		"acceptance-of-everything-eu-west1": false, "test--eu": false, "test-": false, "-test": false, "1dev": false,
		"Dev": false, "dev_eu": false,
	} {
		_, err := Load(configFS(map[string]string{"environments/" + name + ".yaml": environmentYAML("555566667777", "")}))
		if isValid {
			assert.NoError(t, err, name)
		} else {
			assert.ErrorContains(t, err, "use up to 32 lower-case letters, digits and single hyphens", name)
		}
	}
}

// An account and region has one stack of the CDK's bootstrap, so two environments there agree on it.
func TestBootstrap_OneInAnAccountAndRegion(t *testing.T) {
	const ours, others = "bootstrap: {bucket: ours}\n", "bootstrap: {deployRole: theirs}\n"
	load := func(dev, test string) error {
		_, err := Load(configFS(map[string]string{
			"environments/dev.yaml":     environmentYAML("111122223333", "stacks: {include: [{stage: Dev}]}\n"+dev),
			"environments/test-eu.yaml": environmentYAML("111122223333", "stacks: {include: [{stage: Test}]}\n"+test),
		}))
		return err
	}
	const inPlace = "places: [{account: \"111122223333\", region: us-east-1}]\n"
	for _, test := range []struct{ name, dev, test, want string }{
		{"the CDK's names in both", "", "", ""},
		{"the same names in both", ours, ours, ""},
		{"the pipeline's qualifier, written out", "", "bootstrap: {qualifier: hnb659fds}\n", ""},
		{
			"names in one", ours, "",
			"test-eu.yaml:1:1: LS-206: account 111122223333 has another bootstrap in eu-west-1 at " +
				"config/environments/dev.yaml:6; ",
		},
		{"other names", ours, others, "write the same `bootstrap` in both files, or take another account or region"},
		{"other qualifiers", "", "bootstrap: {qualifier: own}\n", "has another bootstrap in eu-west-1"},
		{"a place of one is a place of the other", inPlace + ours, inPlace + others, "has another bootstrap in"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := load(test.dev, test.test)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}
