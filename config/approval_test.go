package config

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestApproval_IsTrueFalseOrByOther(t *testing.T) {
	for lines, want := range map[string]Approval{
		"":                        NoApproval,
		"approval: false\n":       NoApproval,
		"approval: true\n":        AnyApproval,
		"approval: {by: other}\n": OtherApproval,
	} {
		c, err := loadDev(lines)
		require.NoError(t, err, lines)
		assert.Equal(t, want, c.Environments[0].Approval, lines)
		data, err := json.Marshal(c.Environments[0])
		require.NoError(t, err)
		var again Environment
		require.NoError(t, json.Unmarshal(data, &again))
		assert.Equal(t, want, again.Approval, "what is written is what is read")
	}
	for lines, want := range map[string]string{
		"approval: {}\n":              "5:11: LS-205: approval.by is missing; add it: the word other",
		"approval: {by: anybody}\n":   "5:16: LS-204: approval.by is anybody; write the word other",
		"approval: {from: someone}\n": `5:12: LS-203: unknown key "from"; the keys here are by`,
	} {
		_, err := loadDev(lines)
		assert.ErrorContains(t, err, "config/environments/dev.yaml:"+want, lines)
	}
}

// A list of policies is joined with commas for CloudFormation, so that one with a comma would be two.
func TestExecutionPolicies_HaveNoCommas(t *testing.T) {
	const policy = "arn:aws:iam::aws:policy/PowerUserAccess"
	for _, test := range []struct {
		policy string
		valid  bool
	}{
		{policy, true},
		{"arn:aws:iam::aws:policy/job-function/Some+Policy=1@x.y_z-1", true},
		{policy + ",arn:aws:iam::aws:policy/AdministratorAccess", false},
		{policy + " ", false},
	} {
		_, err := Load(configFS(map[string]string{"pipeline.yaml": pipelineYAML +
			"bootstrap: {executionPolicies: [\"" + test.policy + "\"]}\n"}))
		assert.Equal(t, test.valid, err == nil, "%s: %v", test.policy, err)
	}
}
