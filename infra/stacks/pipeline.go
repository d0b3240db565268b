package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodepipeline"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
	own "lockstep/infra/constructs"
)

// PipelineProps are what the pipeline stack is made from.
type PipelineProps struct {
	Pipeline config.Pipeline
	// Environments are those that releases go to; their accounts may read what the pipelines hand on.
	Environments []config.Environment
	// Lines are the pipelines with their stages, as the table of steps has them.
	Lines []Line
}

// A Line is one pipeline: what starts it, and the stages that a change goes through.
type Line struct {
	// Name is main, release or pull-request; the pipeline is called PROJECT-NAME.
	Name   string
	About  string
	Starts Start
	Stages []LineStage
}

// A Start is what starts a pipeline.
type Start string

// What can start a pipeline.
const (
	Push        Start = "push"
	Tag         Start = "tag"
	PullRequest Start = "pull request"
)

// A LineStage is a stage of a pipeline. Its jobs run side by side, after the approval if it asks for one.
type LineStage struct {
	Name string
	// Approval is what a person is shown who has to agree before the jobs run; empty for no approval.
	Approval string
	Jobs     []LineJob
}

// A LineJob is a job of a stage.
type LineJob struct {
	// Name is unique in its pipeline.
	Name, About string
	// Buildspec is what it runs, as YAML.
	Buildspec string
	// Privileged lets it run containers by itself.
	Privileged bool
	// Inputs are the artefacts that it reads, the first of which it works in; Outputs those that it leaves.
	Inputs, Outputs []string
	// Rights says which environment's roles it may take on; nil for none, as with every job that runs what nobody has reviewed.
	Rights *Rights
}

// Rights are the roles of `cdk bootstrap` that a job may take on in an environment.
type Rights struct {
	Environment config.Environment
	// Roles are deploy-role, file-publishing-role and so on.
	Roles []string
	// Before is the environment that a release passes before; its release records, which its publishing role reads, say what may go on. Nil for the first.
	Before *config.Environment
}

// sourceArtefact is what the first stage hands on: the repository's files.
const sourceArtefact = "source"

// Where jobs run, by CodeBuild's names.
const (
	jobImage   = "aws/codebuild/amazonlinux-x86_64-standard:5.0"
	jobCompute = "BUILD_GENERAL1_LARGE"
	// jobMinutes is more than a deployment of all stacks takes, an Aurora cluster's first creation included.
	jobMinutes = 120
)

// Pipeline is the pipelines of the platform, each with a store of its own, so that what a pull request leaves never lies beside what
// is deployed.
func Pipeline(stack awscdk.Stack, props PipelineProps) {
	logs := own.Bucket(stack, "AccessLogs", own.BucketProps{Rules: rulesForLogs()})
	var drawn []awscloudwatch.IWidget
	for _, line := range props.Lines {
		scope := constructs.NewConstruct(stack, jsii.String(construct(line.Name)))
		made := &lineStack{PipelineProps: props, line: line, scope: scope, name: props.Pipeline.Project + "-" + line.Name}
		made.role = own.ServiceRole(scope, "Role", "codepipeline.amazonaws.com", "runs the pipeline "+made.name)
		stages := made.stages()
		made.pipeline(stages, newStore(scope, made, logs))
		drawn = append(drawn, own.Graph("minutes of the jobs of "+made.name, made.durations...))
	}
	own.Dashboard(stack, drawn)
}

// lineStack is a pipeline while it is made.
type lineStack struct {
	PipelineProps
	line  Line
	scope constructs.Construct
	name  string
	role  awsiam.Role
	// roles are those of the jobs, and jobs what the pipeline may start.
	roles     []awsiam.Role
	jobs      []*string
	projects  []awscodebuild.CfnProject
	durations []awscloudwatch.IMetric
}

// stages are the source and then the line's own.
func (l *lineStack) stages() []any {
	source := l.Pipeline.Source
	stages := []any{stage("source", &awscodepipeline.CfnPipeline_ActionDeclarationProperty{
		Name: jsii.String("source"), Namespace: jsii.String(sourceArtefact), ActionTypeId: actionType("Source", "CodeStarSourceConnection"),
		Configuration: map[string]any{
			"ConnectionArn": source.Connection, "FullRepositoryId": source.Repository, "BranchName": source.Branch,
			// The triggers say what starts the pipeline.
			"DetectChanges": "false", "OutputArtifactFormat": "CODE_ZIP",
		},
		OutputArtifacts: artefacts([]string{sourceArtefact}),
	})}
	l.role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("codeconnections:UseConnection", "codestar-connections:UseConnection"), Resources: jsii.Strings(source.Connection),
	}))
	for _, s := range l.line.Stages {
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
			actions = append(actions, l.job(job, order))
		}
		stages = append(stages, stage(s.Name, actions...))
	}
	l.role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("codebuild:BatchGetBuilds", "codebuild:StartBuild"), Resources: &l.jobs,
	}))
	return stages
}

// job makes a job with a role of its own, and the action that starts it.
func (l *lineStack) job(job LineJob, order int) any {
	id, name := construct(job.Name), l.name+"-"+job.Name
	role := own.ServiceRole(l.scope, id+"Role", "codebuild.amazonaws.com", "runs "+job.Name+" of "+l.name)
	if job.Rights != nil {
		role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("sts:AssumeRole", "sts:TagSession"), Resources: jsii.Strings(job.Rights.arns(l.Pipeline.Bootstrap.Qualifier)...),
		}))
	}
	l.roles = append(l.roles, role)
	project := own.Job(l.scope, id, own.JobProps{
		Name: name, About: job.About, Buildspec: job.Buildspec, Privileged: job.Privileged, Image: jobImage, Compute: jobCompute,
		Role: role, LogDays: l.Pipeline.LogDays, Minutes: jobMinutes,
	})
	l.projects = append(l.projects, project)
	l.jobs = append(l.jobs, project.AttrArn())
	l.durations = append(l.durations, awscloudwatch.NewMetric(&awscloudwatch.MetricProps{
		Namespace: jsii.String("AWS/CodeBuild"), MetricName: jsii.String("Duration"), Statistic: jsii.String("Average"),
		DimensionsMap: &map[string]*string{"ProjectName": jsii.String(name)},
	}))
	configuration := map[string]any{
		"ProjectName":          project.Ref(),
		"EnvironmentVariables": `[{"name":"LOCKSTEP_COMMIT","value":"#{` + sourceArtefact + `.CommitId}","type":"PLAINTEXT"}]`,
	}
	if len(job.Inputs) > 1 {
		configuration["PrimarySource"] = job.Inputs[0]
	}
	return &awscodepipeline.CfnPipeline_ActionDeclarationProperty{
		Name: jsii.String(job.Name), Namespace: jsii.String(job.Name), ActionTypeId: actionType("Build", "CodeBuild"), RunOrder: jsii.Number(order),
		Configuration: configuration, InputArtifacts: artefacts(job.Inputs), OutputArtifacts: artefacts(job.Outputs),
	}
}

// arns are the roles themselves: a job names each that it may take on.
func (r Rights) arns(qualifier string) []string {
	var out []string
	for _, part := range r.Environment.Parts() {
		for _, role := range r.Roles {
			out = append(out, own.BootstrapRoleARN(role, qualifier, part.ID, part.Region))
		}
	}
	if r.Before != nil {
		out = append(out, own.BootstrapRoleARN("file-publishing-role", qualifier, r.Before.ID, r.Before.Region))
	}
	return out
}

func (l *lineStack) pipeline(stages []any, store store) {
	for _, project := range l.projects {
		project.SetEncryptionKey(store.key.KeyArn())
	}
	mode := "QUEUED" // each release is deployed, in the order in which they came
	if l.line.Starts == PullRequest {
		mode = "PARALLEL"
	}
	pipeline := awscodepipeline.NewCfnPipeline(l.scope, jsii.String("Pipeline"), &awscodepipeline.CfnPipelineProps{
		Name: jsii.String(l.name), PipelineType: jsii.String("V2"), ExecutionMode: jsii.String(mode), RoleArn: l.role.RoleArn(), Stages: stages,
		RestartExecutionOnUpdate: jsii.Bool(false), Triggers: []any{l.trigger()},
		ArtifactStore: &awscodepipeline.CfnPipeline_ArtifactStoreProperty{
			Type: jsii.String("S3"), Location: store.bucket.BucketName(),
			EncryptionKey: &awscodepipeline.CfnPipeline_EncryptionKeyProperty{Type: jsii.String("KMS"), Id: store.key.KeyArn()},
		},
	})
	// The first execution begins as soon as the pipeline is there, and needs all of its rights.
	pipeline.Node().AddDependency(l.role, store.bucket.Policy())
}

func (l *lineStack) trigger() any {
	source := l.Pipeline.Source
	branch := &awscodepipeline.CfnPipeline_GitBranchFilterCriteriaProperty{Includes: jsii.Strings(source.Branch)}
	git := &awscodepipeline.CfnPipeline_GitConfigurationProperty{SourceActionName: jsii.String("source")}
	switch l.line.Starts {
	case Push:
		git.Push = []any{&awscodepipeline.CfnPipeline_GitPushFilterProperty{Branches: branch}}
	case Tag:
		git.Push = []any{&awscodepipeline.CfnPipeline_GitPushFilterProperty{Tags: &awscodepipeline.CfnPipeline_GitTagFilterCriteriaProperty{Includes: jsii.Strings(source.Tags)}}}
	case PullRequest:
		git.PullRequest = []any{&awscodepipeline.CfnPipeline_GitPullRequestFilterProperty{Branches: branch, Events: jsii.Strings("OPEN", "UPDATED")}}
	}
	return &awscodepipeline.CfnPipeline_PipelineTriggerDeclarationProperty{ProviderType: jsii.String("CodeStarSourceConnection"), GitConfiguration: git}
}

func stage(name string, actions ...any) any {
	return &awscodepipeline.CfnPipeline_StageDeclarationProperty{Name: jsii.String(name), Actions: actions}
}

func actionType(category, provider string) any {
	return &awscodepipeline.CfnPipeline_ActionTypeIdProperty{
		Category: jsii.String(category), Owner: jsii.String("AWS"), Provider: jsii.String(provider), Version: jsii.String("1"),
	}
}

// artefacts are the names as CodePipeline wants them.
func artefacts(names []string) []any {
	var out []any
	for _, name := range names {
		out = append(out, map[string]any{"name": name})
	}
	return out
}

// construct is a name as the id of a construct: pull-request becomes PullRequest.
func construct(name string) string {
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
