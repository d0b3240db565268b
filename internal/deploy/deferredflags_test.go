package deploy

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/change"
)

// opensToAll imports from the stack base, and lets traffic through from everywhere.
const opensToAll = `{"Resources":{
	"Topic":{"Type":"AWS::SNS::Topic","Properties":{"DisplayName":{"Fn::ImportValue":"base:Name"}}},
	"Group":{"Type":"AWS::EC2::SecurityGroup","Properties":{"GroupDescription":"g",
		"SecurityGroupIngress":[{"IpProtocol":"tcp","FromPort":443,"ToPort":443,"CidrIp":"0.0.0.0/0"}]}}}}`

func TestDeferred_FlagsAreKnownBeforeTheFirstWrite(t *testing.T) {
	c := newCloud(t)
	asm := assemble(t, needs{"base": nil, "web": {"base"}}, map[string]string{
		"base": exportingTemplate("base"), "web": opensToAll,
	})
	plan, err := c.open(asm).Plan(t.Context())
	require.NoError(t, err)
	require.Equal(t, change.Deferred, plan.Record().Stacks[1].Outcome)
	require.Len(t, plan.Flags(), 1, "the plan shows it")
	assert.Equal(t, "Group", plan.Flags()[0].LogicalID)
	require.NoError(t, plan.Discard(t.Context()))

	_, err = c.deploy(asm, DeployRequest{}, asLive)
	requireRefused(t, err)
	assert.NotEqual(t, "CREATE_COMPLETE", c.stack("base").Status, "nothing was written")

	_, err = c.deploy(asm, DeployRequest{Allow: []change.Permit{"permissions"}})
	require.NoError(t, err)
	assert.Equal(t, "CREATE_COMPLETE", c.stack("web").Status)
}
