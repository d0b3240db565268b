package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWaves_SingleAccountIsOneWave(t *testing.T) {
	c, err := Load(configFS(nil))
	require.NoError(t, err)
	waves := c.Environments[0].Waves()
	require.Len(t, waves, 1)
	require.Len(t, waves[0], 1)
	assert.Equal(t, c.Environments[0], waves[0][0].Environment)
	assert.Empty(t, waves[0][0].Folder)
}

const twoWavesYAML = `waves:
  - accounts:
      - {account: "777788889999", region: us-east-1}
      - {account: "888899990000", region: eu-west-1}
  - accounts: [{account: "999900001111", region: eu-west-1}]
`

func TestWaves_OwnAccountFirst(t *testing.T) {
	c, err := Load(configFS(map[string]string{"environments/prod.yaml": environmentYAML("777788889999",
		"after: dev\n"+protectionYAML+twoWavesYAML)}))
	require.NoError(t, err)
	prod, _ := c.Environment("prod")
	var got [][]string
	for _, wave := range prod.Waves() {
		var folders []string
		for _, part := range wave {
			folders = append(folders, part.Folder)
			assert.Equal(t, part.Folder, part.ID+"-"+part.Region)
			assert.Equal(t, "prod", part.Name)
			assert.Empty(t, part.AdditionalWaves, "a part has no parts")
		}
		got = append(got, folders)
	}
	assert.Equal(t, [][]string{
		{"777788889999-eu-west-1"},
		{"777788889999-us-east-1", "888899990000-eu-west-1"},
		{"999900001111-eu-west-1"},
	}, got)
	assert.Len(t, prod.Accounts(), 4)
}

func TestAWS_C11_WavesInOtherRegionsTakeTheirZones(t *testing.T) {
	c, err := Load(configFS(map[string]string{"environments/prod.yaml": environmentYAML("777788889999",
		"after: dev\n"+protectionYAML+networkYAML+twoWavesYAML)}))
	require.NoError(t, err)
	prod, _ := c.Environment("prod")
	var ofRegion []bool
	for _, part := range prod.Accounts() {
		assert.Len(t, part.Network.AvailabilityZones, 2)
		ofRegion = append(ofRegion, part.Network.ZonesOfRegion)
	}
	assert.Equal(t, []bool{false, true, false, false}, ofRegion)
	assert.Equal(t, []string{"eu-west-1a", "eu-west-1b"}, prod.Network.AvailabilityZones,
		"the environment itself stays as it is")
}

func TestAWS_B3_WavesKnowTheFurtherRegionsOfAnAccount(t *testing.T) {
	c, err := Load(configFS(map[string]string{"environments/prod.yaml": environmentYAML("777788889999",
		"after: dev\n"+protectionYAML+twoWavesYAML)}))
	require.NoError(t, err)
	prod, _ := c.Environment("prod")
	var further []bool
	for _, part := range prod.Accounts() {
		further = append(further, part.IsFurtherRegion)
	}
	assert.Equal(t, []bool{false, true, false, false}, further)
}

func TestAWS_C5_EnvironmentsAreInThePartitionOfTheToolingAccount(t *testing.T) {
	const chat = "  chat: {slackWorkspace: T0123456789, slackChannel: C0123456789}\n" // goes on with the notifications
	for name, test := range map[string]struct{ tooling, region, yaml, want string }{
		"another partition": {
			"us-gov-west-1", "", "",
			"eu-west-1 is in another partition of AWS than the tooling account in us-gov-west-1, which can assume no role there",
		},
		"a budget in GovCloud": {
			"us-gov-west-1", "us-gov-west-1", "budget: {monthly: 10}\n", "AWS has no budgets in us-gov-west-1",
		},
		"a chat channel in China": {
			"cn-north-1", "cn-north-1", chat, "AWS sends nothing to chat channels from cn-north-1",
		},
		"a wave in another partition": {
			"eu-west-1", "", "waves: [{accounts: [{account: \"555566667777\", region: cn-north-1}]}]\n",
			"cn-north-1 is in another partition of AWS than the tooling account in eu-west-1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			yaml := environmentYAML("111122223333", test.yaml)
			if test.region != "" {
				yaml = strings.ReplaceAll(yaml, "eu-west-1", test.region)
			}
			_, err := Load(configFS(map[string]string{
				"pipeline.yaml":         strings.ReplaceAll(pipelineYAML, "eu-west-1", test.tooling),
				"environments/dev.yaml": yaml,
			}))
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestWaves_RejectAccountSpecificIDs(t *testing.T) {
	const network = "network: {availabilityZones: [eu-west-1a, eu-west-1b], vpc: vpc-0123abcd, subnets: [ssm:/net/a, " +
		"subnet-0123abcd]}\n" +
		"imports:\n  key: arn:aws:kms:eu-west-1:777788889999:key/abc\n  hostedZone: {id: Z0123, name: example.com}\n"
	_, err := Load(configFS(map[string]string{"environments/prod.yaml": environmentYAML("777788889999",
		"after: dev\n"+protectionYAML+network+twoWavesYAML)}))
	for _, want := range []string{
		"vpc-0123abcd is in one account of several",
		"subnet-0123abcd is in one account of several", "arn:aws:kms:eu-west-1:777788889999:key/abc is in one account of " +
			"several", "Z0123 is in one account of several; write ssm: and the name of a parameter",
	} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "ssm:/net/a is")
	alone := environmentYAML("777788889999", "after: dev\n"+protectionYAML+network)
	_, err = Load(configFS(map[string]string{"environments/prod.yaml": alone}))
	require.NoError(t, err)
}

func TestWaves_RejectSharedAccounts(t *testing.T) {
	wave := func(accounts string) map[string]string {
		return map[string]string{"environments/prod.yaml": environmentYAML("777788889999",
			"after: dev\n"+protectionYAML+"waves:\n  - accounts: "+accounts+"\n")}
	}
	for name, test := range map[string]struct{ accounts, want string }{
		"another environment's account": {
			`[{account: "111122223333", region: eu-west-1}]`,
			"config/environments/prod.yaml:9:26: LS-206: account 111122223333 is that of dev; " +
				"give each environment accounts of its own",
		},
		"the tooling account": {
			`[{account: "123456789012", region: eu-west-1}]`,
			"config/environments/prod.yaml:9:26: LS-206: account 123456789012 is that of the tooling account; give each " +
				"environment accounts of its own",
		},
		"the same account and region": {
			`[{account: "777788889999", region: eu-west-1}]`,
			"config/environments/prod.yaml:9:26: LS-206: account 777788889999 in eu-west-1 is named twice; name it once, or " +
				"another region",
		},
		"no account": {`[]`, "config/environments/prod.yaml:9:15: LS-204: waves.0.accounts"},
		"not an account id": {
			`[{account: "1", region: eu-west-1}]`,
			`config/environments/prod.yaml:9:26: LS-204: waves.0.accounts.0.account: "1" is not an account id of twelve digits`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(configFS(wave(test.accounts)))
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestAllow_RejectsUnknownChangeKind(t *testing.T) {
	_, err := Load(configFS(map[string]string{"environments/dev.yaml": environmentYAML("111122223333",
		"allow: [permissions, everything]\n")}))
	require.ErrorContains(t, err, "config/environments/dev.yaml:5:22: LS-204: allow.1")
	c, err := Load(configFS(map[string]string{"environments/dev.yaml": environmentYAML("111122223333",
		"allow: [permissions]\n")}))
	require.NoError(t, err)
	assert.Equal(t, []string{"permissions"}, c.Environments[0].Allow)
}
