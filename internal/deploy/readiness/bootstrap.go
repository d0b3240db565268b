package readiness

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

// MinimumBootstrap is the first version of the CDK's bootstrap whose deploy role may list change sets and resources and
// read stack policies. Source: https://github.com/aws/aws-cdk-cli/pull/1403.
const MinimumBootstrap = 32

// DeployActions are the actions of the deploy role that a deployment uses. A test compares them with the operations of
// the client.
func DeployActions() []string {
	var actions []string
	for _, operation := range []string{
		"ContinueUpdateRollback", "CreateChangeSet", "DeleteChangeSet", "DeleteStack", "DescribeChangeSet",
		"DescribeEvents", "DescribeStackEvents", "DescribeStacks", "ExecuteChangeSet", "GetStackPolicy", "GetTemplate",
		"ListChangeSets", "ListExports", "ListHookResults", "ListImports", "ListStackResources", "ListStacks",
		"RollbackStack", "SetStackPolicy", "UpdateTerminationProtection",
	} {
		actions = append(actions, "cloudformation:"+operation)
	}
	return actions
}

// findOldBootstrap reads each bootstrap version that is needed. A bootstrap that is missing is a refusal of its own.
func findOldBootstrap(ctx context.Context, s Subject, _ report) error {
	for _, want := range s.Bootstrap {
		value, err := s.Parameter(ctx, want.Parameter)
		if err != nil {
			return err
		}
		advice := fmt.Sprintf("run `lockstep bootstrap --env %s`", s.Environment)
		if value == "" {
			return refusal.Newf(fault.NotBootstrapped, nil,
				"account %s is not bootstrapped in %s, the SSM parameter %s is missing: %s",
				s.Place.Account, s.Region, want.Parameter, advice)
		}
		version, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil {
			return refusal.Newf(fault.BootstrapOld, nil,
				"the bootstrap version of account %s is %q, not a number: %s", s.Place.Account, value, advice)
		}
		if version < want.Version {
			return refusal.Newf(fault.BootstrapOld, nil,
				"account %s is bootstrapped with version %d in %s, the assembly needs %d: %s",
				s.Place.Account, version, s.Region, want.Version, advice)
		}
		if version < MinimumBootstrap && s.NeedsDeployRole && !s.hasAllRights(ctx) {
			return refusal.Newf(fault.BootstrapOld, nil,
				"account %s is bootstrapped with version %d in %s. Before version %d, the deploy role could not list the "+
					"change sets and resources of a stack, so a deployment could neither be planned nor read back: %s",
				s.Place.Account, version, s.Region, MinimumBootstrap, advice)
		}
	}
	return nil
}

// hasAllRights reports whether the deploy role of an older bootstrap was given all rights nevertheless.
func (s Subject) hasAllRights(ctx context.Context) bool {
	denied, err := s.DeniedActions(ctx, DeployActions())
	return err == nil && len(denied) == 0
}

// findMissingRights asks IAM what the deploy role may do.
func findMissingRights(ctx context.Context, s Subject, found report) error {
	if !s.NeedsDeployRole {
		return nil
	}
	denied, err := s.DeniedActions(ctx, DeployActions())
	if err != nil || len(denied) == 0 {
		return err
	}
	slices.Sort(denied)
	found(Finding{
		Problem: "the deploy role may not do " + strings.Join(denied, ", "),
		Remedy: fmt.Sprintf("run `lockstep bootstrap --env %s`; if the rights are still missing, a permissions boundary "+
			"or a policy of the organisation takes them away", s.Environment),
	})
	return nil
}
