package awsclient

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/stretchr/testify/assert"
)

func TestRole_EveryOptionReachesAssumeRole(t *testing.T) {
	role := Role{
		ARN: "r", ExternalID: "id", Tags: []Tag{{"team", "a"}}, SourceIdentity: "ci", Policy: "{}",
		PolicyARNs: []string{"arn:aws:iam::aws:policy/ReadOnlyAccess"},
	}
	var o stscreds.AssumeRoleOptions
	role.options("run")(&o)
	assert.Equal(t, "arn:aws:iam::aws:policy/ReadOnlyAccess", *o.PolicyARNs[0].Arn)
	assert.Equal(t, []string{"id", "ci", "{}"}, []string{*o.ExternalID, *o.SourceIdentity, *o.Policy})
	assert.Equal(t, []string{"team"}, o.TransitiveTagKeys)
	assert.NotEqual(t, Role{ARN: "r"}.Key(), Role{ARN: "r", PolicyARNs: role.PolicyARNs}.Key())
}
