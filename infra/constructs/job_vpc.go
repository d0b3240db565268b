package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscodebuild"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
)

// attachToVPC puts a job into a part of a VPC and lets CodeBuild create network interfaces there and nowhere else.
// Source: the CodeBuild user guide, permissions to create a network interface in a VPC.
func attachToVPC(scope constructs.Construct, id string, project awscodebuild.CfnProject, props JobProps) {
	network, stack := props.Network, awscdk.Stack_Of(project)
	project.SetVpcConfig(&awscodebuild.CfnProject_VpcConfigProperty{
		VpcId: jsii.String(network.VPC), Subnets: jsii.Strings(network.Subnets...),
		SecurityGroupIds: jsii.Strings(network.SecurityGroups...),
	})
	arn := func(resource string) string { return ARN(stack, "ec2", resource) }
	interfaces := arn("network-interface/*")
	var subnets []string
	for _, subnet := range network.Subnets {
		subnets = append(subnets, arn("subnet/"+subnet))
	}
	resources := append([]string{interfaces}, subnets...)
	for _, group := range network.SecurityGroups {
		resources = append(resources, arn("security-group/"+group))
	}
	allow := func(resources []string, conditions *map[string]any, actions ...string) awsiam.PolicyStatement {
		return awsiam.NewPolicyStatement(&awsiam.PolicyStatementProps{
			Actions:   jsii.Strings(actions...),
			Resources: jsii.Strings(resources...), Conditions: conditions,
		})
	}
	inSubnets := func(additional map[string]any) *map[string]any {
		equal := map[string]any{"ec2:Subnet": subnets}
		for key, value := range additional {
			equal[key] = value
		}
		return &map[string]any{"StringEquals": equal}
	}
	policy := awsiam.NewPolicy(scope, jsii.String(id+"Network"), &awsiam.PolicyProps{
		Roles: &[]awsiam.IRole{props.Role},
		Statements: &[]awsiam.PolicyStatement{
			allow(resources, nil, "ec2:CreateNetworkInterface"),
			allow([]string{interfaces}, inSubnets(nil), "ec2:DeleteNetworkInterface"),
			allow([]string{interfaces}, inSubnets(map[string]any{"ec2:AuthorizedService": "codebuild.amazonaws.com"}),
				"ec2:CreateNetworkInterfacePermission"),
			allow([]string{"*"}, nil, "ec2:DescribeDhcpOptions", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSecurityGroups",
				"ec2:DescribeSubnets", "ec2:DescribeVpcs"),
		},
	})
	Suppress(policy, "AwsSolutions-IAM5",
		"CodeBuild makes a network interface for each run, whose id nobody knows before: the pattern names those of the "+
			"job's subnets alone. What is described cannot be named.")
	// CodeBuild refuses a project whose role does not have these permissions.
	project.Node().AddDependency(policy)
}
