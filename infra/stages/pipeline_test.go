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
	"lockstep/internal/roles"
)

// findPipeline returns a pipeline of the tooling account.
func findPipeline(t *testing.T, name string) map[string]any {
	t.Helper()
	for _, p := range stackTemplate(t, config.ToolingEnvironment,
		"pipeline").resourcesOfType("AWS::CodePipeline::Pipeline") {
		if valueAt(p, "Properties.Name") == "lockstep-"+name {
			return p
		}
	}
	require.Fail(t, "no pipeline "+name)
	return nil
}

// stageNames returns the names of a pipeline's stages in order.
func stageNames(p map[string]any) []string {
	var names []string
	for _, s := range valueAt(p, "Properties.Stages").([]any) {
		names = append(names, valueAt(s, "Name").(string))
	}
	return names
}

// stageActions returns the actions of a pipeline's stage.
func stageActions(t *testing.T, p map[string]any, stage string) []any {
	t.Helper()
	i := slices.Index(stageNames(p), stage)
	require.GreaterOrEqual(t, i, 0, "no stage %s in %v", stage, stageNames(p))
	return valueAt(p, fmt.Sprintf("Properties.Stages.%d.Actions", i)).([]any)
}

func TestB1_PipelinesAreV2WithConnection(t *testing.T) {
	manifest, err := os.ReadFile(filepath.Join(synthesizedAssemblies[config.ToolingEnvironment].dir, "manifest.json"))
	require.NoError(t, err)
	assert.Contains(t, string(manifest), "aws://123456789012/eu-west-1")
	for _, name := range []string{"main", "release", "pull-request"} {
		p := findPipeline(t, name)
		assert.Equal(t, "V2", valueAt(p, "Properties.PipelineType"))
		source := stageActions(t, p, "source")[0]
		assert.Equal(t, "CodeStarSourceConnection", valueAt(source, "ActionTypeId.Provider"))
		assert.Equal(t, "arn:aws:codeconnections:eu-west-1:123456789012:connection/11111111-2222-3333-4444-555555555555",
			valueAt(source, "Configuration.ConnectionArn"))
		assert.Equal(t, "example/platform", valueAt(source, "Configuration.FullRepositoryId"))
		assert.Equal(t, "false", valueAt(source, "Configuration.DetectChanges"), "the triggers alone start it")
	}
}

// Gates look at the commits. Whoever takes the repository's files clones them, and may do no more than that with the
// connection.
func TestB1_JobsCloneReadOnly(t *testing.T) {
	for _, name := range []string{"main", "release", "pull-request"} {
		assert.Equal(t, "CODEBUILD_CLONE_REF", valueAt(stageActions(t, findPipeline(t, name), "source")[0],
			"Configuration.OutputArtifactFormat"))
	}
	jobs := 0
	for id, r := range stackTemplate(t, config.ToolingEnvironment, "pipeline").resources() {
		used := 0
		for _, s := range policyStatements(r["Properties"]) {
			for _, service := range []string{"codeconnections", "codestar-connections"} {
				if slices.Equal(stringList(s["Action"]), []string{service + ":UseConnection"}) {
					used++
					assert.Equal(t, map[string]any{"StringEquals": map[string]any{
						service + ":FullRepositoryId": "example/platform", service + ":ProviderAction": "GitPull",
					}}, s["Condition"], id)
				}
			}
		}
		if used > 0 {
			assert.Equal(t, 2, used, "%s: both names of the service", id)
			jobs++
		}
	}
	assert.Len(t, stackTemplate(t, config.ToolingEnvironment, "pipeline").resourcesOfType("AWS::CodeBuild::Project"),
		jobs, "every job takes the repository's files")
}

func TestB2_TriggersStartTheirPipeline(t *testing.T) {
	git := func(name string) any {
		return valueAt(findPipeline(t, name), "Properties.Triggers.0.GitConfiguration")
	}
	assert.Equal(t, []any{"main"}, valueAt(git("main"), "Push.0.Branches.Includes"))
	tagAlone := []any{map[string]any{"Tags": map[string]any{"Includes": []any{"v*"}}}}
	assert.Equal(t, tagAlone, valueAt(git("release"), "Push"))
	assert.Equal(t, []any{"main"}, valueAt(git("pull-request"), "PullRequest.0.Branches.Includes"))
	assert.Equal(t, []any{"OPEN", "UPDATED"}, valueAt(git("pull-request"), "PullRequest.0.Events"))
}

// What nobody has reviewed runs with no way to any account, and what it leaves never lies where a release takes its
// files from.
func TestB2_PullRequestHasNoPermissions(t *testing.T) {
	s := stackTemplate(t, config.ToolingEnvironment, "pipeline")
	for id, r := range s.resources() {
		if strings.HasPrefix(id, "PullRequest") {
			assert.NotContains(t, jsonText(policyStatements(r["Properties"])), `"Action":["sts:AssumeRole"`, id)
			if r["Type"] == "AWS::IAM::Policy" {
				assert.NotContains(t, jsonText(r), "sts:", id)
			}
		}
	}
	stores := map[string]bool{}
	for _, name := range []string{"main", "release", "pull-request"} {
		stores[jsonText(valueAt(findPipeline(t, name), "Properties.ArtifactStore.Location"))] = true
	}
	assert.Len(t, stores, 3)
	for id, r := range s.resources() {
		if strings.HasPrefix(id, "MainArtefacts") || strings.HasPrefix(id, "ReleaseArtefacts") {
			assert.NotContains(t, jsonText(r), "PullRequest", id)
		}
		if strings.HasPrefix(id, "PullRequest") {
			for _, found := range accountIDPattern.FindAllStringSubmatch(jsonText(r), -1) {
				assert.Equal(t, "123456789012", found[2], "%s knows another account", id)
			}
		}
	}
}

func TestB3_ReleaseApprovalShowsPlan(t *testing.T) {
	assert.NotContains(t, stageNames(findPipeline(t, "main")), "prod")
	release := findPipeline(t, "release")
	actions := stageActions(t, release, "prod")
	require.Equal(t, "Approval", valueAt(actions[0], "ActionTypeId.Category"))
	shown := fmt.Sprint(valueAt(actions[0], "Configuration.CustomData"))
	assert.Contains(t, shown, "DIGEST")
	assert.Contains(t, shown, "SUMMARY")
	assert.LessOrEqual(t, len(shown), 1000, "CodePipeline takes no more")
	for _, action := range actions[1:] {
		assert.Greater(t, valueAt(action, "RunOrder"), valueAt(actions[0], "RunOrder"), "nothing runs before the approval")
	}
}

func TestB3_EnvironmentsFollowPromotionOrder(t *testing.T) {
	names := stageNames(findPipeline(t, "main"))
	assert.Equal(t, "source", names[0])
	dev, acc := slices.Index(names, "dev"), slices.Index(names, "acc")
	assert.Positive(t, dev)
	assert.Greater(t, acc, dev)
}

// Each name of a variable in an action is that of an action before it, or CodePipeline refuses the pipeline.
func TestB3_ActionReferencesPrecede(t *testing.T) {
	variable := regexp.MustCompile(`#\{([^.}]+)\.`)
	for _, name := range []string{"main", "release", "pull-request"} {
		namespaces, outputs := map[string]bool{"codepipeline": true}, map[string]bool{}
		for _, stage := range valueAt(findPipeline(t, name), "Properties.Stages").([]any) {
			for _, action := range valueAt(stage, "Actions").([]any) {
				for _, found := range variable.FindAllStringSubmatch(jsonText(valueAt(action, "Configuration")), -1) {
					assert.True(t, namespaces[found[1]], "%s: %s", name, found[0])
				}
				inputs, _ := valueAt(action, "InputArtifacts").([]any)
				for _, input := range inputs {
					assert.True(t, outputs[fmt.Sprint(valueAt(input, "Name"))], "%s: %s reads %v", name, valueAt(action, "Name"),
						valueAt(input, "Name"))
				}
			}
			for _, action := range valueAt(stage, "Actions").([]any) {
				namespaces[fmt.Sprint(valueAt(action, "Namespace"))] = true
				artifacts, _ := valueAt(action, "OutputArtifacts").([]any)
				for _, output := range artifacts {
					outputs[fmt.Sprint(valueAt(output, "Name"))] = true
				}
			}
		}
	}
}

func TestB5_JobsAssumeOwnEnvironmentRoles(t *testing.T) {
	c, err := config.Load(configurationFS)
	require.NoError(t, err)
	s := stackTemplate(t, config.ToolingEnvironment, "pipeline")
	seen := map[string]bool{}
	for id, r := range s.resources() {
		if r["Type"] != "AWS::IAM::Policy" {
			continue
		}
		for _, statement := range policyStatements(r["Properties"]) {
			if !slices.Contains(stringList(statement["Action"]), "sts:AssumeRole") {
				continue
			}
			for _, env := range c.Environments {
				if !strings.Contains(jsonText(statement["Resource"]), "deploy-role-"+env.ID) {
					continue
				}
				before, _ := c.Environment(env.After)
				seen[env.Name] = true
				assert.Contains(t, strings.ToLower(id), env.Name, "the job's name says where it goes")
				for _, role := range stringList(statement["Resource"]) {
					if role == roles.LedgerReader.ARN("aws", "hnb659fds", before.ID, before.Region) {
						continue // what the environment before has recorded says what may go on
					}
					assert.Contains(t, role, "arn:aws:iam::"+env.ID+":role/")
					assert.True(t, strings.HasSuffix(role, "-"+env.ID+"-"+env.Region), role)
				}
			}
		}
	}
	assert.Len(t, seen, len(c.Environments), "a job deploys to each environment")
}

func TestB7_JobsMayOnlyWriteTheirLogsAndReports(t *testing.T) {
	s := stackTemplate(t, config.ToolingEnvironment, "pipeline")
	for id, r := range s.resources() {
		for _, statement := range policyStatements(r["Properties"]) {
			actions := stringList(statement["Action"])
			switch {
			case slices.Contains(actions, "logs:PutLogEvents"):
				assert.Equal(t, []string{"logs:CreateLogStream", "logs:PutLogEvents"}, actions, id)
				assert.Contains(t, jsonText(statement["Resource"]), "Log", id)
			case slices.Contains(actions, "codebuild:CreateReport"):
				assert.Contains(t, jsonText(statement["Resource"]), ":report-group/lockstep-", id)
			case slices.Contains(actions, "codebuild:StartBuild"):
				assert.Equal(t, []string{"codebuild:BatchGetBuilds", "codebuild:StartBuild"}, actions, id)
			}
		}
	}
}

func TestB6_OwnersAreNotified(t *testing.T) {
	s := stackTemplate(t, config.ToolingEnvironment, "events")
	var notified []string
	for _, rule := range s.resourcesOfType("AWS::Events::Rule") {
		if strings.HasPrefix(fmt.Sprint(valueAt(rule, "Properties.Targets.0.Arn.Ref")), "Owners") {
			notified = append(notified, fmt.Sprint(valueAt(rule, "Properties.Description")))
		}
	}
	assert.ElementsMatch(t, []string{
		"a pipeline failed", "a pipeline succeeded", "a release waits for a person's yes",
		"a plan can be read", "what is deployed was changed by hand", "an alarm is raised, or is over after it was",
	}, notified)
	assert.Equal(t, "platform@example.com", valueAt(onlyResource(t, s, "AWS::SNS::Subscription"), "Properties.Endpoint"))
	assert.Contains(t, jsonText(onlyResource(t, s, "AWS::Logs::ResourcePolicy")), "aws:SourceArn")
}

func TestF6_DriftPipelineIsReadOnly(t *testing.T) {
	s := stackTemplate(t, config.ToolingEnvironment, "pipeline")
	p := findPipeline(t, "drift")
	assert.Nil(t, valueAt(p, "Properties.Triggers"), "nothing but the schedule starts it")
	assert.Len(t, stageActions(t, p, "drift"), 3)
	rule := onlyResource(t, s, "AWS::Events::Rule")
	assert.Equal(t, "rate(1 day)", valueAt(rule, "Properties.ScheduleExpression"))
	assert.Contains(t, jsonText(valueAt(rule, "Properties.Targets.0.Arn")), "DriftPipeline")
	for id, r := range s.resources() {
		for _, statement := range policyStatements(r["Properties"]) {
			switch resources := jsonText(statement["Resource"]); {
			case !strings.HasPrefix(id, "Drift"):
			case slices.Contains(stringList(statement["Action"]), "codepipeline:StartPipelineExecution"):
				assert.Contains(t, resources, "DriftPipeline", id)
			}
		}
	}
	for _, rule := range stackTemplate(t, config.ToolingEnvironment, "events").resourcesOfType("AWS::Events::Rule") {
		switch fmt.Sprint(valueAt(rule, "Properties.Description")) {
		case "what is deployed was changed by hand":
			assert.Equal(t, []any{"lockstep-drift"}, valueAt(rule, "Properties.EventPattern.detail.pipeline"))
		case "a pipeline succeeded":
			assert.Equal(t, []any{"lockstep-main", "lockstep-release", "lockstep-pull-request"},
				valueAt(rule, "Properties.EventPattern.detail.pipeline"), "an in-sync day is no news")
		}
	}

	text, err := fs.ReadFile(configurationFS, "pipeline.yaml")
	require.NoError(t, err)
	c, err := config.Load(configurationWith(map[string]string{"pipeline.yaml": string(text) + "driftSchedule: never\n"}))
	require.NoError(t, err)
	assert.Len(t, pipeline.Pipelines(c), 3)
}

func TestF2_PipelineEventsHaveMetrics(t *testing.T) {
	s := stackTemplate(t, config.ToolingEnvironment, "events")
	var counted []string
	for _, filter := range s.resourcesOfType("AWS::Logs::MetricFilter") {
		counted = append(counted, fmt.Sprint(valueAt(filter, "Properties.MetricTransformations.0.MetricName")))
	}
	assert.ElementsMatch(t, []string{"Started", "Succeeded", "Failed"}, counted)
	assert.Len(t, s.resourcesOfType("AWS::CloudWatch::Alarm"), 1)
	assert.Len(t, s.resourcesOfType("AWS::CloudWatch::Dashboard"), 1)
	assert.Len(t, stackTemplate(t, config.ToolingEnvironment, "pipeline").resourcesOfType("AWS::CloudWatch::Dashboard"), 1)
}

func TestF2_DashboardShowsKeyMetrics(t *testing.T) {
	body := jsonText(onlyResource(t, stackTemplate(t, config.ToolingEnvironment, "events"), "AWS::CloudWatch::Dashboard"))
	for _, metric := range []string{
		pipeline.MetricLeadTime, pipeline.MetricDeploymentsPerDay, pipeline.MetricChangeFailureRate,
		pipeline.MetricRecoveryTime, pipeline.MetricNotRecovered,
	} {
		for _, environment := range []string{"dev", "acc", "prod"} {
			line := fmt.Sprintf(`"%s","%s","%s","%s"`,
				pipeline.MetricsNamespace("lockstep"), metric, pipeline.MetricsDimension, environment)
			assert.Contains(t, strings.ReplaceAll(body, `\"`, `"`), line)
		}
	}
}

func TestF2_OnlyScheduledJobsWriteMetrics(t *testing.T) {
	s := stackTemplate(t, config.ToolingEnvironment, "pipeline")
	writers := 0
	for id, r := range s.resources() {
		for _, statement := range policyStatements(r["Properties"]) {
			if !slices.Contains(stringList(statement["Action"]), "cloudwatch:PutMetricData") {
				continue
			}
			writers++
			assert.True(t, strings.HasPrefix(id, "Drift"), id)
			assert.Equal(t, pipeline.MetricsNamespace("lockstep"),
				valueAt(statement, "Condition.StringEquals.cloudwatch:namespace"), id)
		}
	}
	assert.Equal(t, 3, writers, "one for each environment")
}

func TestF5_PipelineLogRetention(t *testing.T) {
	s := stackTemplate(t, config.ToolingEnvironment, "pipeline")
	jobs := s.resourcesOfType("AWS::CodeBuild::Project")
	groups := s.resourcesOfType("AWS::Logs::LogGroup")
	assert.Len(t, groups, len(jobs), "each job has a log of its own")
	for _, group := range groups {
		assert.Equal(t, 90.0, valueAt(group, "Properties.RetentionInDays"))
	}
	archived := 0
	for _, bucket := range s.resourcesOfType("AWS::S3::Bucket") {
		if valueAt(bucket, "Properties.LoggingConfiguration") != nil {
			archived++
			assert.Equal(t, 30.0, valueAt(findLifecycleRule(t, bucket, "archive"), "Transitions.0.TransitionInDays"))
			expire := findLifecycleRule(t, bucket, "expire")
			assert.Equal(t, 365.0, expire["ExpirationInDays"], "artefacts")
			assert.Equal(t, 365.0, valueAt(expire, "NoncurrentVersionExpiration.NoncurrentDays"), "artefacts")
		} else {
			assert.Equal(t, 365.0, findLifecycleRule(t, bucket, "expire")["ExpirationInDays"], "access logs")
		}
	}
	assert.Equal(t, 4, archived, "one for each pipeline")
}

func TestB4_GatesPrecedeDeployment(t *testing.T) {
	for _, name := range []string{"main", "release", "pull-request"} {
		p := findPipeline(t, name)
		gates := map[string]bool{}
		for _, stage := range valueAt(p, "Properties.Stages").([]any) {
			for _, action := range valueAt(stage, "Actions").([]any) {
				project := jsonText(valueAt(action, "Configuration.ProjectName"))
				if strings.Contains(project, "Deploy") {
					for _, gate := range pipeline.GateStages {
						assert.True(t, gates[string(gate)], "%s: %s runs before %s", name, valueAt(action, "Name"), gate)
					}
				}
			}
			for _, action := range valueAt(stage, "Actions").([]any) {
				gates[fmt.Sprint(valueAt(action, "Name"))] = true
			}
		}
		for _, gate := range pipeline.GateStages {
			assert.True(t, gates[string(gate)], "%s has no job for %s", name, gate)
		}
	}
}

func TestB7_JobsRunTheirBuildspec(t *testing.T) {
	want := map[string]string{}
	c, err := config.Load(configurationFS)
	require.NoError(t, err)
	for _, line := range pipeline.Pipelines(c) {
		for _, stage := range line.Stages {
			for _, job := range stage.Jobs {
				buildspec, err := job.Buildspec(c.Pipeline.Engine)
				require.NoError(t, err)
				want["lockstep-"+line.Name+"-"+job.Name] = buildspec
			}
		}
	}
	got := map[string]string{}
	for _, project := range stackTemplate(t, config.ToolingEnvironment,
		"pipeline").resourcesOfType("AWS::CodeBuild::Project") {
		got[fmt.Sprint(valueAt(project, "Properties.Name"))] = fmt.Sprint(valueAt(project, "Properties.Source.BuildSpec"))
	}
	assert.Equal(t, want, got)
}

// An engine that is not open to the world is reached from inside of a network, and by nothing that nobody has reviewed.
func TestB2_PullRequestStaysOutOfVPC(t *testing.T) {
	text, err := fs.ReadFile(configurationFS, "pipeline.yaml")
	require.NoError(t, err)
	c, err := config.Load(configurationWith(map[string]string{"pipeline.yaml": string(text) + `engine:
  host: tcp://engine.example.internal:8080
  imagePrefix: mirror.example.com/docker-hub
  network: {vpc: vpc-0123456789abcdef0, subnets: [subnet-0123456789abcdef0], securityGroups: [sg-0123456789abcdef0]}
`}))
	require.NoError(t, err)
	tooling, ok := c.Tooling()
	require.True(t, ok)
	synthesised, err := synthesise(c, tooling, t.TempDir())
	require.NoError(t, err)
	require.Empty(t, synthesised.findings)

	var placed, others int
	for _, project := range synthesised.templates["pipeline"].resourcesOfType("AWS::CodeBuild::Project") {
		name, buildspec := fmt.Sprint(valueAt(project, "Properties.Name")), fmt.Sprint(valueAt(project,
			"Properties.Source.BuildSpec"))
		assert.Contains(t, buildspec, "--image-prefix mirror.example.com/docker-hub", name)
		if strings.HasPrefix(name, "lockstep-pull-request-") {
			others++
			assert.Nil(t, valueAt(project, "Properties.VpcConfig"), name)
			assert.Equal(t, true, valueAt(project, "Properties.Environment.PrivilegedMode"), name)
			assert.NotContains(t, buildspec, "engine.example.internal", name)
			continue
		}
		placed++
		assert.Equal(t, "vpc-0123456789abcdef0", valueAt(project, "Properties.VpcConfig.VpcId"), name)
		assert.Equal(t, []any{"sg-0123456789abcdef0"}, valueAt(project, "Properties.VpcConfig.SecurityGroupIds"), name)
		assert.Equal(t, false, valueAt(project, "Properties.Environment.PrivilegedMode"), name)
		assert.Contains(t, buildspec, "_EXPERIMENTAL_DAGGER_RUNNER_HOST: tcp://engine.example.internal:8080", name)
		assert.Contains(t, fmt.Sprint(project["DependsOn"]), "Network", name)
	}
	assert.NotZero(t, placed)
	assert.NotZero(t, others)

	var policies int
	for id, policy := range synthesised.templates["pipeline"].resources() {
		if policy["Type"] != "AWS::IAM::Policy" || !strings.Contains(id, "Network") {
			continue
		}
		policies++
		assert.NotContains(t, id, "PullRequest")
		assert.Equal(t, "codebuild.amazonaws.com", valueAt(policy,
			"Properties.PolicyDocument.Statement.2.Condition.StringEquals.ec2:AuthorizedService"), id)
	}
	assert.Equal(t, placed, policies)
}
