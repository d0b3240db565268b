package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"

	"lockstep/config"
	"lockstep/infra/constructs"
)

// NotificationsProps are what the notifications stack is made from.
type NotificationsProps config.Notifications

// Notifications are the topics on which the environment speaks: to finance of cost, to the owners of everything else.
func Notifications(stack awscdk.Stack, props NotificationsProps) {
	key := constructs.Key(stack, "Key", "encrypts the messages of "+*stack.StackName())
	finance := constructs.Topic(stack, "Finance", "cost", key, props.Finance)
	owners := constructs.Topic(stack, "Owners", "infrastructure", key, props.Owners)
	output(stack, "FinanceTopicArn", finance.TopicArn(), "the topic for cost")
	output(stack, "OwnersTopicArn", owners.TopicArn(), "the topic for failures, approvals and alarms")
}
