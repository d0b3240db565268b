package deploy

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/readiness"
	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
)

// onAWS makes a run live.
func onAWS(o *Options) { o.Run.Mode = Live }

// withVersion returns an assembly that needs a version of the bootstrap.
func withVersion(asm *assembly.Assembly, version int) *assembly.Assembly {
	for _, s := range asm.Stacks {
		s.BootstrapRequirements = []assembly.BootstrapRequirement{{
			Version: version, Parameter: "/cdk-bootstrap/hnb659fds/version",
		}}
	}
	return asm
}

// openError returns the error of opening a deployment.
func (c *cloud) openError(asm *assembly.Assembly, access Access) error {
	o := c.options(asm)
	o.Access = access
	_, err := Open(c.t.Context(), c.Config(testTooling, testRegion), testTarget, asm, o)
	return err
}

func TestReadiness_BootstrapVersion(t *testing.T) {
	printed := faulttest.Printed(t)
	const advice = "run `lockstep bootstrap --env acc`"
	for name, test := range map[string]struct {
		version string
		access  Access
		want    string
	}{
		"the newest":           {"33", DeployAccess, ""},
		"the first with all":   {" 32 ", DeployAccess, ""},
		"older than Lockstep":  {"31", DeployAccess, "bootstrapped with version 31 in eu-west-1. Before version 32"},
		"older, but it reads":  {"31", ReadAccess, ""},
		"older than the app":   {"20", ReadAccess, "version 20 in eu-west-1, the assembly needs 21: " + advice},
		"what the app needs":   {"21", ReadAccess, ""},
		"no number":            {"x", DeployAccess, `version of account 444455556666 is "x", not a number: ` + advice},
		"older than the first": {"21", DeployAccess, advice},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			c.BootstrapVersion = test.version
			err := c.openError(withVersion(oneStack(t, topics(1)), 21), test.access)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			requireRefused(t, printed.Error(err))
			require.ErrorContains(t, err, test.want)
			assert.Equal(t, fault.BootstrapOld, fault.CodeOf(err))
			assert.Empty(t, c.Objects(testAccount, testRegion))
		})
	}
}

func TestReadiness_RightsOfTheDeployRole(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	c.DeniedActions = []string{"cloudformation:SetStackPolicy", "cloudformation:DeleteStack"}
	err := c.openError(oneStack(t, topics(1)), DeployAccess)
	require.ErrorContains(t, printed.Error(err), "may not do cloudformation:DeleteStack, cloudformation:SetStackPolicy")
	assert.Equal(t, fault.RightsMissing, fault.CodeOf(err))
	require.NoError(t, c.openError(oneStack(t, topics(1)), ReadAccess), "who reads needs no deploy role")

	c.DeniedActions, c.DeniesInquiries = nil, true
	d := c.open(oneStack(t, topics(1)), onAWS)
	i := slices.IndexFunc(d.Readiness(), func(a readiness.Answer) bool { return a.Check == "rights of the deploy role" })
	assert.Equal(t, readiness.Unreadable, d.Readiness()[i].State, "what cannot be read is neither passed nor refused")
	assert.Equal(t, 1, strings.Count(c.progress.String(), "could not be checked: rights of the deploy role"))
}

// The rights that are asked about are those of the operations that the client has.
func TestReadiness_RightsAreThoseOfTheClient(t *testing.T) {
	// The bootstrap has rights of its own, and the lookup role compares resources.
	const others = " CreateStack UpdateStack DescribeStackResources DetectStackDrift " +
		"DescribeStackDriftDetectionStatus DescribeStackResourceDrifts "
	var want []string
	client := reflect.TypeFor[*awsclient.CloudFormation]()
	for i := range client.NumMethod() {
		if name := client.Method(i).Name; !strings.Contains(others, " "+name+" ") {
			want = append(want, "cloudformation:"+name)
		}
	}
	assert.ElementsMatch(t, want, readiness.DeployActions())
}

const bucketTemplate = `{"Resources":{"Data":{"Type":"AWS::S3::Bucket","DeletionPolicy":"Retain",
	"Properties":{"BucketName":{"Fn::Sub":"shop-${AWS::Region}"}}}}}`

func TestReadiness_RefusesBeforeTheFirstWrite(t *testing.T) {
	printed := faulttest.Printed(t)
	const detector = `{"Resources":{"D":{"Type":"AWS::GuardDuty::Detector","Properties":{"Enable":true}}}}`
	const monitor = `{"Resources":{"M":{"Type":"AWS::CE::AnomalyMonitor",
		"Properties":{"MonitorName":"web","MonitorType":"DIMENSIONAL","MonitorDimension":"SERVICE"}}}}`
	const recorder = `{"Resources":{"R":{"Type":"AWS::Config::ConfigurationRecorder","Properties":{"RoleARN":"r"}}}}`
	put := func(resourceType, id string, properties map[string]any) func(*cloud) {
		return func(c *cloud) { c.PutResource(testAccount, testRegion, resourceType, id, properties) }
	}
	for name, test := range map[string]struct {
		template string
		prepare  func(*cloud)
		code     fault.Code
		want     string
	}{
		"nothing is there": {detector, nil, "", ""},
		"a detector": {
			detector, put("AWS::GuardDuty::Detector", "d", map[string]any{"Id": "d"}), fault.OnlyOneAllowed,
			"D (AWS::GuardDuty::Detector): the account has a detector of GuardDuty already, and can have no second one: " +
				"keep the one that exists with `governance.organisation: [guardDuty]`",
		},
		"a cost monitor of all services": {
			monitor, put("AWS::CE::AnomalyMonitor", "m", map[string]any{
				"MonitorName": "Default-Services-Monitor", "MonitorType": "DIMENSIONAL", "MonitorDimension": "SERVICE",
			}), fault.OnlyOneAllowed, "governance.organisation: [costAnomaly]",
		},
		"another cost monitor": {
			monitor, put("AWS::CE::AnomalyMonitor", "m", map[string]any{"MonitorName": "x", "MonitorType": "CUSTOM"}), "", "",
		},
		"a recorder of a service": {
			recorder, put("AWS::Config::ConfigurationRecorder", "x", map[string]any{
				"Name": "AWSConfigurationRecorderForSecurityHub", "RoleARN": "r",
			}), "", "",
		},
		"two in one plan": {
			strings.Replace(detector, `{"D":`, `{"C":{"Type":"AWS::GuardDuty::Detector"},"D":`, 1), nil, fault.OnlyOneAllowed,
			"stack web of this plan has a detector of GuardDuty too: keep one of them",
		},
		"a bucket that was kept": {
			bucketTemplate, put("AWS::S3::Bucket", "shop-eu-west-1", map[string]any{"BucketName": "shop-eu-west-1"}),
			fault.ResourceExists, "a resource named shop-eu-west-1 exists and belongs to no stack",
		},
		"a bucket of another stack": {bucketTemplate, func(c *cloud) {
			put("AWS::S3::Bucket", "shop-eu-west-1", map[string]any{})(c)
			c.PutStack(testAccount, testRegion, "other", strings.Replace(bucketTemplate, `{"Fn::Sub":"shop-${AWS::Region}"}`,
				`"shop-eu-west-1"`, 1), "CREATE_COMPLETE")
		}, fault.ResourceExists, "a resource named shop-eu-west-1 exists as Data of stack other"},
		"a quota": {
			`{"Resources":{"V":{"Type":"AWS::EC2::VPC"},"W":{"Type":"AWS::EC2::VPC"}}}`, func(c *cloud) {
				c.Quotas = map[string]float64{"vpc/L-F678F1CE": 2}
				put("AWS::EC2::VPC", "vpc-1", map[string]any{"VpcId": "vpc-1"})(c)
			}, fault.QuotaReached, "it may have 2 VPCs, it has 1, and the plan adds 2: ask for more with `aws service-quotas",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			if test.prepare != nil {
				test.prepare(c)
			}
			asm := oneStack(t, test.template)
			_, err := c.open(asm, onAWS).Plan(t.Context())
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			printed.Error(err)
			require.ErrorContains(t, err, test.want)
			assert.Equal(t, test.code, fault.CodeOf(err))
			record, err := c.deploy(asm, DeployRequest{}, onAWS)
			printed.Error(err)
			require.ErrorContains(t, err, test.want)
			assert.NotEmpty(t, record.Readiness)
			assert.Empty(t, c.stack("web").Status)
			assert.Empty(t, c.Objects(testAccount, testRegion), "nothing was written")
		})
	}
}

func TestReadiness_ImportsWhatWasKept(t *testing.T) {
	c := newCloud(t)
	c.PutResource(testAccount, testRegion, "AWS::S3::Bucket", "shop-eu-west-1", map[string]any{})
	imports := func(o *Options) { o.Run.Mode, o.ImportsExisting = Live, true }
	template := strings.Replace(bucketTemplate, `{"Fn::Sub":"shop-${AWS::Region}"}`, `"shop-eu-west-1"`, 1)
	record, err := c.deploy(oneStack(t, template), DeployRequest{}, imports)
	require.NoError(t, err)
	assert.Equal(t, change.Created, record.Outcome)

	t.Run("not what its stack would delete", func(t *testing.T) {
		c := newCloud(t)
		c.PutResource(testAccount, testRegion, "AWS::S3::Bucket", "shop-eu-west-1", map[string]any{})
		asm := oneStack(t, strings.Replace(bucketTemplate, `"DeletionPolicy":"Retain",`, "", 1))
		_, err := c.deploy(asm, DeployRequest{}, imports)
		require.ErrorContains(t, err, "it is imported only if its DeletionPolicy is Retain")
	})
	t.Run("CloudFormation refuses it without the permit", func(t *testing.T) {
		c := newCloud(t)
		c.DeniesInquiries = true
		c.PutResource(testAccount, testRegion, "AWS::S3::Bucket", "shop-eu-west-1", map[string]any{})
		_, err := c.deploy(oneStack(t, template), DeployRequest{}, onAWS)
		require.ErrorContains(t, err, "a resource of that name already exists")
	})
}

func TestReadiness_SaysOnceWhatWasNotChecked(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*cloud, *Options)
		state  readiness.State
		line   string
	}{
		"AWS refuses to answer": {
			func(c *cloud, _ *Options) { c.DeniesInquiries = true }, readiness.Unreadable,
			"before the first write, could not be checked: names in use (AWS::S3::Bucket: ",
		},
		"an endpoint in the place of AWS": {
			func(_ *cloud, o *Options) { o.Run.Endpoint = "http://127.0.0.1:1" }, readiness.NotHere,
			"before the first write, not checked here: names in use",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			record, err := c.deploy(oneStack(t, bucketTemplate), DeployRequest{}, onAWS, func(o *Options) { test.change(c, o) })
			require.NoError(t, err)
			assert.Equal(t, 1, strings.Count(c.progress.String(), test.line), "%s", c.progress)
			var states []readiness.State
			for _, a := range record.Readiness {
				if a.Check == "names in use" {
					states = append(states, a.State)
				}
			}
			assert.Equal(t, []readiness.State{test.state}, states)
		})
	}
	t.Run("a rehearsal lists it in its summary", func(t *testing.T) {
		c := newCloud(t)
		_, err := c.deploy(oneStack(t, bucketTemplate), DeployRequest{})
		require.NoError(t, err)
		assert.NotContains(t, c.progress.String(), "before the first write")
	})
}

func TestReadiness_AccountHasWhatItCanHaveOnce(t *testing.T) {
	c := newCloud(t)
	c.PutResource(testAccount, testRegion, "AWS::GuardDuty::Detector", "d", map[string]any{"Id": "d"})
	o := c.options(&assembly.Assembly{})
	o.Run.Mode = Live
	d, err := OpenAccount(t.Context(), c.Config(testTooling, testRegion), testTarget, o)
	require.NoError(t, err)
	answers, err := d.CheckAccount(t.Context())
	require.NoError(t, err)
	last := answers[len(answers)-1]
	assert.Equal(t, "account-wide resources", last.Check)
	require.Len(t, last.Findings, 1)
	assert.Contains(t, last.Findings[0].String(), "the account has a detector of GuardDuty already")
}

// The page names each check, what it refuses and its code.
func TestReadiness_PageNamesEveryCheck(t *testing.T) {
	page, err := os.ReadFile("../../docs/deployment.md")
	require.NoError(t, err)
	for _, check := range readiness.Checks() {
		cells := regexp.QuoteMeta(check.Name + " | " + check.Refuses)
		row := regexp.MustCompile(`(?m)^\| ` + cells + `.*\| ` + string(check.Code))
		assert.Regexp(t, row, string(page))
	}
}
