package deploy

import (
	"errors"
	"testing"
	"time"

	"lockstep/internal/awsclient"
	"lockstep/internal/refusal"
	"lockstep/internal/roles"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/simulated"
)

var accTarget = awsclient.Target{
	Environment: "acc", Account: "444455556666", Region: "eu-west-1", ToolingAccount: "123456789012",
	Qualifier: "hnb659fds",
}

// validStack returns a stack that may be deployed to accTarget.
func validStack() *assembly.Stack {
	return &assembly.Stack{
		Name: "data", Account: accTarget.Account, Region: accTarget.Region,
		DeployRole:       assembly.Role{ARN: "arn:aws:iam::444455556666:role/deploy"},
		ExecutionRoleARN: "arn:aws:iam::444455556666:role/exec",
		Assets: []assembly.Asset{
			{Name: "code", Role: assembly.Role{ARN: "arn:aws:iam::444455556666:role/publish"}},
		},
	}
}

func TestCheckAssembly_RefusesOtherTargets(t *testing.T) {
	require.NoError(t, checkAssembly(&assembly.Assembly{Stacks: []*assembly.Stack{validStack()}}, accTarget))
	for _, test := range []struct {
		name   string
		change func(*assembly.Stack)
		want   string
		// supported is false for what no account would make right.
		refused bool
	}{
		{
			"another account", func(s *assembly.Stack) { s.Account = "777788889999" },
			"stack data is for account 777788889999, but acc is account 444455556666", true,
		},
		{
			"another region", func(s *assembly.Stack) { s.Region = "us-east-1" },
			"stack data is for region us-east-1, but acc is in eu-west-1", true,
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
			"a container image", func(s *assembly.Stack) { s.Images = []string{"web"} },
			"stack data needs the container image web, and images cannot be published yet", false,
		},
		{
			"an asset that a command makes", func(s *assembly.Stack) { s.Assets[0].Executable = []string{"make"} },
			"asset code of stack data is made by a command (make), which is not supported", false,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := validStack()
			test.change(s)
			err := checkAssembly(&assembly.Assembly{Stacks: []*assembly.Stack{s}}, accTarget)
			require.ErrorContains(t, err, test.want)
			var refusal *refusal.Error
			assert.Equal(t, test.refused, errors.As(err, &refusal))
		})
	}
}

func TestCheckBootstrap_ComparesVersion(t *testing.T) {
	cloud := simulated.New()
	client := awsclient.NewSSM(cloud.Config(testTarget.Account, testTarget.Region))
	for version, want := range map[string]string{
		"21": "", "22": "", " 21 ": "",
		"20": "account 444455556666 is bootstrapped with version 20 in eu-west-1, the assembly needs 21: " +
			"run `lockstep bootstrap --env acc`",
		"x": `the bootstrap version of account 444455556666 is "x", not a number: run ` + "`lockstep bootstrap --env acc`",
	} {
		cloud.BootstrapVersion = version
		err := checkBootstrap(t.Context(), client, assembly.BootstrapRequirement{Version: 21, Parameter: "p"}, testTarget)
		if want == "" {
			assert.NoError(t, err, version)
			continue
		}
		var refused *refusal.Error
		require.ErrorAs(t, err, &refused, version)
		assert.EqualError(t, err, want)
	}
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
		}, []roles.Kind{roles.Deploy, roles.LedgerWriter}},
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
	c := newCloud(t)
	c.MissingRoles = []string{bootstrapRole(testTarget, roles.LedgerWriter).ARN}
	_, err := c.deploy(oneStack(t, topics(1)), DeployRequest{})
	var refused *refusal.Error
	require.ErrorAs(t, err, &refused)
	assert.Contains(t, err.Error(), "lockstep bootstrap --env acc")
	assert.Empty(t, c.Objects(testAccount, testRegion))
}
