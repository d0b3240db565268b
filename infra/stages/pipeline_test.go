package stages

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/pipeline"
)

// pipelineCalled is a pipeline of the tooling account.
func pipelineCalled(t *testing.T, name string) map[string]any {
	t.Helper()
	for _, p := range stack(t, config.Tooling, "pipeline").ofType("AWS::CodePipeline::Pipeline") {
		if at(p, "Properties.Name") == "lockstep-"+name {
			return p
		}
	}
	require.Fail(t, "no pipeline "+name)
	return nil
}

// stagesOf are the names of a pipeline's stages in their order.
func stagesOf(p map[string]any) []string {
	var names []string
	for _, s := range at(p, "Properties.Stages").([]any) {
		names = append(names, at(s, "Name").(string))
	}
	return names
}

// actionsOf are the actions of a pipeline's stage.
func actionsOf(t *testing.T, p map[string]any, stage string) []any {
	t.Helper()
	i := slices.Index(stagesOf(p), stage)
	require.GreaterOrEqual(t, i, 0, "no stage %s in %v", stage, stagesOf(p))
	return at(p, fmt.Sprintf("Properties.Stages.%d.Actions", i)).([]any)
}

func TestB1_PipelinesAreV2WithAConnectionInTheToolingAccount(t *testing.T) {
	manifest, err := os.ReadFile(filepath.Join(assemblies[config.Tooling].dir, "manifest.json"))
	require.NoError(t, err)
	assert.Contains(t, string(manifest), "aws://123456789012/eu-west-1")
	for _, name := range []string{"main", "release", "pull-request"} {
		p := pipelineCalled(t, name)
		assert.Equal(t, "V2", at(p, "Properties.PipelineType"))
		source := actionsOf(t, p, "source")[0]
		assert.Equal(t, "CodeStarSourceConnection", at(source, "ActionTypeId.Provider"))
		assert.Equal(t, "arn:aws:codeconnections:eu-west-1:123456789012:connection/11111111-2222-3333-4444-555555555555", at(source, "Configuration.ConnectionArn"))
		assert.Equal(t, "example/platform", at(source, "Configuration.FullRepositoryId"))
		assert.Equal(t, "false", at(source, "Configuration.DetectChanges"), "the triggers alone start it")
	}
}

// Gates look at the commits. Whoever takes the repository's files clones them, and may do no more than that with the connection.
func TestB1_JobsCloneTheRepositoryAndMayOnlyReadIt(t *testing.T) {
	for _, name := range []string{"main", "release", "pull-request"} {
		assert.Equal(t, "CODEBUILD_CLONE_REF", at(actionsOf(t, pipelineCalled(t, name), "source")[0], "Configuration.OutputArtifactFormat"))
	}
	jobs := 0
	for id, r := range stack(t, config.Tooling, "pipeline").resources() {
		used := 0
		for _, s := range statements(r["Properties"]) {
			for _, service := range []string{"codeconnections", "codestar-connections"} {
				if slices.Equal(list(s["Action"]), []string{service + ":UseConnection"}) {
					used++
					assert.Equal(t, map[string]any{"StringEqualsIfExists": map[string]any{
						service + ":FullRepositoryId": "example/platform", service + ":ProviderPermissionsRequired": "read_only",
					}}, s["Condition"], id)
				}
			}
		}
		if used > 0 {
			assert.Equal(t, 2, used, "%s: both names of the service", id)
			jobs++
		}
	}
	assert.Len(t, stack(t, config.Tooling, "pipeline").ofType("AWS::CodeBuild::Project"), jobs, "every job takes the repository's files")
}

func TestB2_APushATagAndAPullRequestEachStartTheirOwnPipeline(t *testing.T) {
	git := func(name string) any {
		return at(pipelineCalled(t, name), "Properties.Triggers.0.GitConfiguration")
	}
	assert.Equal(t, []any{"main"}, at(git("main"), "Push.0.Branches.Includes"))
	assert.Equal(t, []any{"v*"}, at(git("release"), "Push.0.Tags.Includes"))
	assert.Equal(t, []any{"main"}, at(git("pull-request"), "PullRequest.0.Branches.Includes"))
	assert.Equal(t, []any{"OPEN", "UPDATED"}, at(git("pull-request"), "PullRequest.0.Events"))
}

// What nobody has reviewed runs with no way to any account, and what it leaves never lies where a release takes its files from.
func TestB2_APullRequestHasNoRights(t *testing.T) {
	s := stack(t, config.Tooling, "pipeline")
	for id, r := range s.resources() {
		if strings.HasPrefix(id, "PullRequest") {
			assert.NotContains(t, text(statements(r["Properties"])), `"Action":["sts:AssumeRole"`, id)
			if r["Type"] == "AWS::IAM::Policy" {
				assert.NotContains(t, text(r), "sts:", id)
			}
		}
	}
	stores := map[string]bool{}
	for _, name := range []string{"main", "release", "pull-request"} {
		stores[text(at(pipelineCalled(t, name), "Properties.ArtifactStore.Location"))] = true
	}
	assert.Len(t, stores, 3)
	for id, r := range s.resources() {
		if strings.HasPrefix(id, "MainArtefacts") || strings.HasPrefix(id, "ReleaseArtefacts") {
			assert.NotContains(t, text(r), "PullRequest", id)
		}
		if strings.HasPrefix(id, "PullRequest") {
			for _, found := range accountID.FindAllStringSubmatch(text(r), -1) {
				assert.Equal(t, "123456789012", found[2], "%s knows another account", id)
			}
		}
	}
}

func TestB3_AReleaseWaitsForAPersonWhoSeesThePlan(t *testing.T) {
	assert.NotContains(t, stagesOf(pipelineCalled(t, "main")), "prod")
	release := pipelineCalled(t, "release")
	actions := actionsOf(t, release, "prod")
	require.Equal(t, "Approval", at(actions[0], "ActionTypeId.Category"))
	shown := fmt.Sprint(at(actions[0], "Configuration.CustomData"))
	assert.Contains(t, shown, "DIGEST")
	assert.Contains(t, shown, "SUMMARY")
	assert.LessOrEqual(t, len(shown), 1000, "CodePipeline takes no more")
	for _, action := range actions[1:] {
		assert.Greater(t, at(action, "RunOrder"), at(actions[0], "RunOrder"), "nothing runs before the approval")
	}
}

func TestB3_EnvironmentsComeInTheOrderOfPromotion(t *testing.T) {
	names := stagesOf(pipelineCalled(t, "main"))
	assert.Equal(t, "source", names[0])
	dev, acc := slices.Index(names, "dev"), slices.Index(names, "acc")
	assert.Positive(t, dev)
	assert.Greater(t, acc, dev)
}

// Each name of a variable in an action is that of an action before it, or CodePipeline refuses the pipeline.
func TestB3_WhatAnActionRefersToComesBefore(t *testing.T) {
	variable := regexp.MustCompile(`#\{([^.}]+)\.`)
	for _, name := range []string{"main", "release", "pull-request"} {
		namespaces, outputs := map[string]bool{}, map[string]bool{}
		for _, stage := range at(pipelineCalled(t, name), "Properties.Stages").([]any) {
			for _, action := range at(stage, "Actions").([]any) {
				for _, found := range variable.FindAllStringSubmatch(text(at(action, "Configuration")), -1) {
					assert.True(t, namespaces[found[1]], "%s: %s", name, found[0])
				}
				inputs, _ := at(action, "InputArtifacts").([]any)
				for _, input := range inputs {
					assert.True(t, outputs[fmt.Sprint(at(input, "Name"))], "%s: %s reads %v", name, at(action, "Name"), at(input, "Name"))
				}
			}
			for _, action := range at(stage, "Actions").([]any) {
				namespaces[fmt.Sprint(at(action, "Namespace"))] = true
				left, _ := at(action, "OutputArtifacts").([]any)
				for _, output := range left {
					outputs[fmt.Sprint(at(output, "Name"))] = true
				}
			}
		}
	}
}

func TestB5_AJobMayTakeOnTheRolesOfItsOwnEnvironmentAlone(t *testing.T) {
	c, err := config.Load(configuration)
	require.NoError(t, err)
	s := stack(t, config.Tooling, "pipeline")
	seen := map[string]bool{}
	for id, r := range s.resources() {
		if r["Type"] != "AWS::IAM::Policy" {
			continue
		}
		for _, statement := range statements(r["Properties"]) {
			if !slices.Contains(list(statement["Action"]), "sts:AssumeRole") {
				continue
			}
			for _, env := range c.Environments {
				if !strings.Contains(text(statement["Resource"]), "deploy-role-"+env.ID) {
					continue
				}
				before, _ := c.Environment(env.After)
				seen[env.Name] = true
				assert.Contains(t, strings.ToLower(id), env.Name, "the job's name says where it goes")
				for _, role := range list(statement["Resource"]) {
					if role == "arn:aws:iam::"+before.ID+":role/cdk-hnb659fds-file-publishing-role-"+before.ID+"-"+before.Region {
						continue // what the environment before has recorded says what may go on
					}
					assert.Regexp(t, `^arn:aws:iam::`+env.ID+`:role/cdk-hnb659fds-(deploy|file-publishing|lookup)-role-`+env.ID+`-`+env.Region+`$`, role)
				}
			}
		}
	}
	assert.Len(t, seen, len(c.Environments), "a job deploys to each environment")
}

func TestB5_TargetAccountsMayReadArtefactsByTheirRolesAlone(t *testing.T) {
	s := stack(t, config.Tooling, "pipeline")
	accounts := map[string]bool{}
	for id, r := range s.resources() {
		for _, statement := range statements(r["Properties"]) {
			for _, principal := range list(at(statement, "Principal.AWS")) {
				account := regexp.MustCompile(`arn:aws:iam::([0-9]{12}):root`).FindStringSubmatch(principal)
				if account == nil || account[1] == "123456789012" {
					continue
				}
				accounts[account[1]] = true
				for _, role := range list(at(statement, "Condition.ArnEquals.aws:PrincipalArn")) {
					assert.Contains(t, role, ":role/cdk-hnb659fds-")
				}
				assert.NotEmpty(t, at(statement, "Condition.ArnEquals.aws:PrincipalArn"), "%s lets all of account %s in", id, account[1])
				for _, action := range list(statement["Action"]) {
					assert.Contains(t, []string{"s3:GetObject", "s3:GetObjectVersion", "kms:Decrypt", "kms:DescribeKey"}, action)
				}
			}
		}
	}
	assert.Equal(t, map[string]bool{"111122223333": true, "444455556666": true, "777788889999": true}, accounts)
	for _, p := range s.ofType("AWS::CodePipeline::Pipeline") {
		assert.Equal(t, "KMS", at(p, "Properties.ArtifactStore.EncryptionKey.Type"))
	}
}

func TestB6_OwnersHearOfFailuresSuccessesApprovalsAndPlans(t *testing.T) {
	s := stack(t, config.Tooling, "events")
	var heard []string
	for _, rule := range s.ofType("AWS::Events::Rule") {
		if strings.HasPrefix(fmt.Sprint(at(rule, "Properties.Targets.0.Arn.Ref")), "Owners") {
			heard = append(heard, fmt.Sprint(at(rule, "Properties.Description")))
		}
	}
	assert.ElementsMatch(t, []string{"a pipeline failed", "a pipeline succeeded", "a release waits for a person's yes", "a plan can be read", "what is deployed was changed by hand", "an alarm is raised, or is over after it was"}, heard)
	assert.Equal(t, "platform@example.com", at(only(t, s, "AWS::SNS::Subscription"), "Properties.Endpoint"))
	assert.Contains(t, text(only(t, s, "AWS::Logs::ResourcePolicy")), "aws:SourceArn")
}

func TestF6_DriftIsLookedForOnAScheduleByJobsThatMayChangeNothing(t *testing.T) {
	s := stack(t, config.Tooling, "pipeline")
	p := pipelineCalled(t, "drift")
	assert.Nil(t, at(p, "Properties.Triggers"), "nothing but the schedule starts it")
	assert.Len(t, actionsOf(t, p, "drift"), 3)
	rule := only(t, s, "AWS::Events::Rule")
	assert.Equal(t, "rate(1 day)", at(rule, "Properties.ScheduleExpression"))
	assert.Contains(t, text(at(rule, "Properties.Targets.0.Arn")), "DriftPipeline")
	for id, r := range s.resources() {
		for _, statement := range statements(r["Properties"]) {
			switch resources := text(statement["Resource"]); {
			case !strings.HasPrefix(id, "Drift"):
			case slices.Contains(list(statement["Action"]), "codepipeline:StartPipelineExecution"):
				assert.Contains(t, resources, "DriftPipeline", id)
			case slices.Contains(list(statement["Action"]), "sts:AssumeRole") && strings.Contains(resources, "cdk-"):
				assert.NotContains(t, resources, "deploy-role", id)
				assert.Contains(t, resources, "lookup-role", id)
			}
		}
	}
	for _, rule := range stack(t, config.Tooling, "events").ofType("AWS::Events::Rule") {
		switch fmt.Sprint(at(rule, "Properties.Description")) {
		case "what is deployed was changed by hand":
			assert.Equal(t, []any{"lockstep-drift"}, at(rule, "Properties.EventPattern.detail.pipeline"))
		case "a pipeline succeeded":
			assert.Equal(t, []any{"lockstep-main", "lockstep-release", "lockstep-pull-request"}, at(rule, "Properties.EventPattern.detail.pipeline"), "an in-sync day is no news")
		}
	}

	text, err := fs.ReadFile(configuration, "pipeline.yaml")
	require.NoError(t, err)
	c, err := config.Load(withFiles(map[string]string{"pipeline.yaml": string(text) + "driftSchedule: never\n"}))
	require.NoError(t, err)
	assert.Len(t, pipeline.Delivery(c), 3)
}

func TestF2_ThePipelinesEventsAreCountedAndDrawn(t *testing.T) {
	s := stack(t, config.Tooling, "events")
	var counted []string
	for _, filter := range s.ofType("AWS::Logs::MetricFilter") {
		counted = append(counted, fmt.Sprint(at(filter, "Properties.MetricTransformations.0.MetricName")))
	}
	assert.ElementsMatch(t, []string{"Started", "Succeeded", "Failed"}, counted)
	assert.Len(t, s.ofType("AWS::CloudWatch::Alarm"), 1)
	assert.Len(t, s.ofType("AWS::CloudWatch::Dashboard"), 1)
	assert.Len(t, stack(t, config.Tooling, "pipeline").ofType("AWS::CloudWatch::Dashboard"), 1)
}

func TestF5_PipelineLogsAndArtefactsAreKeptAsLongAsTheyMust(t *testing.T) {
	s := stack(t, config.Tooling, "pipeline")
	jobs := s.ofType("AWS::CodeBuild::Project")
	groups := s.ofType("AWS::Logs::LogGroup")
	assert.Len(t, groups, len(jobs), "each job has a log of its own")
	for _, group := range groups {
		assert.Equal(t, 90.0, at(group, "Properties.RetentionInDays"))
	}
	archived := 0
	for _, bucket := range s.ofType("AWS::S3::Bucket") {
		if at(bucket, "Properties.LoggingConfiguration") != nil {
			archived++
			assert.Equal(t, 30.0, at(ruleCalled(t, bucket, "archive"), "Transitions.0.TransitionInDays"))
		}
	}
	assert.Equal(t, 4, archived, "one for each pipeline")
}

func TestB4_NothingIsDeployedBeforeEveryGate(t *testing.T) {
	for _, name := range []string{"main", "release", "pull-request"} {
		p := pipelineCalled(t, name)
		gates := map[string]bool{}
		for _, stage := range at(p, "Properties.Stages").([]any) {
			for _, action := range at(stage, "Actions").([]any) {
				project := text(at(action, "Configuration.ProjectName"))
				if strings.Contains(project, "Deploy") {
					for _, gate := range pipeline.Gates {
						assert.True(t, gates[string(gate)], "%s: %s runs before %s", name, at(action, "Name"), gate)
					}
				}
			}
			for _, action := range at(stage, "Actions").([]any) {
				gates[fmt.Sprint(at(action, "Name"))] = true
			}
		}
		for _, gate := range pipeline.Gates {
			assert.True(t, gates[string(gate)], "%s has no job for %s", name, gate)
		}
	}
}

func TestB7_EveryJobRunsWhatTheTableSays(t *testing.T) {
	want := map[string]string{}
	c, err := config.Load(configuration)
	require.NoError(t, err)
	for _, line := range pipeline.Delivery(c) {
		for _, stage := range line.Stages {
			for _, job := range stage.Jobs {
				buildspec, err := job.Buildspec(c.Pipeline.Engine)
				require.NoError(t, err)
				want["lockstep-"+line.Name+"-"+job.Name] = buildspec
			}
		}
	}
	got := map[string]string{}
	for _, project := range stack(t, config.Tooling, "pipeline").ofType("AWS::CodeBuild::Project") {
		got[fmt.Sprint(at(project, "Properties.Name"))] = fmt.Sprint(at(project, "Properties.Source.BuildSpec"))
	}
	assert.Equal(t, want, got)
}

// An engine that is not open to the world is reached from inside of a network, and by nothing that nobody has reviewed.
func TestB2_OnlyReviewedJobsReachAnEngineInANetwork(t *testing.T) {
	text, err := fs.ReadFile(configuration, "pipeline.yaml")
	require.NoError(t, err)
	c, err := config.Load(withFiles(map[string]string{"pipeline.yaml": string(text) + `engine:
  host: tcp://engine.example.internal:8080
  imagePrefix: mirror.example.com/docker-hub
  network: {vpc: vpc-0123456789abcdef0, subnets: [subnet-0123456789abcdef0], securityGroups: [sg-0123456789abcdef0]}
`}))
	require.NoError(t, err)
	tooling, ok := c.Tooling()
	require.True(t, ok)
	made, err := synthesise(c, tooling, t.TempDir())
	require.NoError(t, err)
	require.Empty(t, made.findings)

	var placed, others int
	for _, project := range made.templates["pipeline"].ofType("AWS::CodeBuild::Project") {
		name, buildspec := fmt.Sprint(at(project, "Properties.Name")), fmt.Sprint(at(project, "Properties.Source.BuildSpec"))
		assert.Contains(t, buildspec, "--image-prefix mirror.example.com/docker-hub", name)
		if strings.HasPrefix(name, "lockstep-pull-request-") {
			others++
			assert.Nil(t, at(project, "Properties.VpcConfig"), name)
			assert.Equal(t, true, at(project, "Properties.Environment.PrivilegedMode"), name)
			assert.NotContains(t, buildspec, "engine.example.internal", name)
			continue
		}
		placed++
		assert.Equal(t, "vpc-0123456789abcdef0", at(project, "Properties.VpcConfig.VpcId"), name)
		assert.Equal(t, []any{"sg-0123456789abcdef0"}, at(project, "Properties.VpcConfig.SecurityGroupIds"), name)
		assert.Equal(t, false, at(project, "Properties.Environment.PrivilegedMode"), name)
		assert.Contains(t, buildspec, "_EXPERIMENTAL_DAGGER_RUNNER_HOST: tcp://engine.example.internal:8080", name)
		assert.Contains(t, fmt.Sprint(project["DependsOn"]), "Network", name)
	}
	assert.NotZero(t, placed)
	assert.NotZero(t, others)

	var policies int
	for id, policy := range made.templates["pipeline"].resources() {
		if policy["Type"] != "AWS::IAM::Policy" || !strings.Contains(id, "Network") {
			continue
		}
		policies++
		assert.NotContains(t, id, "PullRequest")
		assert.Equal(t, "codebuild.amazonaws.com", at(policy, "Properties.PolicyDocument.Statement.2.Condition.StringEquals.ec2:AuthorizedService"), id)
	}
	assert.Equal(t, placed, policies)
}
