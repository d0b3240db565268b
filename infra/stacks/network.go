package stacks

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
	"lockstep/infra/constructs"
)

// NetworkProps are the properties of the network stack.
type NetworkProps struct {
	config.Network
	// LogDays is how many days the flow logs are kept.
	LogDays int
}

// AddNetwork adds a VPC with an isolated subnet in each zone, without a route to the internet, and with flow logs.
func AddNetwork(stack awscdk.Stack, props NetworkProps) awsec2.IVpc {
	vpc := awsec2.NewVpc(stack, jsii.String("Network"), &awsec2.VpcProps{
		VpcName: stack.StackName(), IpAddresses: awsec2.IpAddresses_Cidr(jsii.String(props.CIDR)),
		AvailabilityZones: jsii.Strings(props.AvailabilityZones...), NatGateways: jsii.Number(0),
		SubnetConfiguration: &[]*awsec2.SubnetConfiguration{{
			Name:       jsii.String("isolated"),
			SubnetType: awsec2.SubnetType_PRIVATE_ISOLATED,
		}},
		// The library would empty the default security group with a function that may change all security groups. Nothing
		// is in that group, and no subnet has a route out.
		RestrictDefaultSecurityGroup: jsii.Bool(false),
	})
	if props.ZonesOfRegion {
		useZonesOfRegion(vpc)
	}
	group := constructs.NewLogGroup(stack, "FlowLogs", fmt.Sprintf("/%s/flow", *stack.StackName()), props.LogDays)
	role := constructs.NewServiceRole(stack, "FlowLogRole", constructs.ServiceRoleProps{
		Service:     "vpc-flow-logs.amazonaws.com",
		SourceARN:   constructs.ARN(stack, "ec2", "vpc-flow-log/*"),
		Description: "writes the record of the network's traffic",
	})
	vpc.AddFlowLog(jsii.String("FlowLog"), &awsec2.FlowLogOptions{
		Destination: awsec2.FlowLogDestination_ToCloudWatchLogs(group, role), TrafficType: awsec2.FlowLogTrafficType_ALL,
	})
	addOutput(stack, "VpcId", vpc.VpcId(), "the network")
	return vpc
}

// useZonesOfRegion puts each subnet of a network into a zone that the account has in its region, by their order: which
// letters a region has differs from region to region, and from account to account.
func useZonesOfRegion(vpc awsec2.IVpc) {
	for i, subnet := range *vpc.IsolatedSubnets() {
		zone := awscdk.Fn_Select(jsii.Number(i), awscdk.Fn_GetAzs(nil))
		subnet.Node().DefaultChild().(awsec2.CfnSubnet).SetAvailabilityZone(zone)
	}
}
