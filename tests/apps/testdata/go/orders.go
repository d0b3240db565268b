package main

import (
	"os"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"
)

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	stack := awscdk.NewStack(app, jsii.String("Orders"), &awscdk.StackProps{Env: &awscdk.Environment{
		Account: jsii.String(os.Getenv("CDK_DEFAULT_ACCOUNT")), Region: jsii.String(os.Getenv("CDK_DEFAULT_REGION")),
	}})
	days := stack.Node().GetContext(jsii.String("retentionDays")).(float64)
	awssqs.NewQueue(stack, jsii.String("Incoming"), &awssqs.QueueProps{
		RetentionPeriod: awscdk.Duration_Days(jsii.Number(days)),
	})
	awssns.NewTopic(stack, jsii.String("Accepted"), nil)
	app.Synth(nil)
}
