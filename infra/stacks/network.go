package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
	"lockstep/infra/constructs"
)

// NetworkProps are what the network stack is made from.
type NetworkProps struct {
	config.Network
	// LogDays is how many days the record of the network's traffic is kept.
	LogDays int
}

// AddNetwork is a network with an isolated subnet in each zone: nothing in it reaches the internet, and nothing from there reaches it. Its
// traffic is recorded.
func AddNetwork(stack awscdk.Stack, props NetworkProps) awsec2.IVpc {
	vpc := awsec2.NewVpc(stack, jsii.String("Network"), &awsec2.VpcProps{
		VpcName: stack.StackName(), IpAddresses: awsec2.IpAddresses_Cidr(jsii.String(props.CIDR)),
		AvailabilityZones: jsii.Strings(props.AvailabilityZones...), NatGateways: jsii.Number(0),
		SubnetConfiguration: &[]*awsec2.SubnetConfiguration{{Name: jsii.String("isolated"), SubnetType: awsec2.SubnetType_PRIVATE_ISOLATED}},
		// The library closes the default security group with a function of its own that may change security groups. Nothing is in that
		// group, and no subnet has a route out.
		RestrictDefaultSecurityGroup: jsii.Bool(false),
	})
	group := constructs.NewLogGroup(stack, "FlowLogs", fmt.Sprintf("/%s/flow", *stack.StackName()), props.LogDays)
	role := awsiam.NewRole(stack, jsii.String("FlowLogRole"), &awsiam.RoleProps{
		AssumedBy: awsiam.NewServicePrincipal(jsii.String("vpc-flow-logs.amazonaws.com"), nil), Description: jsii.String("writes the record of the network's traffic"),
	})
	vpc.AddFlowLog(jsii.String("FlowLog"), &awsec2.FlowLogOptions{
		Destination: awsec2.FlowLogDestination_ToCloudWatchLogs(group, role), TrafficType: awsec2.FlowLogTrafficType_ALL,
	})
	addOutput(stack, "VpcId", vpc.VpcId(), "the network")
	return vpc
}
