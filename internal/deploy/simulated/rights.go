package simulated

import (
	"fmt"
	"slices"
	"strings"
)

// grants are the actions of CloudFormation that the deploy role of `cdk bootstrap` may do, by the version of its
// template in which it got them; until is the last version that has them, 0 for no last one. A star stands for any
// end of the name. Source: the history of bootstrap-template.yaml in github.com/aws/aws-cdk-cli, and for versions
// before 25 the version that the toolkit asks for before it rolls back.
var grants = []struct {
	since, until int
	actions      []string
}{
	{0, 0, []string{
		"CreateChangeSet", "DeleteChangeSet", "ExecuteChangeSet", "CreateStack", "UpdateStack", "DeleteStack",
		"UpdateTerminationProtection",
	}},
	{0, 31, []string{
		"DescribeChangeSet", "DescribeStacks", "DescribeStackEvents", "GetTemplate", "GetTemplateSummary",
	}},
	{23, 0, []string{"RollbackStack", "ContinueUpdateRollback"}},
	{28, 0, []string{"CreateStackRefactor", "ExecuteStackRefactor"}},
	{28, 31, []string{"DescribeStackRefactor", "ListStackRefactorActions", "ListStackRefactors", "ListStacks"}},
	{30, 31, []string{"DescribeEvents"}},
	{31, 31, []string{"GetHookResult"}},
	// The managed policy AWSCloudFormationReadOnlyAccess.
	{32, 0, []string{"Describe*", "EstimateTemplateCost", "Get*", "List*", "ValidateTemplate", "Detect*"}},
}

// addedGrant is what `lockstep bootstrap` adds to the deploy role.
const addedGrant = "SetStackPolicy"

// isGranted reports whether the deploy role of a version of the bootstrap may do an action of CloudFormation.
func isGranted(version int, action string) bool {
	if action == addedGrant {
		return true
	}
	for _, g := range grants {
		if version < g.since || g.until != 0 && version > g.until {
			continue
		}
		if slices.ContainsFunc(g.actions, func(granted string) bool {
			prefix, isPattern := strings.CutSuffix(granted, "*")
			return granted == action || isPattern && strings.HasPrefix(action, prefix)
		}) {
			return true
		}
	}
	return false
}

// isDenied reports whether the deploy role of the accounts' bootstrap may not do an action, as SERVICE:ACTION. A
// version that is no number has all rights.
func (c *Cloud) isDenied(action string) bool {
	if slices.Contains(c.DeniedActions, action) {
		return true
	}
	version := 0
	_, err := fmt.Sscanf(c.BootstrapVersion, "%d", &version)
	name, isStackAction := strings.CutPrefix(action, "cloudformation:")
	return err == nil && isStackAction && !isGranted(version, name)
}

// isDeployRole reports whether a role is the deploy role of a bootstrap that has the CDK's own names.
func isDeployRole(arn string) bool { return strings.Contains(arn, "-deploy-role-") }
