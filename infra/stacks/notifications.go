package stacks

import (
	"slices"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awschatbot"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
	"lockstep/infra/constructs"
)

// NotificationsProps are the properties of the notifications stack.
type NotificationsProps config.Notifications

// The services that publish on the topics.
const (
	eventsService     = "events.amazonaws.com"
	budgetsService    = "budgets.amazonaws.com"
	costAlertsService = "costalerts.amazonaws.com"
)

// ownerEventRules are the events of the account, besides alarms, that the owners are notified of.
var ownerEventRules = []struct {
	id string
	constructs.RuleProps
}{
	{"Threats", constructs.RuleProps{
		Description: "GuardDuty found something of medium severity or more",
		// Source: the GuardDuty user guide, severity levels: medium is from 4.0 on.
		Pattern: map[string]any{
			"source": []string{"aws.guardduty"}, "detail-type": []string{"GuardDuty Finding"},
			"detail": map[string]any{"severity": []any{map[string]any{"numeric": []any{">=", 4}}}},
		},
		Message: "GuardDuty in account <account>: <title> (<type>, severity <severity>).",
		InputPaths: map[string]string{
			"account": "$.account", "title": "$.detail.title", "type": "$.detail.type",
			"severity": "$.detail.severity",
		},
	}},
	{"Violations", constructs.RuleProps{
		Description: "a resource no longer complies with a rule",
		Pattern: map[string]any{
			"source":      []string{"aws.config"},
			"detail-type": []string{"Config Rules Compliance Change"},
			"detail":      map[string]any{"newEvaluationResult": map[string]any{"complianceType": []string{"NON_COMPLIANT"}}},
		},
		Message: "<resource> in account <account> does not comply with <rule>.",
		InputPaths: map[string]string{
			"account": "$.account", "resource": "$.detail.resourceId",
			"rule": "$.detail.configRuleName",
		},
	}},
	{"Exposures", constructs.RuleProps{
		Description: "something can be reached from outside the account",
		Pattern: map[string]any{
			"source":      []string{"aws.access-analyzer"},
			"detail-type": []string{"Access Analyzer Finding"}, "detail": map[string]any{"status": []string{"ACTIVE"}},
		},
		Message:    "<resource> in account <account> can be reached from outside it.",
		InputPaths: map[string]string{"account": "$.account", "resource": "$.detail.resource"},
	}},
}

// alarmRuleProps returns a rule that notifies a topic of every alarm of the account.
func alarmRuleProps(topic *string) constructs.RuleProps {
	state := func(name string) map[string]any { return map[string]any{"value": []string{name}} }
	return constructs.RuleProps{
		Description: "an alarm is raised, or is over after it was", Target: topic,
		Pattern: map[string]any{
			"source":      []string{"aws.cloudwatch"},
			"detail-type": []string{"CloudWatch Alarm State Change"}, "detail": map[string]any{"$or": []any{
				map[string]any{"state": state("ALARM")},
				map[string]any{"state": state("OK"), "previousState": state("ALARM")},
			}},
		},
		Message: "<alarm> in account <account> is <state>. <reason>",
		InputPaths: map[string]string{
			"alarm": "$.detail.alarmName", "account": "$.account", "state": "$.detail.state.value",
			"reason": "$.detail.state.reason",
		},
	}
}

// Topics are the topics of an environment.
type Topics struct {
	// Cost notifies finance and the owners.
	Cost awssns.ITopic
	// Owners notifies the owners.
	Owners awssns.ITopic
}

// AddNotifications adds the topics of the environment: finance and the owners are notified of cost, and the owners of
// everything else.
func AddNotifications(stack awscdk.Stack, props NotificationsProps) Topics {
	key := constructs.NewKey(stack, "Key", "encrypts the messages of "+*stack.StackName())
	constructs.GrantPublishers(key, eventsService, budgetsService, costAlertsService)
	cost := constructs.NewTopic(stack, "Finance", constructs.TopicProps{
		DisplayName: "cost", Key: key, Addresses: sortedUnion(props.Finance, props.Owners),
		Publishers: []string{budgetsService, costAlertsService},
	})
	owners := constructs.NewTopic(stack, "Owners", constructs.TopicProps{
		DisplayName: "infrastructure", Key: key, Addresses: props.Owners, Publishers: []string{eventsService},
	})
	// A rule notifies of all alarms, so that an alarm without an action is not overlooked.
	constructs.NewRule(stack, "Alarms", alarmRuleProps(owners.TopicArn()))
	for _, rule := range ownerEventRules {
		rule.Target = owners.TopicArn()
		constructs.NewRule(stack, rule.id, rule.RuleProps)
	}
	if props.Chat != nil {
		// addChat adds a chat channel that is notified of a topic. Its role has no permissions, so that nothing can be done
		// from the channel.
		addChat(stack, *props.Chat, owners)
	}
	addOutput(stack, "FinanceTopicArn", cost.TopicArn(), "the topic for cost")
	addOutput(stack, "OwnersTopicArn", owners.TopicArn(), "the topic for failures, approvals and alarms")
	return Topics{Cost: cost, Owners: owners}
}

// sortedUnion returns the items of all lists, sorted and without duplicates.
func sortedUnion(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

// addChat lets a channel hear what a topic says. Nobody can give orders from there: its role may do nothing.
func addChat(stack awscdk.Stack, chat config.Chat, topic awssns.ITopic) {
	role := constructs.NewServiceRole(stack, "ChatRole", constructs.ServiceRoleProps{
		Service: "chatbot.amazonaws.com", Description: "what a chat channel may do: nothing",
	})
	awschatbot.NewCfnSlackChannelConfiguration(stack, jsii.String("Chat"), &awschatbot.CfnSlackChannelConfigurationProps{
		ConfigurationName: jsii.String(constructs.AccountWideName(stack)), IamRoleArn: role.RoleArn(),
		SlackWorkspaceId: jsii.String(chat.SlackWorkspace),
		SlackChannelId:   jsii.String(chat.SlackChannel),
		SnsTopicArns:     &[]any{topic.TopicArn()}, LoggingLevel: jsii.String("ERROR"),
		// The most that a channel may do, whatever its role allows later. Source: the user guide of Amazon Q Developer in
		// chat applications, guardrails.
		GuardrailPolicies: jsii.Strings(constructs.ManagedPolicyARN(stack, "CloudWatchReadOnlyAccess")),
	})
}
