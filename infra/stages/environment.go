// Package stages owns which stacks an environment has and in which order they come. It knows nothing of what is in them.
package stages

import (
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"lockstep/config"
	"lockstep/infra/plugins"
	"lockstep/infra/stacks"
)

// A stage is a part of an environment that is deployed whole before the next one begins.
type stage struct {
	name  string
	build func(*stacks.Place) error
}

// environment is the table of an environment's stages, in their order.
var environment = []stage{
	{"artefact", artefact},
	{"plugins", wantedPlugins},
	{"shared", shared},
}

// artefact is what the platform's programs are configured by.
func artefact(p *stacks.Place) error {
	stacks.Artefact(p.Stack("artefact", "the configuration, as SSM parameters"), stacks.ArtefactProps{Project: p.Pipeline.Project, Environment: p.Environment})
	return nil
}

// wantedPlugins are the parts that this environment's configuration names.
func wantedPlugins(p *stacks.Place) error {
	wanted, err := plugins.Wanted(p.Environment)
	if err != nil {
		return err
	}
	for _, plugin := range wanted {
		if err := plugin.Build(p); err != nil {
			return fmt.Errorf("plugin %s: %w", plugin.Name, err)
		}
	}
	return nil
}

// shared is what watches all the rest, and whom it tells.
func shared(p *stacks.Place) error {
	env := p.Environment
	topics := stacks.Notifications(p.Stack("notifications", "who hears of what"), stacks.NotificationsProps(env.Notifications))
	governance := stacks.GovernanceProps{Governance: env.Governance, Topics: topics, Budget: env.Budget, LogDays: env.LogDays, Protected: env.TerminationProtection}
	if governance.Any() { // CloudFormation takes no empty stack
		stacks.Governance(p.Stack("governance", "cost, audit and compliance of the account"), governance)
	}
	return nil
}

// flags are the library's feature flags: what a new app gets, as far as these stacks are concerned.
// Source: https://github.com/aws/aws-cdk/blob/main/packages/aws-cdk-lib/cx-api/FEATURE_FLAGS.md
var flags = map[string]any{
	"@aws-cdk/aws-s3:createDefaultLoggingPolicy":            true,
	"@aws-cdk/aws-s3:serverAccessLogsUseBucketPolicy":       true,
	"@aws-cdk/aws-kms:aliasNameRef":                         true,
	"@aws-cdk/aws-iam:minimizePolicies":                     true,
	"@aws-cdk/core:enablePartitionLiterals":                 true,
	"@aws-cdk/aws-sns-subscriptions:restrictSqsDescryption": true,
	// What the CDK's command line sets by itself: each resource says which construct it comes from.
	"aws:cdk:enable-path-metadata": true,
}

// App is the app with all stacks of an environment, which writes its cloud assembly into the folder out.
func App(p config.Pipeline, env config.Environment, out string) (awscdk.App, error) {
	// The library complains about Node versions on every start; `lockstep doctor` is where that is checked.
	os.Setenv("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")
	app := awscdk.NewApp(&awscdk.AppProps{
		Outdir: jsii.String(out), Context: &flags,
		// These would write what differs from run to run, or what nobody reads.
		AnalyticsReporting: jsii.Bool(false), TreeMetadata: jsii.Bool(false), StackTraces: jsii.Bool(false),
	})
	place := &stacks.Place{App: app, Pipeline: p, Environment: env}
	for _, stage := range environment {
		before := len(place.Made)
		if err := stage.build(place); err != nil {
			return nil, err
		}
		inOrder(place.Made[:before], place.Made[before:])
	}
	// The report, one for each stack, stays in the assembly: which rule was met by which resource, and why another was excused.
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{
		Verbose: jsii.Bool(true), Reports: jsii.Bool(true), ReportFormats: &[]cdknag.NagReportFormat{cdknag.NagReportFormat_JSON},
	}), nil)
	return app, nil
}

// inOrder lets the stacks of a stage wait for those of the stages before.
func inOrder(before, after []awscdk.Stack) {
	for _, later := range after {
		for _, earlier := range before {
			later.AddDependency(earlier, nil)
		}
	}
}
