package deploy

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"lockstep/internal/awsclient"
	"lockstep/internal/refusal"
	"lockstep/internal/roles"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/fault/faulttest"
)

var accTarget = awsclient.Target{
	Environment: "acc", Account: "444455556666", Region: "eu-west-1", ToolingAccount: "123456789012",
	Qualifier: "hnb659fds",
}

// validStack returns a stack that may be deployed to accTarget.
func validStack() *assembly.Stack {
	template := assembly.Template{File: "data.template.json", Body: "{}"}
	key := ledger.SHA256Hex([]byte(template.Body)) + ".json"
	return &assembly.Stack{
		Name: "data", Account: accTarget.Account, Region: accTarget.Region,
		DeployRole:            assembly.Role{ARN: bootstrapRole(accTarget, roles.Deploy).ARN},
		ExecutionRoleARN:      bootstrapRole(accTarget, roles.Execution).ARN,
		Template:              template,
		TemplateURL:           "s3://" + stagingBucketName(accTarget) + "/" + key,
		NotificationARNs:      []string{"arn:aws:sns:eu-west-1:444455556666:events"},
		BootstrapRequirements: []assembly.BootstrapRequirement{{Version: 6, Parameter: "/cdk-bootstrap/hnb659fds/version"}},
		Assets: []assembly.Asset{{
			Name: "code", Path: template.File, Bucket: stagingBucketName(accTarget), Key: key, Region: accTarget.Region,
			Role: assembly.Role{ARN: bootstrapRole(accTarget, roles.FilePublishing).ARN},
		}},
		Images: []assembly.Image{{
			Name: "web", Directory: "asset.web", Repository: stagingRepositoryName(accTarget), Tag: "1",
			Region: accTarget.Region, Role: assembly.Role{ARN: bootstrapRole(accTarget, roles.ImagePublishing).ARN},
		}},
	}
}

func newDeploymentTo(target awsclient.Target) *Deployment { return &Deployment{target: target} }

func TestCheckAssembly_RefusesOtherTargets(t *testing.T) {
	printed := faulttest.Printed(t)
	valid := &assembly.Assembly{Stacks: []*assembly.Stack{validStack()}}
	require.NoError(t, newDeploymentTo(accTarget).checkAssembly(valid))
	for _, test := range []struct {
		name   string
		change func(*assembly.Stack)
		want   string
		// supported is false for what no account would make right.
		refused bool
	}{
		{
			"another account", func(s *assembly.Stack) { s.Account = "777788889999" },
			"stack data is for account 777788889999 in eu-west-1, but acc is account 444455556666 in eu-west-1", true,
		},
		{
			"another region", func(s *assembly.Stack) { s.Region = "us-east-1" },
			"stack data is for account 444455556666 in us-east-1, but acc is account 444455556666 in eu-west-1", true,
		},
		{
			"no role to assume", func(s *assembly.Stack) { s.DeployRole.ARN = "" },
			"nothing is ever done with the caller's own rights", true,
		},
		{
			"a role of another account", func(s *assembly.Stack) { s.DeployRole.ARN = "arn:aws:iam::777788889999:role/deploy" },
			"of account 777788889999, but acc is account 444455556666", true,
		},
		{
			"a role that is no ARN", func(s *assembly.Stack) { s.DeployRole.ARN = "deploy" },
			`names the role "deploy", which is not an ARN`, true,
		},
		{
			"another account's execution role",
			func(s *assembly.Stack) { s.ExecutionRoleARN = "arn:aws:iam::777788889999:role/exec" }, "of account 777788889999",
			true,
		},
		{
			"an asset with no role", func(s *assembly.Stack) { s.Assets[0].Role.ARN = "" },
			"asset code of stack data names no role", true,
		},
		{
			"another role of the account", func(s *assembly.Stack) {
				s.DeployRole.ARN = "arn:aws:iam::444455556666:role/OrganizationAccountAccessRole"
			}, "but only arn:aws:iam::444455556666:role/cdk-hnb659fds-deploy-role-444455556666-eu-west-1 of", true,
		},
		{
			"the deploy role as the execution role", func(s *assembly.Stack) { s.ExecutionRoleARN = s.DeployRole.ARN },
			"but only arn:aws:iam::444455556666:role/cdk-hnb659fds-cfn-exec-role-444455556666-eu-west-1 of", true,
		},
		{
			"the roles of another qualifier", func(s *assembly.Stack) {
				s.Assets[0].Role.ARN = strings.Replace(s.Assets[0].Role.ARN, "hnb659fds", "other", 1)
			}, "with the qualifier hnb659fds", true,
		},
		{
			"the bootstrap's own stack", func(s *assembly.Stack) { s.Name = "CDKToolkit" },
			"stack CDKToolkit would replace the account's bootstrap", true,
		},
		{
			"the stack of Lockstep's roles", func(s *assembly.Stack) { s.Name = "LockstepToolkit" },
			"stack LockstepToolkit would replace the account's bootstrap", true,
		},
		{
			"another bucket", func(s *assembly.Stack) { s.Assets[0].Bucket = "stranger" },
			"goes to the bucket stranger in eu-west-1, but only cdk-hnb659fds-assets-444455556666-eu-west-1", true,
		},
		{
			"the bucket in another region", func(s *assembly.Stack) { s.Assets[0].Region = "us-east-1" },
			"in us-east-1, but only cdk-hnb659fds-assets-444455556666-eu-west-1", true,
		},
		{
			"a release record's key", func(s *assembly.Stack) { s.Assets[0].Key = "lockstep/shop/acc/releases/00000001.json" },
			`has the key "lockstep/shop/acc/releases/00000001.json" in the bucket, which is not a hash`, true,
		},
		{
			"a template in another bucket", func(s *assembly.Stack) {
				s.TemplateURL = strings.Replace(s.TemplateURL, "hnb659fds", "other", 1)
			}, "but templates are taken from the bucket cdk-hnb659fds-assets-444455556666-eu-west-1", true,
		},
		{
			"a template elsewhere", func(s *assembly.Stack) { s.TemplateURL = "https://example.com/t.json" },
			"stack data takes its template from https://example.com/t.json, but templates are taken", true,
		},
		{
			"a template that is not published", func(s *assembly.Stack) { s.Assets = nil },
			"which is not among the files that the assembly publishes", true,
		},
		{
			"a template that was edited", func(s *assembly.Stack) { s.Template.Body = "{ }" },
			"its template data.template.json was edited after it was synthesised", true,
		},
		{
			"a topic of another account", func(s *assembly.Stack) {
				s.NotificationARNs = []string{"arn:aws:sns:eu-west-1:777788889999:events"}
			}, `sends its events to "arn:aws:sns:eu-west-1:777788889999:events"`, true,
		},
		{
			"a queue as a topic", func(s *assembly.Stack) {
				s.NotificationARNs = []string{"arn:aws:sqs:eu-west-1:444455556666:events"}
			}, "is not a topic of account 444455556666", true,
		},
		{
			"another parameter with a version",
			func(s *assembly.Stack) { s.BootstrapRequirements[0].Parameter = "/app/version" },
			"reads the version of the bootstrap from the SSM parameter /app/version", true,
		},
		{
			"an image with no role", func(s *assembly.Stack) { s.Images[0].Role.ARN = "" },
			"image web of stack data names no role to assume", true,
		},
		{
			"an image with the role for files", func(s *assembly.Stack) { s.Images[0].Role = s.Assets[0].Role },
			"image web of stack data names the role", true,
		},
		{
			"an image with a role of another account", func(s *assembly.Stack) {
				s.Images[0].Role.ARN = strings.Replace(s.Images[0].Role.ARN, accTarget.Account, "777788889999", 1)
			}, "of account 777788889999, but acc is account 444455556666", true,
		},
		{
			"another repository", func(s *assembly.Stack) { s.Images[0].Repository = "stranger" },
			"image web of stack data goes to the repository stranger in eu-west-1, but only cdk-hnb659fds-container-", true,
		},
		{
			"the repository in another region", func(s *assembly.Stack) { s.Images[0].Region = "us-east-1" },
			"goes to the repository cdk-hnb659fds-container-assets-444455556666-eu-west-1 in us-east-1", true,
		},
		{
			"a tag with a separator", func(s *assembly.Stack) { s.Images[0].Tag = "latest@sha256:0" },
			`has the tag "latest@sha256:0", which is no tag of an image`, true,
		},
		{
			"a tag like an option", func(s *assembly.Stack) { s.Images[0].Tag = "--all" },
			`has the tag "--all", which is no tag of an image`, true,
		},
		{
			"an image that a command makes", func(s *assembly.Stack) { s.Images[0].Executable = []string{"make"} },
			"image web of stack data: it is made by a command (make)", false,
		},
		{
			"a build context of the machine", func(s *assembly.Stack) {
				s.Images[0].Build.Contexts = map[string]string{"home": "/root"}
			}, "its build context home is /root, which is not in the assembly", false,
		},
		{
			"a build context above the folder", func(s *assembly.Stack) {
				s.Images[0].Build.Contexts = map[string]string{"home": "../.."}
			}, "its build context home is ../.., which is not in the assembly", false,
		},
		{
			"an output on the machine", func(s *assembly.Stack) {
				s.Images[0].Build.Outputs = []string{"type=local,dest=/root/.ssh"}
			}, "its build writes the output type=local,dest=/root/.ssh", false,
		},
		{
			"a cache on the machine", func(s *assembly.Stack) {
				s.Images[0].Build.CacheTo = &assembly.BuildCache{Type: "local", Params: map[string]string{"dest": "/root"}}
			}, "its build has the cache type=local,dest=/root: only caches of the type registry are read", false,
		},
		{
			"an asset that a command makes", func(s *assembly.Stack) { s.Assets[0].Executable = []string{"make"} },
			"asset code of stack data is made by a command (make), which runs only as a part of Lockstep's own synthesis", false,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := validStack()
			test.change(s)
			err := newDeploymentTo(accTarget).checkAssembly(&assembly.Assembly{Stacks: []*assembly.Stack{s}})
			printed.Error(err)
			require.ErrorContains(t, err, test.want)
			var refusal *refusal.Error
			assert.Equal(t, test.refused, errors.As(err, &refusal))
		})
	}
}

// Publishing cannot write a lock, a record or an approval, whatever the assembly says.
func TestPublishingRole_ReachesNoObjectOfTheLedger(t *testing.T) {
	for _, own := range []string{
		"", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`,
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`,
	} {
		role, err := publishingRole(assembly.Role{ARN: "r", Options: assembly.RoleOptions{Policy: own}}, testTarget)
		require.NoError(t, err)
		var policy struct{ Statement []map[string]any }
		require.NoError(t, json.Unmarshal([]byte(role.Policy), &policy))
		assert.Greater(t, len(policy.Statement), 1)
		assert.Contains(t, policy.Statement, map[string]any{
			"Effect": "Deny", "Action": "s3:*", "Resource": "arn:aws:s3:::" + stagingBucketName(testTarget) + "/lockstep/*",
		})
	}
	_, err := publishingRole(assembly.Role{ARN: "r", Options: assembly.RoleOptions{Policy: "x"}}, testTarget)
	require.ErrorContains(t, err, "the session policy of role r is no policy")
}

// What a run may do in an account follows from what it is for, and not from the roles that the assembly names.
func TestAccess_AssumesNoOtherRoles(t *testing.T) {
	for _, test := range []struct {
		name   string
		access Access
		run    func(*Deployment) error
		want   []roles.Kind
	}{
		{"a verification reads", ReadAccess, func(d *Deployment) error {
			_, err := d.Verify(t.Context())
			return err
		}, []roles.Kind{roles.Lookup}},
		{"a drift detection reads", ReadAccess, func(d *Deployment) error {
			_, err := d.Drift(t.Context())
			return err
		}, []roles.Kind{roles.LedgerReader, roles.Lookup}},
		{"a promotion reads the records before it", ReadAccess, func(d *Deployment) error {
			_, err := d.LatestRelease(t.Context())
			return err
		}, []roles.Kind{roles.LedgerReader, roles.Lookup}},
		{"a plan creates change sets", PlanAccess, func(d *Deployment) error {
			_, _, err := d.SavePlan(t.Context(), time.Hour)
			return err
		}, []roles.Kind{roles.Planner}},
		{"a deployment deploys", DeployAccess, func(d *Deployment) error {
			_, err := d.Deploy(t.Context(), DeployRequest{})
			return err
		}, []roles.Kind{roles.Deploy, roles.LedgerWriter, roles.Lookup}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := newCloud(t)
			asm := oneStack(t, topics(1))
			_, err := c.deploy(asm, DeployRequest{})
			require.NoError(t, err)
			c.ForgetAssumedRoles()
			if test.access != ReadAccess {
				asm = oneStack(t, topics(2))
			}
			require.NoError(t, test.run(c.open(asm, func(o *Options) { o.Access = test.access })))
			var want []string
			for _, kind := range test.want {
				want = append(want, bootstrapRole(testTarget, kind).ARN)
			}
			assert.ElementsMatch(t, want, c.AssumedRoles())
		})
	}
}

// An account that was bootstrapped by the CDK alone has no ledger roles. Nothing else is used in their place.
func TestAccess_MissingRoleIsRefused(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	c.MissingRoles = []string{bootstrapRole(testTarget, roles.LedgerWriter).ARN}
	_, err := c.deploy(oneStack(t, topics(1)), DeployRequest{})
	requireRefused(t, printed.Error(err))
	assert.Contains(t, err.Error(), "lockstep bootstrap --env acc")
	assert.Empty(t, c.Objects(testAccount, testRegion))
}
