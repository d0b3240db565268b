package stacks

import (
	"encoding/json"
	"maps"
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

// The settings of all jobs, by CodeBuild's names.
const (
	jobImage   = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
	jobCompute = "BUILD_GENERAL1_LARGE"
	// reportGroupName is the name of a job's report in its buildspec.
	reportGroupName = "tests"
)

// AddPipelines adds the pipelines, each with an artifact store of its own, so that artifacts of pull requests are
// never in the store of deployments. It returns an error if a job cannot be written as a buildspec.
func AddPipelines(stack awscdk.Stack, props PipelinesProps) error {
	logs := own.NewBucket(stack, "AccessLogs", own.BucketProps{LifecycleRules: accessLogRules()})
	rights := jobRights{
		stack: stack, config: props.Pipeline, environments: props.Environments,
		keys: newSigningKeys(stack, props.Pipeline.Project),
	}
	var widgets []awscloudwatch.IWidget
	for _, definition := range props.Pipelines {
		scope := constructs.NewConstruct(stack, jsii.String(constructID(definition.Name)))
		builder := &pipelineBuilder{
			PipelinesProps: props, definition: definition, scope: scope, name: props.Pipeline.Project + "-" + definition.Name,
			rights: rights,
		}
		builder.role = own.NewServiceRole(scope, "Role", own.ServiceRoleProps{
			Service: "codepipeline.amazonaws.com", SourceARN: builder.arn(),
			Description: "runs the pipeline " + builder.name,
		})
		stages, err := builder.stageDeclarations()
		if err != nil {
			return err
		}
		builder.addPipeline(stages, newArtifactStore(scope, builder, logs))
		widgets = append(widgets, own.NewGraphWidget("duration of the jobs of "+builder.name+", seconds",
			builder.durations...))
	}
	own.NewDashboard(stack, widgets)
	return nil
}

// A pipelineBuilder collects the resources of one pipeline.
type pipelineBuilder struct {
	PipelinesProps
	definition pipeline.Pipeline
	scope      constructs.Construct
	name       string
	role       awsiam.Role
	rights     jobRights
	// The resources of the jobs, in order.
	jobRoles    []jobRole
	projectARNs []*string
	projects    []awscodebuild.CfnProject
	durations   []awscloudwatch.IMetric
}

// A jobRole is a job with its role.
type jobRole struct {
	job  pipeline.Job
	role awsiam.Role
}

// arn returns the ARN of the pipeline.
func (b *pipelineBuilder) arn() string { return b.format("codepipeline", b.name) }

// format returns an ARN of this account.
func (b *pipelineBuilder) format(service, resource string) string {
	return own.ARN(awscdk.Stack_Of(b.scope), service, resource)
}

// stageDeclarations returns the source stage and the stages of the definition.
func (b *pipelineBuilder) stageDeclarations() ([]any, error) {
	stages := []any{stageDeclaration("source", b.sourceAction())}
	for _, s := range b.definition.Stages {
		var actions []any
		order := 1
		if s.Approval != "" {
			actions = append(actions, &awscodepipeline.CfnPipeline_ActionDeclarationProperty{
				Name: jsii.String(pipeline.ApprovalAction(s.Name)), ActionTypeId: actionType("Approval", "Manual"),
				RunOrder:         jsii.Number(order),
				Configuration:    map[string]any{"CustomData": s.Approval},
				TimeoutInMinutes: jsii.Number(s.ApprovalTimeout.Minutes()),
			})
			order++
		}
		for _, job := range s.Jobs {
			action, err := b.addJob(job, order)
			if err != nil {
				return nil, err
			}
			actions = append(actions, action)
		}
		stages = append(stages, stageDeclaration(s.Name, actions...))
	}
	b.role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("codebuild:BatchGetBuilds", "codebuild:StartBuild"), Resources: &b.projectARNs,
	}))
	return stages, nil
}

// sourceAction returns the action that reads the commit. Jobs clone the repository themselves, with its history, which
// gates read.
func (b *pipelineBuilder) sourceAction() any {
	source := b.Pipeline.Source
	b.role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions:   jsii.Strings("codeconnections:UseConnection", "codestar-connections:UseConnection"),
		Resources: jsii.Strings(source.Connection),
	}))
	return &awscodepipeline.CfnPipeline_ActionDeclarationProperty{
		Name: jsii.String("source"), Namespace: jsii.String("source"),
		ActionTypeId: actionType("Source", "CodeStarSourceConnection"),
		Configuration: map[string]any{
			"ConnectionArn": source.Connection, "FullRepositoryId": source.Repository, "BranchName": source.Branch,
			// The triggers start the pipeline.
			"DetectChanges": "false", "OutputArtifactFormat": "CODEBUILD_CLONE_REF",
		},
		OutputArtifacts: artifactRefs(pipeline.SourceArtifact),
	}
}

// allowClone lets a job's role pull the one repository, whatever the connection itself allows. A use that names no
// repository, such as a list of all of them, is not allowed. Source of the conditions: the service authorization
// reference, AWS CodeConnections.
func (b *pipelineBuilder) allowClone(role awsiam.Role) {
	// The second is the former name of the service, which existing connections have.
	for _, service := range []string{"codeconnections", "codestar-connections"} {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings(service + ":UseConnection"), Resources: jsii.Strings(b.Pipeline.Source.Connection),
			Conditions: &map[string]any{"StringEquals": map[string]any{
				service + ":FullRepositoryId": b.Pipeline.Source.Repository, service + ":ProviderAction": "GitPull",
			}},
		}))
	}
}

// addJob adds a job with a role of its own and returns the action that starts it.
func (b *pipelineBuilder) addJob(job pipeline.Job, order int) (any, error) {
	engine := b.definition.Engine(b.Pipeline.Engine)
	buildspec, err := job.Buildspec(engine)
	if err != nil {
		return nil, err
	}
	id, name := constructID(job.Name), b.name+"-"+job.Name
	role := own.NewServiceRole(b.scope, id+"Role", own.ServiceRoleProps{
		Service: "codebuild.amazonaws.com", SourceARN: b.format("codebuild", "project/"+name),
		Description: "runs " + job.Name + " of " + b.name,
	})
	if slices.Contains(job.Inputs, pipeline.SourceArtifact) {
		b.allowClone(role)
	}
	b.rights.allow(b.scope, id, role, job)
	if job.ReadsApproval {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("codepipeline:ListActionExecutions"), Resources: jsii.Strings(b.arn()),
		}))
	}
	props := own.JobProps{
		Name: name, Description: job.Description, Buildspec: buildspec, Privileged: pipeline.NeedsPrivilegedMode(engine),
		Network: engine.Network, Image: jobImage, Compute: jobCompute,
		Role: role, LogDays: b.Pipeline.LogDays, TimeoutMinutes: int(pipeline.JobTimeout.Minutes()),
	}
	if job.ReportsFolder != "" {
		props.Reports = []string{reportGroupName}
	}
	project := own.NewJob(b.scope, id, props)
	b.jobRoles = append(b.jobRoles, jobRole{job, role})
	b.projects = append(b.projects, project)
	b.projectARNs = append(b.projectARNs, project.AttrArn())
	b.durations = append(b.durations, awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String("AWS/CodeBuild"), MetricName: jsii.String("Duration"), Statistic: jsii.String("Average"),
		DimensionsMap: &map[string]*string{"ProjectName": jsii.String(name)},
	}))
	return b.jobAction(job, project, order), nil
}

// jobAction returns the action that starts a job. Later actions read its variables under the job's name.
func (b *pipelineBuilder) jobAction(job pipeline.Job, project awscodebuild.CfnProject, order int) any {
	action := &awscodepipeline.CfnPipeline_ActionDeclarationProperty{
		Name: jsii.String(job.Name), Namespace: jsii.String(job.Name), ActionTypeId: actionType("Build", "CodeBuild"),
		RunOrder:       jsii.Number(order),
		InputArtifacts: artifactRefs(job.Inputs...),
	}
	configuration := map[string]any{"ProjectName": project.Ref()}
	if len(job.Inputs) > 1 {
		configuration["PrimarySource"] = job.Inputs[0]
	}
	if len(job.Variables) > 0 {
		configuration["EnvironmentVariables"] = actionVariables(job.Variables)
	}
	action.Configuration = configuration
	if job.Output != "" {
		action.OutputArtifacts = artifactRefs(job.Output)
	}
	return action
}

// actionVariables returns environment variables as CodePipeline hands them to CodeBuild, which is JSON.
func actionVariables(values map[string]string) string {
	type variable struct {
		Name  string `json:"name"`
		Value string `json:"value"`
		Type  string `json:"type"`
	}
	var out []variable
	for _, name := range slices.Sorted(maps.Keys(values)) {
		out = append(out, variable{name, values[name], "PLAINTEXT"})
	}
	text, err := json.Marshal(out)
	if err != nil {
		panic(err) // they are texts
	}
	return string(text)
}

// addPipeline adds the pipeline itself.
func (b *pipelineBuilder) addPipeline(stages []any, store artifactStore) {
	for _, project := range b.projects {
		project.SetEncryptionKey(store.key.KeyArn())
	}
	mode := "QUEUED" // each release is deployed, in order
	if b.definition.Trigger == pipeline.PullRequest {
		mode = "PARALLEL"
	}
	resource := awscodepipeline.NewCfnPipeline(b.scope, jsii.String("Pipeline"), &awscodepipeline.CfnPipelineProps{
		Name: jsii.String(b.name), PipelineType: jsii.String("V2"), ExecutionMode: jsii.String(mode),
		RoleArn: b.role.RoleArn(), Stages: stages,
		RestartExecutionOnUpdate: jsii.Bool(false), Triggers: b.triggers(),
		ArtifactStore: &awscodepipeline.CfnPipeline_ArtifactStoreProperty{
			Type: jsii.String("S3"), Location: store.bucket.BucketName(),
			EncryptionKey: &awscodepipeline.CfnPipeline_EncryptionKeyProperty{Type: jsii.String("KMS"), Id: store.key.KeyArn()},
		},
	})
	// The first execution starts when the pipeline is created, and needs all of its permissions.
	resource.Node().AddDependency(b.role, store.bucket.Policy())
	if b.definition.Trigger == pipeline.Schedule {
		b.addSchedule(resource)
	}
}

// addSchedule starts the pipeline at the configured times.
func (b *pipelineBuilder) addSchedule(resource awscodepipeline.CfnPipeline) {
	arn := awscdk.Stack_Of(b.scope).FormatArn(&awscdk.ArnComponents{
		Service:  jsii.String("codepipeline"),
		Resource: resource.Ref(),
	})
	role := own.NewServiceRole(b.scope, "ScheduleRole", own.ServiceRoleProps{
		Service: eventsService, Description: "starts the pipeline " + b.name,
	})
	role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("codepipeline:StartPipelineExecution"), Resources: &[]*string{arn},
	}))
	own.NewSchedule(b.scope, "Schedule", own.ScheduleProps{
		Description: "starts " + b.name,
		Expression:  b.Pipeline.DriftSchedule, Target: arn, Role: role,
	})
}

// triggers returns what starts the pipeline; nil for a schedule.
func (b *pipelineBuilder) triggers() any {
	source := b.Pipeline.Source
	branch := &awscodepipeline.CfnPipeline_GitBranchFilterCriteriaProperty{Includes: jsii.Strings(source.Branch)}
	git := &awscodepipeline.CfnPipeline_GitConfigurationProperty{SourceActionName: jsii.String("source")}
	switch b.definition.Trigger {
	case pipeline.Push:
		git.Push = []any{&awscodepipeline.CfnPipeline_GitPushFilterProperty{Branches: branch}}
	case pipeline.Tag:
		tags := &awscodepipeline.CfnPipeline_GitTagFilterCriteriaProperty{Includes: jsii.Strings(source.Tags)}
		git.Push = []any{&awscodepipeline.CfnPipeline_GitPushFilterProperty{Tags: tags}}
	case pipeline.PullRequest:
		git.PullRequest = []any{&awscodepipeline.CfnPipeline_GitPullRequestFilterProperty{
			Branches: branch,
			Events:   jsii.Strings("OPEN", "UPDATED"),
		}}
	case pipeline.Schedule:
		return nil
	}
	return []any{&awscodepipeline.CfnPipeline_PipelineTriggerDeclarationProperty{
		ProviderType: jsii.String("CodeStarSourceConnection"), GitConfiguration: git,
	}}
}

func stageDeclaration(name string, actions ...any) any {
	return &awscodepipeline.CfnPipeline_StageDeclarationProperty{Name: jsii.String(name), Actions: actions}
}

func actionType(category, provider string) any {
	return &awscodepipeline.CfnPipeline_ActionTypeIdProperty{
		Category: jsii.String(category), Owner: jsii.String("AWS"), Provider: jsii.String(provider),
		Version: jsii.String("1"),
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
