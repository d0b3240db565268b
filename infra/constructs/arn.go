package constructs

import (
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
)

// ARN returns the ARN of a resource of a service in the account, region and partition of a stack.
func ARN(stack awscdk.Stack, service, resource string) string {
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s", *stack.Partition(), service, *stack.Region(), *stack.Account(), resource)
}

// ManagedPolicyARN returns the ARN of a policy that AWS keeps, in the partition of a stack.
func ManagedPolicyARN(stack awscdk.Stack, name string) string {
	return fmt.Sprintf("arn:%s:iam::aws:policy/%s", *stack.Partition(), name)
}
