package pipeline

import (
	"fmt"
	"strings"

	"lockstep/config"
)

// The stages, in the pipeline's order.
const (
	Source   Stage = "source"
	Quality  Stage = "quality"
	Test     Stage = "test"
	Security Stage = "security"
	Synth    Stage = "synth"
	Plan     Stage = "plan"
	Deploy   Stage = "deploy"
	Verify   Stage = "verify"
)

// Stages is the list of all stages in order.
var Stages = []Stage{Source, Quality, Test, Security, Synth, Plan, Deploy, Verify}

// GateStages are the stages whose steps must pass before a deployment to a real account.
var GateStages = []Stage{Quality, Test, Security}

// The folders of the steps' outputs, relative to the repository's root.
const (
	StateDir = ".lockstep"
	// AssembliesDir holds the cloud assemblies, each in a folder with the name of its environment.
	AssembliesDir = StateDir + "/assembly"
	// RecordsDir holds the records of the steps that call AWS.
	RecordsDir = StateDir + "/records"
)

// AssemblyDir returns the folder of an environment's cloud assembly.
func AssemblyDir(environment string) string { return AssembliesDir + "/" + environment }

// RecordFile returns the file, in JSON, in which a step that calls AWS records what it did.
func RecordFile(stage Stage, environment string) string {
	return fmt.Sprintf("%s/%s-%s.json", RecordsDir, stage, environment)
}

// goSources are the files that Go's commands read, with the files that are compiled into programs. Modules below the
// root have their go.mod with them: without it, ./... of the root would go into them.
var goSources = []string{
	"go.work", "go.work.sum", "**/go.mod", "**/go.sum", "**/*.go", "**/testdata/**", "config/**", "internal/**",
	"tools/**",
	"!ci/**",
}

// Steps returns the table: the steps that exist once, and those of each environment.
func Steps(c *config.Config) []Step {
	steps := []Step{
		{
			Name: "config", Stage: Source, Summary: "validate the configuration",
			Image: ImageGo, Command: []string{Self, "config", "validate"},
			Inputs: []string{"config/**"},
		},
	}
	steps = append(steps, appSteps(c)...)
	for _, g := range gates(c) {
		steps = append(steps, g.step())
	}
	steps = append(steps, ownSteps(c)...)
	for _, env := range c.Targets() {
		steps = append(steps, environmentSteps(c, env)...)
		steps = append(steps, templateGate(env.Name).step())
	}
	return turnOff(steps, c.Pipeline.Gates.Off)
}

// turnOff returns the steps with the reasons of those that the configuration turns off, by the name of the gate.
func turnOff(steps []Step, reasons map[string]string) []Step {
	for i, s := range steps {
		if name, _, _ := strings.Cut(s.Name, ":"); s.IsGate() {
			steps[i].Off = reasons[name]
		}
	}
	return steps
}

// environmentSteps returns the steps that exist once for each environment.
func environmentSteps(c *config.Config, env config.Environment) []Step {
	name := func(kind Stage) string { return fmt.Sprintf("%s:%s", kind, env.Name) }
	assembly := AssemblyDir(env.Name)
	deployAfter := gateNames(c, env.Name)
	if env.After != "" {
		deployAfter = append(deployAfter, fmt.Sprintf("%s:%s", Verify, env.After))
	}
	// newAWSStep returns a step that runs a command of this program on the environment's account.
	newAWSStep := func(stage Stage, summary string, after ...string) Step {
		return Step{
			Name: name(stage), Stage: stage, Summary: summary, Environment: env.Name,
			Needs: []string{string(Synth)}, After: after,
			Image: ImageGo, Command: []string{
				Self, string(stage), "--env", env.Name, "--assembly", assembly, "--record",
				RecordFile(stage, env.Name),
			},
			// The record names the assemblies of the other environments too, which were synthesised together with this.
			Inputs: []string{"config/**/*.yaml", AssembliesDir + "/**"}, Outputs: []string{RecordFile(stage, env.Name)},
			Secrets: CredentialVariables, Effect: AWS,
		}
	}
	return []Step{
		newAWSStep(Plan, "show what a deployment to "+env.Name+" would change"),
		newAWSStep(Deploy, "plan and apply the change sets of "+env.Name, deployAfter...),
		newAWSStep(Verify, "read back what was deployed to "+env.Name, name(Deploy)),
	}
}

// jsiiQuietEnv turns off the warnings of the CDK library about Node's version, which it would print on every start;
// `lockstep doctor` checks the version.
var jsiiQuietEnv = map[string]string{
	"JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20,21,22,23,24,25",
	"JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION":  "1",
	"JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION":    "1",
}

// CredentialVariables are the variables that configure credentials and endpoints of an AWS SDK. Source: the AWS SDKs
// and Tools reference guide, settings reference.
var CredentialVariables = []string{
	"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
	"AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
	"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
	"AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
	"AWS_EC2_METADATA_DISABLED", "AWS_REGION", "AWS_DEFAULT_REGION",
	"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_STS", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_CLOUDFORMATION",
	"AWS_ENDPOINT_URL_SSM",
	"AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", CredentialsEndpointVariable,
}

// CredentialsEndpointVariable is the variable with the address that the caller's credentials are asked for at. The SDK
// has AWS_CONTAINER_CREDENTIALS_FULL_URI for that, but takes it from no other host than this machine and AWS itself,
// and a container reaches the endpoint of its machine by another name.
const CredentialsEndpointVariable = "LOCKSTEP_CREDENTIALS_ENDPOINT"
