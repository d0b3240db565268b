package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssnssubscriptions"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// TopicProps are the properties of a topic.
type TopicProps struct {
	// DisplayName is the subject of the messages, which is shown as their sender.
	DisplayName string
	// Key encrypts the messages.
	Key awskms.Key
	// Addresses are notified once their owners have confirmed the subscription.
	Addresses []string
	// Publishers are the AWS services that publish on the topic, for this account alone.
	Publishers []string
}

// NewTopic returns an encrypted topic that refuses messages without TLS.
func NewTopic(scope constructs.Construct, id string, props TopicProps) awssns.Topic {
	topic := awssns.NewTopic(scope, jsii.String(id), &awssns.TopicProps{
		DisplayName: jsii.String(props.DisplayName), MasterKey: props.Key, EnforceSSL: jsii.Bool(true),
	})
	for _, address := range props.Addresses {
		topic.AddSubscription(awssnssubscriptions.NewEmailSubscription(jsii.String(address), nil))
	}
	for _, service := range props.Publishers {
		topic.AddToResourcePolicy(serviceStatement(scope, service, []string{"sns:Publish"}, *topic.TopicArn()))
	}
	return topic
}

// eventBridge is the only service that cannot be restricted to this account. What it publishes on an encrypted topic
// is lost without an error if the key's policy has a condition
// (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html), and the topic's policy has none either.
const eventBridge = "events.amazonaws.com"

// GrantPublishers lets AWS services encrypt with the key what they publish for this account. Without it their messages
// are lost without an error (https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html).
func GrantPublishers(key awskms.Key, services ...string) {
	for _, service := range services {
		key.AddToResourcePolicy(serviceStatement(key, service, []string{"kms:Decrypt", "kms:GenerateDataKey*"}, "*"), nil)
	}
}

// serviceStatement returns a statement that allows a service to act for this account.
func serviceStatement(scope constructs.Construct, service string, actions []string,
	resource string,
) awsiam.PolicyStatement {
	props := &awsiam.PolicyStatementProps{
		Principals: &[]awsiam.IPrincipal{awsiam.NewServicePrincipal(jsii.String(service), nil)},
		Actions:    jsii.Strings(actions...), Resources: jsii.Strings(resource),
	}
	if service != eventBridge {
		account := awscdk.Stack_Of(scope).Account()
		props.Conditions = &map[string]any{"StringEquals": map[string]any{"aws:SourceAccount": account}}
	}
	return awsiam.NewPolicyStatement(props)
}
