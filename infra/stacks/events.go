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

// EventsProps are what the stack of the pipeline's events is made from.
type EventsProps struct {
	// Owners hear of the pipeline's events by email.
	Owners []string
	// Project is the beginning of the pipelines' names.
	Project string
	// LogDays is how many days the events are kept, for the key metrics.
	LogDays int
	// Lines are the pipelines.
	Lines []pipeline.Line
}

// deliver are the names of the pipelines that bring changes on. One that only looks succeeds every day, which nobody wants to hear, and counts for no key metric.
func (p EventsProps) deliver() []string {
	var names []string
	for _, line := range p.Lines {
		if line.Starts != pipeline.Schedule {
			names = append(names, p.Project+"-"+line.Name)
		}
	}
	return names
}

// pipelineEvents are what the owners hear of the pipelines.
var pipelineEvents = []struct{ id, about, kind, state, category, actions, line, message string }{
	{"Failed", "a pipeline failed", "Execution", "FAILED", "", "", "", "Pipeline <pipeline> failed, execution <execution>."},
	{"Succeeded", "a pipeline succeeded", "Execution", "SUCCEEDED", "", "", "", "Pipeline <pipeline> succeeded, execution <execution>."},
	{"ApprovalNeeded", "a release waits for a person's yes", "Action", "STARTED", "Approval", "", "", "Pipeline <pipeline> waits for an approval: <action> in <stage>, execution <execution>."},
	{"PlanReady", "a plan can be read", "Action", "SUCCEEDED", "Build", "plan", "", "Pipeline <pipeline> has a plan: <action> in <stage>, execution <execution>."},
	{"Drifted", "what is deployed was changed by hand", "Action", "FAILED", "Build", "", pipeline.DriftLine, "What is deployed to <action> was changed by hand, or could not be compared: pipeline <pipeline>, execution <execution>; its log says what."},
}

// Events are the topic on which the pipelines speak to the owners, and the record of what became of each change: the source of
// the key metrics.
func Events(stack awscdk.Stack, props EventsProps) awssns.ITopic {
	key := constructs.Key(stack, "Key", "encrypts the messages of "+*stack.StackName())
	constructs.KeyForPublishers(key, events)
	topic := constructs.Topic(stack, "Owners", constructs.TopicProps{About: "pipeline", Key: key, Addresses: props.Owners, Publishers: []string{events}})
	for _, e := range pipelineEvents {
		detail := map[string]any{"pipeline": startsWith(props.Project + "-"), "state": []string{e.state}}
		switch {
		case e.line != "":
			detail["pipeline"] = []string{props.Project + "-" + e.line}
		case e.state == "SUCCEEDED":
			detail["pipeline"] = props.deliver()
		}
		if e.category != "" {
			detail["type"] = map[string]any{"category": []string{e.category}}
		}
		if e.actions != "" {
			detail["action"] = startsWith(e.actions)
		}
		paths := map[string]string{"pipeline": "$.detail.pipeline", "execution": "$.detail.execution-id"}
		if e.kind == "Action" {
			paths["action"], paths["stage"] = "$.detail.action", "$.detail.stage"
		}
		constructs.Rule(stack, e.id, constructs.RuleProps{
			About: e.about, Target: topic.TopicArn(), Message: e.message, Paths: paths,
			Pattern: map[string]any{"source": []string{"aws.codepipeline"}, "detail-type": []string{fmt.Sprintf("CodePipeline %s Execution State Change", kindOf(e.kind))}, "detail": detail},
		})
	}
	constructs.Rule(stack, "Alarms", alarmRule(topic.TopicArn()))
	record(stack, props)
	output(stack, "OwnersTopicArn", topic.TopicArn(), "the topic of the pipeline's events")
	return topic
}

// kindOf is what CodePipeline calls the kind of an event.
func kindOf(kind string) string {
	if kind == "Execution" {
		return "Pipeline"
	}
	return kind
}

func startsWith(text string) []any { return []any{map[string]any{"prefix": text}} }

// record keeps every change of state of the pipelines and counts the ends of their executions. Lead time, frequency, failures and time to
// restore are computed from these events, each of which has its time and the execution it belongs to.
func record(stack awscdk.Stack, props EventsProps) {
	// EventBridge writes to log groups below /aws/events alone without a role of its own.
	group := constructs.LogGroup(stack, "Record", "/aws/events/"+*stack.StackName(), props.LogDays)
	everything := constructs.Rule(stack, "Everything", constructs.RuleProps{
		About: "every change of state of a pipeline that delivers, for the key metrics", Target: groupARN(stack, group),
		Pattern: map[string]any{"source": []string{"aws.codepipeline"}, "detail": map[string]any{"pipeline": props.deliver()}},
	})
	letEventsIn(stack, group, everything)
	ended := func(id, state string) awscloudwatch.IMetric {
		return awslogs.NewMetricFilter(stack, jsii.String(id+"Filter"), &awslogs.MetricFilterProps{
			LogGroup: group, MetricNamespace: stack.StackName(), MetricName: jsii.String(id), MetricValue: jsii.String("1"),
			FilterPattern: awslogs.FilterPattern_Literal(jsii.String(fmt.Sprintf(`{ ($.detail-type = "CodePipeline Pipeline Execution State Change") && ($.detail.state = "%s") }`, state))),
		}).Metric(&awscloudwatch.MetricOptions{Statistic: jsii.String("Sum"), Period: awscdk.Duration_Hours(jsii.Number(1))})
	}
	succeeded, failed, started := ended("Succeeded", "SUCCEEDED"), ended("Failed", "FAILED"), ended("Started", "STARTED")
	repeated := constructs.Alarm(stack, "RepeatedFailures", constructs.AlarmProps{
		Metric: failed, Threshold: 3, Periods: 1, About: "pipelines fail again and again: look at the first failed action of the last execution",
	})
	constructs.Dashboard(stack,
		[]awscloudwatch.IWidget{constructs.Graph("executions", started, succeeded, failed), constructs.GraphOfAlarm("failures in an hour", repeated)},
	)
}

// letEventsIn lets a rule write to a log group.
// Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html, CloudWatch Logs permissions.
func letEventsIn(stack awscdk.Stack, group awslogs.LogGroup, rule awsevents.CfnRule) {
	allow := func(action string, condition map[string]any) map[string]any {
		s := map[string]any{"Effect": "Allow", "Principal": map[string]any{"Service": []string{events, "delivery.logs.amazonaws.com"}}, "Action": action, "Resource": "${Group}"}
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

// groupARN is a log group's ARN as EventBridge takes it: without what stands for its streams.
func groupARN(stack awscdk.Stack, group awslogs.LogGroup) *string {
	return stack.FormatArn(&awscdk.ArnComponents{
		Service: jsii.String("logs"), Resource: jsii.String("log-group"), ResourceName: group.LogGroupName(), ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
	})
}
