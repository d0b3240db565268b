package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"lockstep/infra/constructs"
	"lockstep/internal/pipeline"
)

// EventsProps are the properties of the stack of the pipelines' events.
type EventsProps struct {
	// Owners are notified of the pipelines' events by email.
	Owners []string
	// Project is the beginning of the pipelines' names.
	Project string
	// LogDays is how many days the events are kept.
	LogDays int
	// Pipelines are the pipelines.
	Pipelines []pipeline.Pipeline
	// Environments are the names of the environments, whose key metrics the dashboard shows.
	Environments []string
}

// deliveryPipelineNames returns the names of the pipelines that deploy changes. The drift pipeline succeeds every day,
// which is no news and counts for no metric.
func (p EventsProps) deliveryPipelineNames() []string {
	var names []string
	for _, definition := range p.Pipelines {
		if definition.Trigger != pipeline.Schedule {
			names = append(names, p.Project+"-"+definition.Name)
		}
	}
	return names
}

// pipelineEvents are the events of pipelines that the owners are notified of.
var pipelineEvents = []struct{ id, description, kind, state, category, actions, pipeline, message string }{
	{
		"Failed", "a pipeline failed", "Execution", "FAILED", "", "", "",
		"Pipeline <pipeline> failed, execution <execution>.",
	},
	{
		"Succeeded", "a pipeline succeeded", "Execution", "SUCCEEDED", "", "", "",
		"Pipeline <pipeline> succeeded, execution <execution>.",
	},
	{
		"ApprovalNeeded", "a release waits for a person's yes", "Action", "STARTED", "Approval", "", "",
		"Pipeline <pipeline> waits for an approval: <action> in <stage>, execution <execution>.",
	},
	{
		"PlanReady", "a plan can be read", "Action", "SUCCEEDED", "Build", "plan", "",
		"Pipeline <pipeline> has a plan: <action> in <stage>, execution <execution>.",
	},
	{
		"Drifted", "what is deployed was changed by hand", "Action", "FAILED", "Build", "", pipeline.DriftPipeline,
		"What is deployed to <action> was changed by hand, or could not be compared: pipeline <pipeline>, execution " +
			"<execution>; its log says what.",
	},
}

// AddEvents adds the topic of the pipelines' events for the owners, and the record of all events, from which the
// results of executions are counted. Its dashboard shows the key metrics too. It returns the topic.
func AddEvents(stack awscdk.Stack, props EventsProps) awssns.ITopic {
	key := constructs.NewKey(stack, "Key", "encrypts the messages of "+*stack.StackName())
	constructs.GrantPublishers(key, eventsService)
	topic := constructs.NewTopic(stack, "Owners", constructs.TopicProps{
		DisplayName: "pipeline", Key: key,
		Addresses: props.Owners, Publishers: []string{eventsService},
	})
	for _, e := range pipelineEvents {
		detail := map[string]any{"pipeline": prefixPattern(props.Project + "-"), "state": []string{e.state}}
		switch {
		case e.pipeline != "":
			detail["pipeline"] = []string{props.Project + "-" + e.pipeline}
		case e.state == "SUCCEEDED":
			detail["pipeline"] = props.deliveryPipelineNames()
		}
		if e.category != "" {
			detail["type"] = map[string]any{"category": []string{e.category}}
		}
		if e.actions != "" {
			detail["action"] = prefixPattern(e.actions)
		}
		paths := map[string]string{"pipeline": "$.detail.pipeline", "execution": "$.detail.execution-id"}
		if e.kind == "Action" {
			paths["action"], paths["stage"] = "$.detail.action", "$.detail.stage"
		}
		constructs.NewRule(stack, e.id, constructs.RuleProps{
			Description: e.description, Target: topic.TopicArn(), Message: e.message, InputPaths: paths,
			Pattern: map[string]any{
				"source":      []string{"aws.codepipeline"},
				"detail-type": []string{fmt.Sprintf("CodePipeline %s Execution State Change", executionKind(e.kind))},
				"detail":      detail,
			},
		})
	}
	constructs.NewRule(stack, "Alarms", alarmRuleProps(topic.TopicArn()))
	addEventRecord(stack, props)
	addOutput(stack, "OwnersTopicArn", topic.TopicArn(), "the topic of the pipeline's events")
	return topic
}

// executionKind returns what CodePipeline calls the kind of an event.
func executionKind(kind string) string {
	if kind == "Execution" {
		return "Pipeline"
	}
	return kind
}

// prefixPattern returns an event pattern that matches texts with a prefix.
func prefixPattern(text string) []any { return []any{map[string]any{"prefix": text}} }

// addEventRecord keeps every change of state of the pipelines, each with its time and the execution that it belongs to,
// and counts the ends of executions. The key metrics are not computed from these events but from release records, which
// know of rollbacks and of deployments from a person's machine.
func addEventRecord(stack awscdk.Stack, props EventsProps) {
	// EventBridge writes to log groups below /aws/events alone without a role of its own.
	group := constructs.NewLogGroup(stack, "Record", "/aws/events/"+*stack.StackName(), props.LogDays)
	everything := constructs.NewRule(stack, "Everything", constructs.RuleProps{
		Description: "every change of state of a pipeline that delivers", Target: groupARN(stack, group),
		Pattern: map[string]any{
			"source": []string{"aws.codepipeline"},
			"detail": map[string]any{"pipeline": props.deliveryPipelineNames()},
		},
	})
	// allowEventRule lets a rule write to a log group. Source:
	// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html, CloudWatch Logs permissions.
	allowEventRule(stack, group, everything)
	ended := func(id, state string) awscloudwatch.IMetric {
		return awslogs.NewMetricFilter(stack, jsii.String(id+"Filter"), &awslogs.MetricFilterProps{
			LogGroup: group, MetricNamespace: stack.StackName(), MetricName: jsii.String(id), MetricValue: jsii.String("1"),
			FilterPattern: awslogs.FilterPattern_Literal(jsii.String(fmt.Sprintf(`{ ($.detail-type = "CodePipeline Pipeline `+
				`Execution State Change") && ($.detail.state = "%s") }`, state))),
		}).Metric(&awscloudwatch.MetricOptions{Statistic: jsii.String("Sum"), Period: awscdk.Duration_Hours(jsii.Number(1))})
	}
	succeeded, failed, started := ended("Succeeded", "SUCCEEDED"), ended("Failed", "FAILED"), ended("Started", "STARTED")
	repeated := constructs.NewAlarm(stack, "RepeatedFailures", constructs.AlarmProps{
		Metric: failed, Threshold: 3, Periods: 1,
		Description: "pipelines fail again and again: look at the first failed action of the last execution",
	})
	rows := [][]awscloudwatch.IWidget{{
		constructs.NewGraphWidget("executions", started, succeeded, failed),
		constructs.NewAlarmWidget("failures in an hour", repeated),
	}}
	constructs.NewDashboard(stack, append(rows, keyMetricRows(props)...)...)
}

// allowEventRule lets a rule write to a log group.
// Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html, CloudWatch Logs
// permissions.
func allowEventRule(stack awscdk.Stack, group awslogs.LogGroup, rule awsevents.CfnRule) {
	allow := func(action string, condition map[string]any) map[string]any {
		s := map[string]any{"Effect": "Allow", "Principal": map[string]any{"Service": []string{
			eventsService,
			"delivery.logs.amazonaws.com",
		}}, "Action": action, "Resource": "${Group}"}
		if condition != nil {
			s["Condition"] = condition
		}
		return s
	}
	document := asJSON(map[string]any{"Version": "2012-10-17", "Statement": []any{
		allow("logs:CreateLogStream", nil),
		allow("logs:PutLogEvents", map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": "${Rule}"}}),
	}})
	awslogs.NewCfnResourcePolicy(stack, jsii.String("RecordPolicy"), &awslogs.CfnResourcePolicyProps{
		PolicyName:     stack.StackName(),
		PolicyDocument: awscdk.Fn_Sub(document, &map[string]*string{"Group": group.LogGroupArn(), "Rule": rule.AttrArn()}),
	})
}

// groupARN returns a log group's ARN as EventBridge takes it, without the wildcard for its streams.
func groupARN(stack awscdk.Stack, group awslogs.LogGroup) *string {
	return stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("logs"), Resource: jsii.String("log-group"), ResourceName: group.LogGroupName(),
		ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
}
