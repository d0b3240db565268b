package stages

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
)

// workflowRoles returns the stack with the roles of a service's jobs.
func workflowRoles(t *testing.T, w config.Workflows) template {
	t.Helper()
	c, err := config.Load(configurationFS)
	require.NoError(t, err)
	w.Repository, w.Branch, w.Tags = "example/platform", "main", "v*"
	c.Pipeline.Source, c.Pipeline.Workflows = nil, &w
	tooling, exists := c.Tooling()
	require.True(t, exists)
	a, err := synthesise(c, tooling, t.TempDir())
	require.NoError(t, err)
	assert.Empty(t, a.findings)
	require.Len(t, a.templates, 1, "there is nothing of CodePipeline")
	return a.templates["workflows"]
}

// Each job that works on accounts has a role, which only that job can assume.
func TestB6_WorkflowRolesTrustTheirJobAlone(t *testing.T) {
	for name, test := range map[string]struct {
		workflows config.Workflows
		audience  string
		subjects  map[string]string
	}{
		"GitHub": {
			config.Workflows{Service: config.GitHub},
			"token.actions.githubusercontent.com:aud=sts.amazonaws.com",
			map[string]string{
				"lockstep-workflow-deploy-dev":  "repo:example/platform:environment:dev refs/heads/main",
				"lockstep-workflow-deploy-acc":  "repo:example/platform:environment:acc refs/heads/main",
				"lockstep-workflow-plan-prod":   "repo:example/platform:environment:plan-prod refs/tags/v*",
				"lockstep-workflow-deploy-prod": "repo:example/platform:environment:prod refs/tags/v*",
				"lockstep-workflow-look-dev":    "repo:example/platform:environment:look-dev refs/heads/main",
				"lockstep-workflow-look-acc":    "repo:example/platform:environment:look-acc refs/heads/main",
				"lockstep-workflow-look-prod":   "repo:example/platform:environment:look-prod refs/heads/main",
			},
		},
		"GitHub on a host of one's own": {
			config.Workflows{Service: config.GitHub, Host: "git.example.com"},
			"git.example.com/_services/token:aud=sts.amazonaws.com",
			map[string]string{
				"lockstep-workflow-deploy-dev":  "repo:example/platform:environment:dev",
				"lockstep-workflow-deploy-acc":  "repo:example/platform:environment:acc",
				"lockstep-workflow-plan-prod":   "repo:example/platform:environment:plan-prod",
				"lockstep-workflow-deploy-prod": "repo:example/platform:environment:prod",
				"lockstep-workflow-look-dev":    "repo:example/platform:environment:look-dev",
				"lockstep-workflow-look-acc":    "repo:example/platform:environment:look-acc",
				"lockstep-workflow-look-prod":   "repo:example/platform:environment:look-prod",
			},
		},
		"GitLab on a host of one's own": {
			config.Workflows{Service: config.GitLab, Host: "git.example.com"},
			"git.example.com:aud=https://git.example.com",
			map[string]string{
				"lockstep-workflow-deploy-dev":  "project_path:example/platform:ref_type:branch:ref:main",
				"lockstep-workflow-deploy-acc":  "project_path:example/platform:ref_type:branch:ref:main",
				"lockstep-workflow-plan-prod":   "project_path:example/platform:ref_type:tag:ref:v*",
				"lockstep-workflow-deploy-prod": "project_path:example/platform:ref_type:tag:ref:v*",
				"lockstep-workflow-look-dev":    "project_path:example/platform:ref_type:branch:ref:main",
				"lockstep-workflow-look-acc":    "project_path:example/platform:ref_type:branch:ref:main",
				"lockstep-workflow-look-prod":   "project_path:example/platform:ref_type:branch:ref:main",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			subjects := map[string]string{}
			for _, role := range workflowRoles(t, test.workflows).resourcesOfType("AWS::IAM::Role") {
				statements := policyStatements(valueAt(role, "Properties"))
				require.Len(t, statements, 1)
				assert.Equal(t, []string{"sts:AssumeRoleWithWebIdentity"}, stringList(statements[0]["Action"]))
				assert.GreaterOrEqual(t, valueAt(role, "Properties.MaxSessionDuration"), 9000.0)
				roleName, _ := valueAt(role, "Properties.RoleName").(string)
				key, audience, _ := strings.Cut(test.audience, "=")
				conditions, _ := statements[0]["Condition"].(map[string]any)
				equals, _ := conditions["StringEquals"].(map[string]any)
				assert.Equal(t, audience, equals[key], "the token is for AWS")
				like, _ := conditions["StringLike"].(map[string]any)
				var found []string
				for _, claim := range []string{":sub", ":ref"} {
					for _, condition := range []map[string]any{equals, like} {
						if value, ok := condition[strings.TrimSuffix(key, ":aud")+claim].(string); ok {
							found = append(found, value)
						}
					}
				}
				subjects[roleName] = strings.Join(found, " ")
			}
			assert.Equal(t, test.subjects, subjects)
		})
	}
}

func TestB6_ExistingIdentityProviderIsUsed(t *testing.T) {
	const arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
	in := workflowRoles(t, config.Workflows{Service: config.GitHub, IdentityProvider: arn})
	assert.Empty(t, in.resourcesOfType("AWS::IAM::OIDCProvider"))
	for _, role := range in.resourcesOfType("AWS::IAM::Role") {
		assert.Contains(t, jsonText(role["Properties"]), arn)
	}
}
