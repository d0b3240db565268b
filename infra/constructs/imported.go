package constructs

import (
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2/awsec2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsroute53"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsssm"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"

	"lockstep/config"
)

// Imported has the existing resources of the account that a stack uses. They are named by id, or by the SSM parameter
// that holds the id when the stack is deployed: nothing is looked up during synthesis.
type Imported struct{ scope constructs.Construct }

// Import returns the stack's only Imported.
func Import(stack constructs.Construct) Imported {
	const id = "Imported"
	if existing := stack.Node().TryFindChild(jsii.String(id)); existing != nil {
		return Imported{existing.(constructs.Construct)}
	}
	return Imported{constructs.NewConstruct(stack, jsii.String(id))}
}

// resolve returns the reference itself, or the value of the parameter that it names.
func (i Imported) resolve(reference string) *string {
	if name, ok := strings.CutPrefix(reference, config.SSMPrefix); ok {
		return awsssm.StringParameter_ValueForStringParameter(i.scope, jsii.String(name), nil)
	}
	return jsii.String(reference)
}

// Key returns the KMS key with an ARN.
func (i Imported) Key(reference string) awskms.IKey {
	return awskms.Key_FromKeyArn(i.scope, jsii.String("Key"), i.resolve(reference))
}

// Network returns the VPC with its isolated subnets.
func (i Imported) Network(n config.Network) awsec2.IVpc {
	attributes := &awsec2.VpcAttributes{VpcId: i.resolve(n.VPC), AvailabilityZones: jsii.Strings(n.AvailabilityZones...)}
	var subnets, tables []*string
	for j, reference := range n.Subnets {
		subnets = append(subnets, i.resolve(reference))
		// The library requires the route tables too. No stack adds a route, so their names are never used.
		tables = append(tables, jsii.String(fmt.Sprintf("unused-%d", j)))
	}
	attributes.IsolatedSubnetIds, attributes.IsolatedSubnetRouteTableIds = &subnets, &tables
	return awsec2.Vpc_FromVpcAttributes(i.scope, jsii.String("Network"), attributes)
}

// HostedZone returns the zone of Route 53.
func (i Imported) HostedZone(z config.HostedZone) awsroute53.IHostedZone {
	return awsroute53.HostedZone_FromHostedZoneAttributes(i.scope, jsii.String("HostedZone"),
		&awsroute53.HostedZoneAttributes{
			HostedZoneId: i.resolve(z.ID), ZoneName: jsii.String(z.Name),
		})
}

// ImportedOrNewKey returns the imported key, or a new one if none is imported.
func ImportedOrNewKey(scope constructs.Construct, imports config.Imports, description string) awskms.IKey {
	if imports.Key != "" {
		return Import(scope).Key(imports.Key)
	}
	return NewKey(scope, "Key", description)
}
