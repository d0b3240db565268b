package stacks

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodepipeline"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
	own "lockstep/infra/constructs"
	"lockstep/internal/pipeline"
)

// PipelinesProps are the properties of the pipeline stack.
type PipelinesProps struct {
	Pipeline config.Pipeline
	// Environments are those that releases are deployed to. Their accounts may read the artifacts.
	Environments []config.Environment
	// Pipelines are the pipelines with their stages.
	Pipelines []pipeline.Pipeline
}

// Where jobs run, by CodeBuild's names.
const (
	jobImage   = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
	jobCompute = "BUILD_GENERAL1_LARGE"
	// reportGroupName is the name of a job's report in its buildspec.
	reportGroupName = "tests"
	// jobMinutes is longer than the deployment of all stacks takes with the creation of an Aurora cluster.
	jobMinutes = 120
)

// AddPipelines adds the pipelines, each with an artifact store of its own, so that artifacts of pull requests are
// never in the store of deployments. It returns an error if a job cannot be written as a buildspec.
func AddPipelines(stack awscdk.Stack, props PipelinesProps) error {
	logs := own.NewBucket(stack, "AccessLogs", own.BucketProps{LifecycleRules: accessLogRules()})
	var drawn []awscloudwatch.IWidget
	for _, line := range props.Pipelines {
		scope := constructs.NewConstruct(stack, jsii.String(constructID(line.Name)))
		made := &pipelineBuilder{PipelinesProps: props, definition: line, scope: scope, name: props.Pipeline.Project + "-" + line.Name}
		made.role = own.NewServiceRole(scope, "Role", "codepipeline.amazonaws.com", "runs the pipeline "+made.name)
		stages, err := made.stageDeclarations()
		if err != nil {
			return err
		}
		made.addPipeline(stages, newArtifactStore(scope, made, logs))
		drawn = append(drawn, own.NewGraphWidget("duration of the jobs of "+made.name+", seconds", made.durations...))
	}
	own.NewDashboard(stack, drawn)
	return nil
}

// A pipelineBuilder collects the resources of one pipeline.
type pipelineBuilder struct {
	PipelinesProps
	definition pipeline.Pipeline
	scope      constructs.Construct
	name       string
	role       awsiam.Role
	// jobRoles are those of the jobs, and jobs what the pipeline may start.
	jobRoles    []awsiam.Role
	projectARNs []*string
	projects    []awscodebuild.CfnProject
	durations   []awscloudwatch.IMetric
}

// stageDeclarations returns the source stage and the stages of the definition.
func (l *pipelineBuilder) stageDeclarations() ([]any, error) {
	stages := []any{stageDeclaration("source", l.sourceAction())}
	for _, s := range l.definition.Stages {
		var actions []any
		order := 1
		if s.Approval != "" {
			actions = append(actions, &awscodepipeline.CfnPipeline_ActionDeclarationProperty{
				Name: jsii.String("approve-" + s.Name), ActionTypeId: actionType("Approval", "Manual"), RunOrder: jsii.Number(order),
				Configuration: map[string]any{"CustomData": s.Approval},
			})
			order++
		}
		for _, job := range s.Jobs {
			action, err := l.addJob(job, order)
			if err != nil {
				return nil, err
			}
			actions = append(actions, action)
		}
		stages = append(stages, stageDeclaration(s.Name, actions...))
	}
	l.role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("codebuild:BatchGetBuilds", "codebuild:StartBuild"), Resources: &l.projectARNs,
	}))
	return stages, nil
}

// sourceAction returns the action that reads the commit. Jobs clone the repository themselves, with its history, which
// gates read.
func (l *pipelineBuilder) sourceAction() any {
	source := l.Pipeline.Source
	l.role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("codeconnections:UseConnection", "codestar-connections:UseConnection"), Resources: jsii.Strings(source.Connection),
	}))
	return &awscodepipeline.CfnPipeline_ActionDeclarationProperty{
		Name: jsii.String("source"), Namespace: jsii.String("source"), ActionTypeId: actionType("Source", "CodeStarSourceConnection"),
		Configuration: map[string]any{
			"ConnectionArn": source.Connection, "FullRepositoryId": source.Repository, "BranchName": source.Branch,
			// The triggers say what starts the pipeline.
			"DetectChanges": "false", "OutputArtifactFormat": "CODEBUILD_CLONE_REF",
		},
		OutputArtifacts: artifactRefs(pipeline.SourceArtifact),
	}
}

// allowClone lets a job's role read the one repository, whatever the connection itself allows. Source of the
// conditions: the service authorization reference, AWS CodeConnections.
func (l *pipelineBuilder) allowClone(role awsiam.Role) {
	for _, service := range []string{"codeconnections", "codestar-connections"} { // its name of today and the one before, which connections still have
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings(service + ":UseConnection"), Resources: jsii.Strings(l.Pipeline.Source.Connection),
			Conditions: &map[string]any{"StringEqualsIfExists": map[string]any{
				service + ":FullRepositoryId": l.Pipeline.Source.Repository, service + ":ProviderPermissionsRequired": "read_only",
			}},
		}))
	}
}

// addJob adds a job with a role of its own and returns the action that starts it.
func (l *pipelineBuilder) addJob(job pipeline.Job, order int) (any, error) {
	engine := l.definition.Engine(l.Pipeline.Engine)
	buildspec, err := job.Buildspec(engine)
	if err != nil {
		return nil, err
	}
	id, name := constructID(job.Name), l.name+"-"+job.Name
	role := own.NewServiceRole(l.scope, id+"Role", "codebuild.amazonaws.com", "runs "+job.Name+" of "+l.name)
	if slices.Contains(job.Inputs, pipeline.SourceArtifact) {
		l.allowClone(role)
	}
	if roles := l.assumableRoles(job); len(roles) > 0 {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("sts:AssumeRole", "sts:TagSession"), Resources: jsii.Strings(roles...),
		}))
	}
	props := own.JobProps{
		Name: name, Description: job.Description, Buildspec: buildspec, Privileged: pipeline.NeedsPrivilegedMode(engine), Network: engine.Network, Image: jobImage, Compute: jobCompute,
		Role: role, LogDays: l.Pipeline.LogDays, TimeoutMinutes: jobMinutes,
	}
	if job.ReportsFolder != "" {
		props.Reports = []string{reportGroupName}
	}
	project := own.NewJob(l.scope, id, props)
	l.jobRoles = append(l.jobRoles, role)
	l.projects = append(l.projects, project)
	l.projectARNs = append(l.projectARNs, project.AttrArn())
	l.durations = append(l.durations, awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String("AWS/CodeBuild"), MetricName: jsii.String("Duration"), Statistic: jsii.String("Average"),
		DimensionsMap: &map[string]*string{"ProjectName": jsii.String(name)},
	}))
	return l.jobAction(job, project, order), nil
}

// jobAction returns the action that starts a job. Later actions read its variables under the job's name.
func (l *pipelineBuilder) jobAction(job pipeline.Job, project awscodebuild.CfnProject, order int) any {
	action := &awscodepipeline.CfnPipeline_ActionDeclarationProperty{
		Name: jsii.String(job.Name), Namespace: jsii.String(job.Name), ActionTypeId: actionType("Build", "CodeBuild"), RunOrder: jsii.Number(order),
		InputArtifacts: artifactRefs(job.Inputs...),
	}
	configuration := map[string]any{"ProjectName": project.Ref()}
	if len(job.Inputs) > 1 {
		configuration["PrimarySource"] = job.Inputs[0]
	}
	action.Configuration = configuration
	if job.Output != "" {
		action.OutputArtifacts = artifactRefs(job.Output)
	}
	return action
}

// assumableRoles returns the ARNs of the roles that a job may assume. A job that promotes reads the records of the
// environment before, with that environment's publishing role.
func (l *pipelineBuilder) assumableRoles(job pipeline.Job) []string {
	var out []string
	for _, env := range l.Environments {
		if env.Name != job.Environment {
			continue
		}
		for _, part := range env.Accounts() {
			out = append(out, bootstrapRoleARNs(l.Pipeline.Bootstrap.Qualifier, part.Environment, job.Permission.Roles())...)
		}
		for _, before := range l.Environments {
			if before.Name == env.After && job.Permission.AllowsPromotion() {
				out = append(out, bootstrapRoleARNs(l.Pipeline.Bootstrap.Qualifier, before, []string{pipeline.RecordsRole})...)
			}
		}
	}
	return out
}

// bootstrapRoleARNs returns the ARNs of roles that `cdk bootstrap` created in an environment's account.
func bootstrapRoleARNs(qualifier string, env config.Environment, roles []string) []string {
	var out []string
	for _, role := range roles {
		out = append(out, own.BootstrapRoleARN(role, qualifier, env.ID, env.Region))
	}
	return out
}

// addPipeline adds the pipeline itself.
func (l *pipelineBuilder) addPipeline(stages []any, store artifactStore) {
	for _, project := range l.projects {
		project.SetEncryptionKey(store.key.KeyArn())
	}
	mode := "QUEUED" // each release is deployed, in the order in which they came
	if l.definition.Trigger == pipeline.PullRequest {
		mode = "PARALLEL"
	}
	made := awscodepipeline.NewCfnPipeline(l.scope, jsii.String("Pipeline"), &awscodepipeline.CfnPipelineProps{
		Name: jsii.String(l.name), PipelineType: jsii.String("V2"), ExecutionMode: jsii.String(mode), RoleArn: l.role.RoleArn(), Stages: stages,
		RestartExecutionOnUpdate: jsii.Bool(false), Triggers: l.triggers(),
		ArtifactStore: &awscodepipeline.CfnPipeline_ArtifactStoreProperty{
			Type: jsii.String("S3"), Location: store.bucket.BucketName(),
			EncryptionKey: &awscodepipeline.CfnPipeline_EncryptionKeyProperty{Type: jsii.String("KMS"), Id: store.key.KeyArn()},
		},
	})
	// The first execution begins as soon as the pipeline is there, and needs all of its rights.
	made.Node().AddDependency(l.role, store.bucket.Policy())
	if l.definition.Trigger == pipeline.Schedule {
		l.addSchedule(made)
	}
}

// addSchedule starts the pipeline at the configured times.
func (l *pipelineBuilder) addSchedule(made awscodepipeline.CfnPipeline) {
	arn := awscdk.Stack_Of(l.scope).FormatArn(&awscdk.ArnComponents{Service: jsii.String("codepipeline"), Resource: made.Ref()})
	role := own.NewServiceRole(l.scope, "ScheduleRole", eventsService, "starts the pipeline "+l.name)
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("codepipeline:StartPipelineExecution"), Resources: &[]*string{arn},
	}))
	own.NewSchedule(l.scope, "Schedule", own.ScheduleProps{Description: "starts " + l.name, Expression: l.Pipeline.DriftSchedule, Target: arn, Role: role})
}

// triggers returns what starts the pipeline; nil for a schedule.
func (l *pipelineBuilder) triggers() any {
	source := l.Pipeline.Source
	branch := &awscodepipeline.CfnPipeline_GitBranchFilterCriteriaProperty{Includes: jsii.Strings(source.Branch)}
	git := &awscodepipeline.CfnPipeline_GitConfigurationProperty{SourceActionName: jsii.String("source")}
	switch l.definition.Trigger {
	case pipeline.Push:
		git.Push = []any{&awscodepipeline.CfnPipeline_GitPushFilterProperty{Branches: branch}}
	case pipeline.Tag:
		git.Push = []any{&awscodepipeline.CfnPipeline_GitPushFilterProperty{Tags: &awscodepipeline.CfnPipeline_GitTagFilterCriteriaProperty{Includes: jsii.Strings(source.Tags)}}}
	case pipeline.PullRequest:
		git.PullRequest = []any{&awscodepipeline.CfnPipeline_GitPullRequestFilterProperty{Branches: branch, Events: jsii.Strings("OPEN", "UPDATED")}}
	case pipeline.Schedule:
		return nil
	}
	return []any{&awscodepipeline.CfnPipeline_PipelineTriggerDeclarationProperty{ProviderType: jsii.String("CodeStarSourceConnection"), GitConfiguration: git}}
}

func stageDeclaration(name string, actions ...any) any {
	return &awscodepipeline.CfnPipeline_StageDeclarationProperty{Name: jsii.String(name), Actions: actions}
}

func actionType(category, provider string) any {
	return &awscodepipeline.CfnPipeline_ActionTypeIdProperty{
		Category: jsii.String(category), Owner: jsii.String("AWS"), Provider: jsii.String(provider), Version: jsii.String("1"),
	}
}

// artifactRefs returns the names of artifacts as CodePipeline takes them.
func artifactRefs(names ...string) []any {
	var out []any
	for _, name := range names {
		out = append(out, map[string]any{"name": name})
	}
	return out
}

// constructID returns a name as the id of a construct: pull-request becomes PullRequest.
func constructID(name string) string {
	out, upper := make([]byte, 0, len(name)), true
	for i := range len(name) {
		switch c := name[i]; {
		case c == '-' || c == ':' || c == '_':
			upper = true
		case upper && c >= 'a' && c <= 'z':
			out, upper = append(out, c-'a'+'A'), false
		default:
			out, upper = append(out, c), false
		}
	}
	return string(out)
}
