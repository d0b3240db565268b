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

// NewLogGroup returns a log group that keeps events for a number of days. CloudWatch encrypts it with its own key.
func NewLogGroup(scope constructs.Construct, id, name string, keepDays int) awslogs.LogGroup {
	group := awslogs.NewLogGroup(scope, jsii.String(id), &awslogs.LogGroupProps{
		LogGroupName:  jsii.String(name),
		RemovalPolicy: awscdk.RemovalPolicy_RETAIN_ON_UPDATE_OR_DELETE,
	})
	// The library has a name for each number of days that CloudWatch takes; the configuration allows the same numbers.
	group.Node().DefaultChild().(awslogs.CfnLogGroup).SetRetentionInDays(jsii.Number(keepDays))
	return group
}

// AlarmProps are the properties of an alarm.
type AlarmProps struct {
	Metric awscloudwatch.IMetric
	// Threshold is the value from which on the alarm is raised.
	Threshold float64
	// Periods is the number of the metric's periods in a row that have to reach the threshold.
	Periods int
	// Description says what the alarm means, and where to look.
	Description string
	// IsAudit says that the alarm is about what somebody did. A deployment does not take it for a sign of bad health.
	IsAudit bool
}

// NewAlarm returns an alarm with the name of its stack and id. It has no action of its own: the topic of the owners is
// notified of all alarms of the account.
func NewAlarm(scope constructs.Construct, id string, props AlarmProps) awscloudwatch.Alarm {
	alarm := awscloudwatch.NewAlarm(scope, jsii.String(id), &awscloudwatch.AlarmProps{
		AlarmName:        jsii.String(fmt.Sprintf("%s-%s", *awscdk.Stack_Of(scope).StackName(), KebabCase(id))),
		AlarmDescription: jsii.String(props.Description), Metric: props.Metric, Threshold: jsii.Number(props.Threshold),
		EvaluationPeriods:  jsii.Number(props.Periods),
		ComparisonOperator: awscloudwatch.ComparisonOperator_GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
		TreatMissingData:   awscloudwatch.TreatMissingData_NOT_BREACHING,
	})
	if props.IsAudit {
		resource := alarm.Node().DefaultChild().(awscdk.CfnResource)
		resource.AddMetadata(jsii.String("lockstep:alarm"), "audit")
	}
	return alarm
}

// KebabCase returns a construct's id as part of a name: RootUse becomes root-use, and ACU acu.
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

// RuleProps are the properties of an event rule.
type RuleProps struct {
	Description string
	Pattern     map[string]any
	// Target is the ARN of the resource that gets the events.
	Target *string
	// Message is the text that is sent, with names from InputPaths in angle brackets. If it is empty the event itself is
	// sent.
	Message    string
	InputPaths map[string]string
}

// NewRule returns a rule that sends matching events of this account to its target. The target has to allow that.
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

// ScheduleProps are the properties of a schedule.
type ScheduleProps struct {
	Description string
	// Expression is a rate or cron expression of EventBridge; cron expressions are in UTC.
	Expression string
	// Target is the ARN of what is started, and Role is the role that may start it.
	Target *string
	Role   awsiam.IRole
}

// NewSchedule returns a rule that starts its target at the times of its expression.
func NewSchedule(scope constructs.Construct, id string, props ScheduleProps) awsevents.CfnRule {
	return awsevents.NewCfnRule(scope, jsii.String(id), &awsevents.CfnRuleProps{
		Description: jsii.String(props.Description), ScheduleExpression: jsii.String(props.Expression),
		State: jsii.String("ENABLED"),
		Targets: []any{&awsevents.CfnRule_TargetProperty{
			Arn: props.Target, Id: jsii.String("Target"),
			RoleArn: props.Role.RoleArn(),
		}},
	})
}

// NewGraphWidget returns a widget that draws metrics.
func NewGraphWidget(title string, metrics ...awscloudwatch.IMetric) awscloudwatch.IWidget {
	return awscloudwatch.NewGraphWidget(&awscloudwatch.GraphWidgetProps{
		Title: jsii.String(title), Width: jsii.Number(12),
		Left: &metrics,
	})
}

// NewAlarmWidget returns a widget that draws an alarm's metric with its threshold.
func NewAlarmWidget(title string, alarm awscloudwatch.Alarm) awscloudwatch.IWidget {
	return awscloudwatch.NewAlarmWidget(&awscloudwatch.AlarmWidgetProps{
		Title: jsii.String(title), Width: jsii.Number(12),
		Alarm: alarm,
	})
}

// NewDashboard returns a dashboard with the name of its stack and rows of widgets.
func NewDashboard(scope constructs.Construct, rows ...[]awscloudwatch.IWidget) awscloudwatch.Dashboard {
	stack := awscdk.Stack_Of(scope)
	dashboard := awscloudwatch.NewDashboard(scope, jsii.String("Dashboard"),
		&awscloudwatch.DashboardProps{DashboardName: jsii.String(AccountWideName(stack))})
	for _, row := range rows {
		dashboard.AddWidgets(row...)
	}
	return dashboard
}
