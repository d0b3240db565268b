package stages

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
)

// A second region of an account makes nothing again that AWS has once for the account.
func TestAWS_B3_FurtherRegionMakesNothingThatTheAccountHasOnce(t *testing.T) {
	first, further := synthesizedAssemblies["prod"], prodVariants["further"]
	for _, kind := range []string{
		"AWS::Budgets::Budget", "AWS::CE::AnomalyMonitor", "AWS::CE::AnomalySubscription", "AWS::CloudTrail::Trail",
	} {
		assert.Len(t, first.templates["governance"].resourcesOfType(kind), 1, kind)
		assert.Empty(t, further.templates["governance"].resourcesOfType(kind), kind)
	}
	for _, kind := range []string{ // those that each region has
		"AWS::Config::ConfigurationRecorder", "AWS::GuardDuty::Detector", "AWS::AccessAnalyzer::Analyzer",
	} {
		assert.Len(t, further.templates["governance"].resourcesOfType(kind), 1, kind)
	}
	recorder := onlyResource(t, further.templates["governance"], "AWS::Config::ConfigurationRecorder")
	assert.Equal(t, false, valueAt(recorder, "Properties.RecordingGroup.IncludeGlobalResourceTypes"))
	// Names that the whole account shares.
	for name, a := range map[string]assembly{
		"lockstep-prod-database": first, "lockstep-prod-database-us-east-1": further,
	} {
		dashboard := onlyResource(t, a.templates["database"], "AWS::CloudWatch::Dashboard")
		assert.Equal(t, name, valueAt(dashboard, "Properties.DashboardName"))
	}
}

func TestAWS_C5_ARNsAreOfThePartition(t *testing.T) {
	gov := prodVariants["gov"]
	require.NotEmpty(t, gov.templates)
	for name, template := range gov.templates {
		for _, text := range []string{"arn:aws:", ".amazonaws.com.cn"} {
			assert.NotContains(t, jsonText(template), text, name)
		}
	}
	assert.Contains(t, jsonText(gov.templates["governance"]), "arn:aws-us-gov:cloudtrail:us-gov-west-1:")
	assert.Empty(t, gov.templates["governance"].resourcesOfType("AWS::CE::AnomalyMonitor"), "GovCloud has none")
}

// ownBootstrap is a bootstrap with names of its own.
var ownBootstrap = config.EnvironmentBootstrap{Qualifier: "own", BootstrapNames: config.BootstrapNames{
	Bucket: "own-assets-${AWS::AccountId}", DeployRole: "own-deploys", PublishingRole: "own-publishes",
	LookupRole: "own-reads", ExecutionRole: "own-executes",
}}

func TestAWS_C6_StacksUseTheNamesOfTheirBootstrap(t *testing.T) {
	manifest, err := os.ReadFile(filepath.Join(prodVariants["gov"].dir, "manifest.json"))
	require.NoError(t, err)
	assets, err := filepath.Glob(filepath.Join(prodVariants["gov"].dir, "*.assets.json"))
	require.NoError(t, err)
	require.NotEmpty(t, assets)
	text := string(manifest)
	for _, file := range assets {
		more, err := os.ReadFile(file)
		require.NoError(t, err)
		text += string(more)
	}
	for _, want := range []string{
		"role/own-deploys", "role/own-publishes", "role/own-reads", "role/own-executes", `"own-assets-`,
		"/cdk-bootstrap/own/version",
	} {
		assert.Contains(t, text, want)
	}
	for _, unwanted := range []string{"hnb659fds", "role/cdk-", "cdk-own-assets"} {
		assert.NotContains(t, strings.ReplaceAll(text, "cdk-own-image", ""), unwanted)
	}
}

// Which letters the zones of a region have differs, so a further region takes those that it has.
func TestAWS_C11_FurtherRegionTakesTheZonesThatItHas(t *testing.T) {
	network := prodVariants["further"].templates["network"]
	var zones []string
	for _, subnet := range network.resourcesOfType("AWS::EC2::Subnet") {
		zones = append(zones, jsonText(valueAt(subnet, "Properties.AvailabilityZone")))
	}
	slices.Sort(zones)
	assert.Equal(t, []string{
		`{"Fn::Select":[0,{"Fn::GetAZs":""}]}`, `{"Fn::Select":[1,{"Fn::GetAZs":""}]}`,
		`{"Fn::Select":[2,{"Fn::GetAZs":""}]}`,
	}, zones)
	for name, template := range prodVariants["further"].templates {
		assert.False(t, strings.Contains(jsonText(template), `"us-east-1a"`), name)
	}
}
