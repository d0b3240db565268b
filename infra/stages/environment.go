// Package stages owns which stacks an environment has and in which order they come. It knows nothing of what is in them.
package stages

import (
	"fmt"
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
	"github.com/cdklabs/cdk-nag-go/cdknag/v2"

	"lockstep/config"
	"lockstep/infra/stacks"
)

// environment is the table of an environment's stacks: what stands first is deployed first where one needs another.
var environment = []struct {
	name  string
	about string
	build func(awscdk.Stack, config.Pipeline, config.Environment)
}{
	{"artefact", "the configuration, as SSM parameters", func(s awscdk.Stack, p config.Pipeline, e config.Environment) {
		stacks.Artefact(s, stacks.ArtefactProps{Project: p.Project, Environment: e})
	}},
	{"storage", "object storage", func(s awscdk.Stack, _ config.Pipeline, e config.Environment) {
		stacks.Storage(s, stacks.StorageProps(e.Storage))
	}},
	{"notifications", "who hears of what", func(s awscdk.Stack, _ config.Pipeline, e config.Environment) {
		stacks.Notifications(s, stacks.NotificationsProps(e.Notifications))
	}},
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
}

// App is the app with all stacks of an environment, which writes its cloud assembly into the folder out.
func App(p config.Pipeline, env config.Environment, out string) awscdk.App {
	// The library complains about Node versions on every start; `lockstep doctor` is where that is checked.
	os.Setenv("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "1")
	app := awscdk.NewApp(&awscdk.AppProps{
		Outdir: jsii.String(out), Context: &flags,
		// These would write what differs from run to run, or what nobody reads.
		AnalyticsReporting: jsii.Bool(false), TreeMetadata: jsii.Bool(false), StackTraces: jsii.Bool(false),
	})
	for _, s := range environment {
		stack := awscdk.NewStack(app, jsii.String(fmt.Sprintf("%s-%s-%s", p.Project, env.Name, s.name)), &awscdk.StackProps{
			Env:                   &awscdk.Environment{Account: jsii.String(env.ID), Region: jsii.String(env.Region)},
			Description:           jsii.String(fmt.Sprintf("%s %s: %s", p.Project, env.Name, s.about)),
			TerminationProtection: jsii.Bool(env.TerminationProtection),
			Synthesizer:           awscdk.NewDefaultStackSynthesizer(&awscdk.DefaultStackSynthesizerProps{Qualifier: jsii.String(p.Bootstrap.Qualifier)}),
		})
		s.build(stack, p, env)
		tag(stack, p, env)
	}
	awscdk.Aspects_Of(app).Add(cdknag.NewAwsSolutionsChecks(&cdknag.NagPackProps{Verbose: jsii.Bool(true), Reports: jsii.Bool(false)}), nil)
	return app
}

// tag puts the configured tags on a stack and all that is in it; those of the environment win over those of the pipeline.
func tag(stack awscdk.Stack, p config.Pipeline, env config.Environment) {
	all := map[string]string{}
	for _, tags := range []map[string]string{p.Tags, env.Tags, {"project": p.Project, "environment": env.Name}} {
		for key, value := range tags {
			all[key] = value
		}
	}
	for key, value := range all {
		awscdk.Tags_Of(stack).Add(jsii.String(key), jsii.String(value), nil)
	}
}
