package constructs

import (
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
)

// JobProps are the properties of a CodeBuild job.
type JobProps struct {
	// Name is the name of the project. It is unique in the account.
	Name string
	// Description says what the job is for.
	Description string
	// Buildspec is the build specification, as YAML.
	Buildspec string
	// Privileged lets the job run containers itself.
	Privileged bool
	// Network is the part of a VPC that the job runs in; nil for CodeBuild's own network.
	Network *config.JobNetwork
	// Image and Compute are what the job runs on, by CodeBuild's names.
	Image, Compute string
	// Variables are the job's environment. They must not be secrets.
	Variables map[string]string
	// Reports are the names of the test reports in the buildspec.
	Reports []string
	// Role has the job's permissions.
	Role awsiam.Role
	// LogDays is how many days the job's log is kept.
	LogDays int
	// TimeoutMinutes is how long the job may take.
	TimeoutMinutes int
}

// NewJob returns a CodeBuild project for a pipeline. It adds the permissions to write its own log and reports to its
// role.
func NewJob(scope constructs.Construct, id string, props JobProps) awscodebuild.CfnProject {
	group := NewLogGroup(scope, id+"Log", "/codebuild/"+props.Name, props.LogDays)
	props.Role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("logs:CreateLogStream", "logs:PutLogEvents"), Resources: &[]*string{group.LogGroupArn()},
	}))
	if len(props.Reports) > 0 {
		props.Role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("codebuild:BatchPutTestCases", "codebuild:CreateReport", "codebuild:CreateReportGroup",
				"codebuild:UpdateReport"),
			Resources: jsii.Strings(props.reportGroups(awscdk.Stack_Of(scope))...),
		}))
	}
	var variables []any
	for _, name := range slices.Sorted(maps.Keys(props.Variables)) {
		variables = append(variables, &awscodebuild.CfnProject_EnvironmentVariableProperty{
			Name:  jsii.String(name),
			Value: jsii.String(props.Variables[name]), Type: jsii.String("PLAINTEXT"),
		})
	}
	project := awscodebuild.NewCfnProject(scope, jsii.String(id), &awscodebuild.CfnProjectProps{
		Name: jsii.String(props.Name), Description: jsii.String(props.Description), ServiceRole: props.Role.RoleArn(),
		Source: &awscodebuild.CfnProject_SourceProperty{
			Type:      jsii.String("CODEPIPELINE"),
			BuildSpec: jsii.String(props.Buildspec),
		},
		Artifacts: &awscodebuild.CfnProject_ArtifactsProperty{Type: jsii.String("CODEPIPELINE")},
		Environment: &awscodebuild.CfnProject_EnvironmentProperty{
			Type: jsii.String("LINUX_CONTAINER"), Image: jsii.String(props.Image), ComputeType: jsii.String(props.Compute),
			PrivilegedMode: jsii.Bool(props.Privileged), EnvironmentVariables: variables,
		},
		LogsConfig: &awscodebuild.CfnProject_LogsConfigProperty{
			CloudWatchLogs: &awscodebuild.CfnProject_CloudWatchLogsConfigProperty{
				Status: jsii.String("ENABLED"), GroupName: group.LogGroupName(),
			},
		},
		TimeoutInMinutes: jsii.Number(props.TimeoutMinutes),
	})
	if props.Network != nil {
		attachToVPC(scope, id, project, props)
	}
	return project
}

// reportGroups returns the ARNs of the job's report groups, which CodeBuild creates with the names PROJECT-REPORT.
// Source: the CodeBuild user guide, report group naming.
func (props JobProps) reportGroups(stack awscdk.Stack) []string {
	var out []string
	for _, report := range props.Reports {
		out = append(out, ARN(stack, "codebuild", "report-group/"+props.Name+"-"+report))
	}
	return out
}

// ServiceRoleProps are the properties of a role that an AWS service assumes.
type ServiceRoleProps struct {
	Service, Description string
	// SourceARN is the ARN of the resource that the service assumes the role for, which may end with a pattern; empty for
	// any of this account.
	SourceARN string
}

// NewServiceRole returns a role that one AWS service assumes, for this account alone.
func NewServiceRole(scope constructs.Construct, id string, props ServiceRoleProps) awsiam.Role {
	return awsiam.NewRole(scope, jsii.String(id), &awsiam.RoleProps{
		Description: jsii.String(props.Description),
		AssumedBy:   NewServicePrincipal(scope, props.Service, props.SourceARN),
	})
}

// NewServicePrincipal returns an AWS service that works for a resource of this account: the service may be asked by
// others, and must not do for them what it may do for us.
// Source: the IAM user guide, the confused deputy problem.
func NewServicePrincipal(scope constructs.Construct, service, sourceARN string) awsiam.ServicePrincipal {
	conditions := map[string]any{
		"StringEquals": map[string]any{"aws:SourceAccount": awscdk.Stack_Of(scope).Account()},
	}
	if sourceARN != "" {
		conditions["ArnLike"] = map[string]any{"aws:SourceArn": sourceARN}
	}
	return awsiam.NewServicePrincipal(jsii.String(service), &awsiam.ServicePrincipalOpts{Conditions: &conditions})
}

// AllowMetrics lets a role write metrics into one namespace. The operation has no resource that a policy could name.
// Source: the service authorization reference, Amazon CloudWatch.
func AllowMetrics(scope constructs.Construct, id string, role awsiam.IRole, namespace string) {
	policy := awsiam.NewPolicy(scope, jsii.String(id+"Metrics"), &awsiam.PolicyProps{
		Roles: &[]awsiam.IRole{role},
		Statements: &[]awsiam.PolicyStatement{awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions: jsii.Strings("cloudwatch:PutMetricData"), Resources: jsii.Strings("*"),
			Conditions: &map[string]any{"StringEquals": map[string]any{"cloudwatch:namespace": namespace}},
		})},
	})
	Suppress(policy, "AwsSolutions-IAM5",
		"CloudWatch has no resource for the writing of metrics: the condition names the one namespace that is written.")
}
