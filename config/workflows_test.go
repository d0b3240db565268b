package config

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// workflowsYAML returns a configuration whose workflows have that setting too.
func workflowsYAML(setting string) map[string]string {
	return map[string]string{
		"pipeline.yaml": "project: orders\ntooling: {account: \"123456789012\", region: eu-west-1}\n" +
			"workflows:\n  service: github\n  " + setting + "\n",
	}
}

// What is written into scripts, conditions of a service and policies of IAM means the same in all of them.
func TestWorkflows_RefuseWhatAServiceWouldReadAsMore(t *testing.T) {
	const repository = "repository: example/shop\n  "
	for _, test := range []struct{ setting, want string }{
		{repository + `branch: 'main"; curl x'`, "workflows.branch"},
		{repository + `branch: 'main" || $CI_COMMIT_BRANCH != "'`, "workflows.branch"},
		{repository + `branch: '${aws:username}'`, "workflows.branch"},
		{repository + "branch: '*'", "workflows.branch"},
		{repository + "branch: 'release/+'", "workflows.branch"},
		{repository + "branch: '!main'", "workflows.branch"},
		{repository + "branch: --output=x", "workflows.branch"},
		{repository + `branch: "main\n- other"`, "workflows.branch"},
		{repository + "tags: 'v[0-9]'", "workflows.tags"},
		{repository + "tags: 'v?'", "workflows.tags"},
		{repository + "tags: 'v*${{ github.actor }}'", "workflows.tags"},
		{repository + "host: git.example.com/x", "workflows.host"},
		{"repository: example/shop:ref", "workflows.repository"},
		{"repository: example/group/shop", "example/group/shop is no repository of GitHub"},
	} {
		t.Run(test.setting, func(t *testing.T) {
			_, err := Load(configFS(workflowsYAML(test.setting)))
			assert.ErrorContains(t, err, test.want)
		})
	}
	gov := strings.ReplaceAll(workflowsYAML(repository)["pipeline.yaml"], "eu-west-1", "us-gov-west-1")
	_, err := Load(configFS(map[string]string{"pipeline.yaml": gov}))
	require.ErrorContains(t, err, "the commercial partition of AWS only")

	c, err := Load(configFS(workflowsYAML(repository + "branch: release/1.0_x@y#1\n  tags: 'app-v*.*'")))
	require.NoError(t, err)
	assert.Equal(t, "release/1.0_x@y#1", c.Pipeline.Workflows.Branch)
}

func TestWorkflows_APIIsThatOfTheConfiguredHost(t *testing.T) {
	for want, w := range map[string]Workflows{
		"https://api.github.com":            {Service: GitHub},
		"https://git.example.com/api/v3":    {Service: GitHub, Host: "git.example.com"},
		"https://gitlab.com/api/v4":         {Service: GitLab},
		"https://gitlab.example.com/api/v4": {Service: GitLab, Host: "gitlab.example.com"},
	} {
		assert.Equal(t, want, w.API())
	}
}
