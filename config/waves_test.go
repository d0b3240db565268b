package config

import (
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

func TestWaves_ZonesFollowRegion(t *testing.T) {
	c, err := Load(configFS(map[string]string{"environments/prod.yaml": environmentYAML("777788889999",
		"after: dev\n"+protectionYAML+networkYAML+twoWavesYAML)}))
	require.NoError(t, err)
	prod, _ := c.Environment("prod")
	var got [][]string
	for _, part := range prod.Accounts() {
		got = append(got, part.Network.AvailabilityZones)
	}
	here := []string{"eu-west-1a", "eu-west-1b"}
	assert.Equal(t, [][]string{here, {"us-east-1a", "us-east-1b"}, here, here}, got)
	assert.Equal(t, here, prod.Network.AvailabilityZones, "the environment itself stays as it is")
}

func TestWaves_RejectAccountSpecificIDs(t *testing.T) {
	const given = "network: {availabilityZones: [eu-west-1a, eu-west-1b], vpc: vpc-0123abcd, subnets: [ssm:/net/a, " +
		"subnet-0123abcd]}\n" +
		"imports:\n  key: arn:aws:kms:eu-west-1:777788889999:key/abc\n  hostedZone: {id: Z0123, name: example.com}\n"
	_, err := Load(configFS(map[string]string{"environments/prod.yaml": environmentYAML("777788889999",
		"after: dev\n"+protectionYAML+given+twoWavesYAML)}))
	for _, want := range []string{
		"vpc-0123abcd is in one account of several",
		"subnet-0123abcd is in one account of several", "arn:aws:kms:eu-west-1:777788889999:key/abc is in one account of " +
			"several", "Z0123 is in one account of several; write ssm: and the name of a parameter",
	} {
		require.ErrorContains(t, err, want)
	}
	require.NotContains(t, err.Error(), "ssm:/net/a is")
	alone := environmentYAML("777788889999", "after: dev\n"+protectionYAML+given)
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
