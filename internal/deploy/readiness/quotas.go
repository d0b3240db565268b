package readiness

import (
	"context"
	"errors"
	"fmt"
)

// A quota is how many resources of a type an account may have in a region.
type quota struct {
	resourceType  string
	service, code string
	// what names the resources in a sentence.
	what string
}

// stackType is the type of a stack as a resource.
const stackType = "AWS::CloudFormation::Stack"

// quotas is the table of the quotas that a plan can break. It is typed by hand: AWS publishes no table from resource
// types to quotas. It has those whose default is a few dozen or less, which a platform does reach, and stacks. A quota
// that is not in it is left to CloudFormation.
// Source: https://docs.aws.amazon.com/general/latest/gr/aws-service-information.html, the page of each service.
func quotas() []quota {
	return []quota{
		{"AWS::EC2::VPC", "vpc", "L-F678F1CE", "VPCs"},
		{"AWS::EC2::InternetGateway", "vpc", "L-A4707A72", "internet gateways"},
		{"AWS::EC2::EIP", "ec2", "L-0263D0A3", "elastic IP addresses"},
		{"AWS::RDS::DBCluster", "rds", "L-952B80B8", "database clusters"},
		{stackType, "cloudformation", "L-0485CB21", "stacks"},
	}
}

// findQuotas finds quotas that the new resources of the plan would break.
func findQuotas(ctx context.Context, s Subject, found report) error {
	var errs []error
	for _, q := range quotas() {
		planned := len(plannedOf(s, q.resourceType))
		for _, stack := range s.Stacks {
			if stack.IsNew && q.resourceType == stackType {
				planned++
			}
		}
		if planned == 0 {
			continue
		}
		if err := findQuota(ctx, s, q, planned, found); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", q.what, err))
		}
	}
	return errors.Join(errs...)
}

func findQuota(ctx context.Context, s Subject, q quota, planned int, found report) error {
	limit, err := s.Quota(ctx, q.service, q.code)
	if err != nil {
		return err
	}
	existing, err := s.Resources(ctx, q.resourceType, int(limit)+1)
	if err != nil {
		return err
	}
	if len(existing)+planned <= int(limit) {
		return nil
	}
	found(Finding{
		Type: q.resourceType,
		Problem: fmt.Sprintf("it may have %d %s, it has %d, and the plan adds %d", int(limit), q.what, len(existing),
			planned),
		Remedy: fmt.Sprintf("ask for more with `aws service-quotas request-service-quota-increase --service-code %s "+
			"--quota-code %s --desired-value %d`, or plan fewer", q.service, q.code, len(existing)+planned),
	})
	return nil
}
