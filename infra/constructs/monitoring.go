package constructs

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// NewLogGroup is a log group of that name that forgets after so many days. CloudWatch encrypts it with a key of its own.
func NewLogGroup(scope constructs.Construct, id, name string, keepDays int) awslogs.LogGroup {
	group := awslogs.NewLogGroup(scope, jsii.String(id), &awslogs.LogGroupProps{LogGroupName: jsii.String(name), RemovalPolicy: awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE})
	// The library has a name for each number of days that CloudWatch takes; the configuration allows the same numbers.
	group.Node().DefaultChild().(awslogs.CfnLogGroup).SetRetentionInDays(jsii.Number(keepDays))
	return group
}

// AlarmProps are what alarms differ in.
type AlarmProps struct {
	Metric awscloudwatch.IMetric
	// Threshold is the value from which on the alarm is raised.
	Threshold float64
	// Periods is how many of the metric's periods in a row it takes.
	Periods int
	// Description says what it means, and where to look.
	Description string
}

// NewAlarm is an alarm called after its stack and id. It has no action of its own: whoever tells people of alarms listens to all of the account's.
func NewAlarm(scope constructs.Construct, id string, props AlarmProps) awscloudwatch.Alarm {
	return awscloudwatch.NewAlarm(scope, jsii.String(id), &awscloudwatch.AlarmProps{
		AlarmName:        jsii.String(fmt.Sprintf("%s-%s", *awscdk.Stack_Of(scope).StackName(), KebabCase(id))),
		AlarmDescription: jsii.String(props.Description), Metric: props.Metric, Threshold: jsii.Number(props.Threshold),
		EvaluationPeriods:  jsii.Number(props.Periods),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
	})
}

// KebabCase is a construct's id as part of a name: RootUse becomes root-use, and ACU acu.
func KebabCase(id string) string {
	var out strings.Builder
	for i, letter := range id {
		if i > 0 && letter >= 'A' && letter <= 'Z' && id[i-1] >= 'a' && id[i-1] <= 'z' {
			out.WriteByte('-')
		}
		out.WriteRune(letter)
	}
	return strings.ToLower(out.String())
}

// RuleProps are what event rules differ in.
type RuleProps struct {
	Description string
	Pattern     map[string]any
	// Target is the ARN of what hears of the events.
	Target *string
	// Message is the text that is sent, with names from Paths in angle brackets; empty sends the event itself.
	Message    string
	InputPaths map[string]string
}

// NewRule sends the events of this account that fit the pattern to its target. What the target lets in is the target's business.
func NewRule(scope constructs.Construct, id string, props RuleProps) awsevents.CfnRule {
	target := &awsevents.CfnRule_TargetProperty{Arn: props.Target, Id: jsii.String("Target")}
	if props.Message != "" {
		// A template for text is a JSON string.
		target.InputTransformer = &awsevents.CfnRule_InputTransformerProperty{
			InputTemplate: jsii.String(fmt.Sprintf("%q", props.Message)), InputPathsMap: props.InputPaths,
		}
	}
	return awsevents.NewCfnRule(scope, jsii.String(id), &awsevents.CfnRuleProps{
		Description: jsii.String(props.Description), EventPattern: props.Pattern, State: jsii.String("ENABLED"),
		Targets: []any{target},
	})
}

// ScheduleProps are what schedules differ in.
type ScheduleProps struct {
	Description string
	// Expression is a rate or cron expression of EventBridge; the latter is in UTC.
	Expression string
	// Target is the ARN of what is started, and Role the role that may start it.
	Target *string
	Role   awsiam.IRole
}

// NewSchedule starts its target again and again.
func NewSchedule(scope constructs.Construct, id string, props ScheduleProps) awsevents.CfnRule {
	return awsevents.NewCfnRule(scope, jsii.String(id), &awsevents.CfnRuleProps{
		Description: jsii.String(props.Description), ScheduleExpression: jsii.String(props.Expression), State: jsii.String("ENABLED"),
		Targets: []any{&awsevents.CfnRule_TargetProperty{Arn: props.Target, Id: jsii.String("Target"), RoleArn: props.Role.RoleArn()}},
	})
}

// NewGraphWidget is a part of a dashboard that draws metrics.
func NewGraphWidget(title string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{Title: jsii.String(title), Width: jsii.Number(12), Left: &metrics})
}

// NewAlarmWidget draws an alarm's metric with its threshold.
func NewAlarmWidget(title string, alarm awscloudwatch.Alarm) awscloudwatch.IWidget {
	return awscloudwatch.NewAlarmWidget(&awscloudwatch.AlarmWidgetProps{Title: jsii.String(title), Width: jsii.Number(12), Alarm: alarm})
}

// NewDashboard is a dashboard called after its stack, of rows of widgets.
func NewDashboard(scope constructs.Construct, rows ...[]awscloudwatch.IWidget) awscloudwatch.Dashboard {
	stack := awscdk.Stack_Of(scope)
	dashboard := awscloudwatch.NewDashboard(scope, jsii.String("Dashboard"), &awscloudwatch.DashboardProps{DashboardName: stack.StackName()})
	for _, row := range rows {
		dashboard.AddWidgets(row...)
	}
	return dashboard
}
