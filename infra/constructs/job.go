package constructs

import (
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
)

// JobProps are what CodeBuild jobs differ in.
type JobProps struct {
	// Name is the project's, unique in the account.
	Name string
	// Description says what it is for.
	Description string
	// Buildspec is what it runs, as YAML.
	Buildspec string
	// Privileged lets it run containers by itself.
	Privileged bool
	// Network is the part of a VPC that it runs in; nil for CodeBuild's own network.
	Network *config.JobNetwork
	// Image and Compute are what it runs on, by CodeBuild's names.
	Image, Compute string
	// Variables are its environment. Secrets do not belong here.
	Variables map[string]string
	// Reports are the names of the test reports that its buildspec declares.
	Reports []string
	// Role is whose rights it has.
	Role awsiam.Role
	// LogDays is how many days its log is kept.
	LogDays int
	// TimeoutMinutes is how long it may take.
	TimeoutMinutes int
}

// NewJob is a CodeBuild project of a pipeline, which may write its own log and nothing more than its role says.
func NewJob(scope constructs.Construct, id string, props JobProps) awscodebuild.CfnProject {
	group := NewLogGroup(scope, id+"Log", "/codebuild/"+props.Name, props.LogDays)
	props.Role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
		Actions: jsii.Strings("logs:CreateLogStream", "logs:PutLogEvents"), Resources: &[]*string{group.LogGroupArn()},
	}))
	if len(props.Reports) > 0 {
		props.Role.AddToPolicy(awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions:   jsii.Strings("codebuild:BatchPutTestCases", "codebuild:CreateReport", "codebuild:CreateReportGroup", "codebuild:UpdateReport"),
			Resources: jsii.Strings(props.reportGroups(awscdk.Stack_Of(scope))...),
		}))
	}
	var variables []any
	for _, name := range slices.Sorted(maps.Keys(props.Variables)) {
		variables = append(variables, &awscodebuild.CfnProject_EnvironmentVariableProperty{Name: jsii.String(name), Value: jsii.String(props.Variables[name]), Type: jsii.String("PLAINTEXT")})
	}
	project := awscodebuild.NewCfnProject(scope, jsii.String(id), &awscodebuild.CfnProjectProps{
		Name: jsii.String(props.Name), Description: jsii.String(props.Description), ServiceRole: props.Role.RoleArn(),
		Source:    &awscodebuild.CfnProject_SourceProperty{Type: jsii.String("CODEPIPELINE"), BuildSpec: jsii.String(props.Buildspec)},
		Artifacts: &awscodebuild.CfnProject_ArtifactsProperty{Type: jsii.String("CODEPIPELINE")},
		Environment: &awscodebuild.CfnProject_EnvironmentProperty{
			Type: jsii.String("LINUX_CONTAINER"), Image: jsii.String(props.Image), ComputeType: jsii.String(props.Compute),
			PrivilegedMode: jsii.Bool(props.Privileged), EnvironmentVariables: variables,
		},
		LogsConfig: &awscodebuild.CfnProject_LogsConfigProperty{CloudWatchLogs: &awscodebuild.CfnProject_CloudWatchLogsConfigProperty{
			Status: jsii.String("ENABLED"), GroupName: group.LogGroupName(),
		}},
		TimeoutInMinutes: jsii.Number(props.TimeoutMinutes),
	})
	if props.Network != nil {
		attachToVPC(scope, id, project, props)
	}
	return project
}

// reportGroups are the ARNs of the job's report groups, which CodeBuild makes by itself and calls PROJECT-REPORT.
// Source: the CodeBuild user guide, report group naming.
func (props JobProps) reportGroups(stack awscdk.Stack) []string {
	var out []string
	for _, report := range props.Reports {
		out = append(out, fmt.Sprintf("arn:aws:codebuild:%s:%s:report-group/%s-%s", *stack.Region(), *stack.Account(), props.Name, report))
	}
	return out
}

// NewServiceRole is a role that one AWS service takes on, for this account alone.
func NewServiceRole(scope constructs.Construct, id, service, about string) awsiam.Role {
	account := awscdk.Stack_Of(scope).Account()
	return awsiam.NewRole(scope, jsii.String(id), &awsiam.RoleProps{
		Description: jsii.String(about),
		AssumedBy: awsiam.NewServicePrincipal(jsii.String(service), &awsiam.ServicePrincipalOpts{
			Conditions: &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": account}},
		}),
	})
}

// BootstrapRoleARN is the ARN of one of the roles that `cdk bootstrap` made in an account: deploy-role, file-publishing-role, image-publishing-role or lookup-role.
func BootstrapRoleARN(kind, qualifier, account, region string) string {
	return fmt.Sprintf("arn:aws:iam::%s:role/cdk-%s-%s-%s-%s", account, qualifier, kind, account, region)
}
