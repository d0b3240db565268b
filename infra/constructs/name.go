package constructs

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"
)

// regionInNames is the context key of a stack whose account has another stack of the same name in another region.
const regionInNames = "lockstep:region-in-names"

// NameWithRegion lets the names that the resources of a stack have in the whole account end with the region.
func NameWithRegion(stack awscdk.Stack) { stack.Node().SetContext(jsii.String(regionInNames), true) }

// AccountWideName returns a name for a resource that AWS has once for an account, in whatever region it was made: a
// dashboard, or the configuration of a chat channel.
func AccountWideName(stack awscdk.Stack) string {
	if stack.Node().TryGetContext(jsii.String(regionInNames)) == true {
		return *stack.StackName() + "-" + *stack.Region()
	}
	return *stack.StackName()
}
