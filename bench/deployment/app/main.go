// Command app is a CDK app of a few small stacks, for the benchmark of deployments.
package main

import (
	"os"
	"strconv"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/jsii-runtime-go"
)

// stacks is how many stacks the app has.
const stacks = 5

func main() {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	env := &awscdk.Environment{
		Account: jsii.String(os.Getenv("CDK_DEFAULT_ACCOUNT")), Region: jsii.String(os.Getenv("CDK_DEFAULT_REGION")),
	}
	for i := range stacks {
		stack := awscdk.NewStack(app, jsii.String("Stack"+strconv.Itoa(i)), &awscdk.StackProps{Env: env})
		awssqs.NewQueue(stack, jsii.String("Queue"), nil)
		awssns.NewTopic(stack, jsii.String("Topic"), nil)
		awsssm.NewStringParameter(stack, jsii.String("Parameter"), &awsssm.StringParameterProps{
			StringValue: jsii.String("one"),
		})
	}
	app.Synth(nil)
}
