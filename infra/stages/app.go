package stages

import (
	"fmt"
	"maps"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"lockstep/config"
	"lockstep/infra/stacks"
)

// featureFlags are the library's feature flags that concern these stacks, as a new app has them. Source:
// https://github.com/aws/aws-cdk/blob/main/packages/aws-cdk-lib/cx-api/FEATURE_FLAGS.md
var featureFlags = map[string]any{
	"@aws-cdk/aws-s3:createDefaultLoggingPolicy":            true,
	"@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy":       true,
	"@aws-cdk/aws-kms:aliasNameRef":                         true,
	"@aws-cdk/aws-iam:minimizePolicies":                     true,
	"@aws-cdk/core:enablePartitionLiterals":                 true,
	"@aws-cdk/aws-sns-subscriptions:restrictSqsDescryption": true,
	// The CDK's command line sets this: each resource has the path of its construct.
	"aws:cdk:enable-path-metadata": true,
}

// NewApp returns the app with all stacks of an environment, or of the tooling account. It writes its cloud assembly to
// the folder out.
func NewApp(c *config.Config, env config.Environment, out string) (awscdk.App, error) {
	context := maps.Clone(featureFlags)
	if env.Network != nil {
		// The library looks up the zones of an account even when they are configured, to compare the two. This context
		// makes it take the configured ones.
		context[fmt.Sprintf("availability-zones:account=%s:region=%s", env.ID, env.Region)] = env.Network.AvailabilityZones
	}
	app := awscdk.NewApp(&awscdk.AppProps{
		Outdir: jsii.String(out), Context: &context,
		// These write files that differ from run to run, or that nobody reads.
		AnalyticsReporting: jsii.Bool(false), TreeMetadata: jsii.Bool(false), StackTraces: jsii.Bool(false),
	})
	scope := &stacks.Scope{App: app, Pipeline: c.Pipeline, Environment: env}
	for _, stage := range stagesFor(c, env) {
		before := len(scope.Stacks)
		if err := stage.build(scope); err != nil {
			return nil, err
		}
		// addDependencies makes each stack of a stage depend on the stacks of the stages before.
		addDependencies(scope.Stacks[:before], scope.Stacks[before:])
	}
	// The assembly keeps a report for each stack, with the rules that each resource complies with or is excepted from.
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{
		Verbose: jsii.Bool(true), Reports: jsii.Bool(true),
		ReportFormats: &[]cdknag.NagReportFormat{cdknag.NagReportFormat_JSON},
	}), nil)
	return app, nil
}

// addDependencies lets the stacks of a stage wait for those of the stages before.
func addDependencies(before, after []awscdk.Stack) {
	for _, later := range after {
		for _, earlier := range before {
			later.AddDependency(earlier, nil)
		}
	}
}
