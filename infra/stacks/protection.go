package stacks

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"lockstep/infra/constructs"
	"lockstep/internal/roles"
	"lockstep/internal/stateful"
)

// StackPolicyMetadata is the key of a template's metadata that holds the policy of its stack. CloudFormation takes a
// policy by a call of its own, which whoever deploys the assembly makes.
const StackPolicyMetadata = "lockstep:stackPolicy"

// stackPolicy allows all updates but those that replace or delete a resource with data.
var stackPolicy = map[string]any{"Statement": []any{
	map[string]any{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"},
	map[string]any{
		"Effect": "Deny", "Action": []string{"Update:Delete", "Update:Replace"}, "Principal": "*", "Resource": "*",
		"Condition": map[string]any{"StringEquals": map[string]any{"ResourceType": stateful.Types()}},
	},
}}

// protectStack adds the policy to the stack. The first stack of an account also lets the deployment role set such
// policies, which `cdk bootstrap` does not.
func (s *Scope) protectStack(stack awscdk.Stack) {
	stack.AddMetadata(jsii.String(StackPolicyMetadata), stackPolicy)
	if len(s.Stacks) > 0 {
		return
	}
	env := s.Environment
	names := roles.Names(env.Bootstrap.BootstrapNames)
	policy := awsiam.NewCfnPolicy(stack, jsii.String("DeployRights"), &awsiam.CfnPolicyProps{
		PolicyName: jsii.String(s.QualifiedName("stack-policies")),
		Roles:      jsii.Strings(names.Role(roles.Deploy, s.Pipeline.QualifierOf(env), env.ID, env.Region)),
		PolicyDocument: map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
			"Effect": "Allow", "Action": []string{"cloudformation:GetStackPolicy", "cloudformation:SetStackPolicy"},
			"Resource": constructs.ARN(stack, "cloudformation", "stack/"+s.QualifiedName("*")+"/*"),
		}}},
	})
	constructs.Suppress(policy, "AwsSolutions-IAM5",
		"A stack's ARN ends with an id that is made with the stack; "+
			"the pattern holds the names of this account's own stacks alone.")
}
