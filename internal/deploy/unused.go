package deploy

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/fault"
	"lockstep/internal/roles"
)

// Unused returns a line for each role of the newest release's stacks that nobody has used since a time, and for each
// parameter below /PROJECT/ENVIRONMENT/ that none of these stacks has. It works as the lookup role and writes nothing.
func (d *Deployment) Unused(ctx context.Context, since time.Time) ([]string, error) {
	resources, err := d.releasedResources(ctx)
	if err != nil || resources == nil {
		return nil, err
	}
	cfg, err := d.sessions.Config(ctx, bootstrapRole(d.target, roles.Lookup), d.target.Region)
	if err != nil {
		return nil, err
	}
	roles, err := unusedRoles(ctx, awsclient.NewIAM(cfg), resources["AWS::IAM::Role"], since)
	if err != nil {
		return nil, err
	}
	parameters, err := d.unknownParameters(ctx, awsclient.NewSSM(cfg), resources["AWS::SSM::Parameter"])
	return append(roles, parameters...), err
}

// releasedResources returns the physical ids of the resources of the newest release's stacks by their types; nil if
// nothing was deployed yet.
func (d *Deployment) releasedResources(ctx context.Context) (map[string][]string, error) {
	last, err := d.LatestRelease(ctx)
	if err != nil || last == nil {
		return nil, err
	}
	client, err := d.cfnClient(ctx, bootstrapRole(d.target, roles.Lookup), d.target.Region)
	if err != nil {
		return nil, err
	}
	found := map[string][]string{}
	for _, s := range last.Stacks {
		resources, err := existingResources(ctx, client, s.Name)
		if err != nil {
			return nil, fmt.Errorf("stack %s: %w", s.Name, err)
		}
		for _, r := range resources {
			kind := aws.ToString(r.ResourceType)
			found[kind] = append(found[kind], aws.ToString(r.PhysicalResourceId))
		}
	}
	return found, nil
}

// existingResources returns the resources of a stack; none if the stack does not exist.
func existingResources(
	ctx context.Context, client *cfn.Client, stack string,
) ([]cftypes.StackResourceSummary, error) {
	state, err := client.Describe(ctx, stack)
	if err != nil || state.Phase == cfn.Absent {
		return nil, err
	}
	return client.Resources(ctx, state.ID())
}

// unusedRoles returns a line for each of the roles that is older than a time and was not used since. AWS reports the
// uses of the last 400 days. Source: the IAM API reference, RoleLastUsed.
func unusedRoles(ctx context.Context, api *awsclient.IAM, names []string, since time.Time) ([]string, error) {
	var out []string
	for _, name := range slices.Sorted(slices.Values(names)) {
		answer, err := api.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(name)})
		if err != nil {
			return nil, fmt.Errorf("role %s: %w", name, err)
		}
		role := answer.Role
		var used *time.Time
		if role.RoleLastUsed != nil {
			used = role.RoleLastUsed.LastUsedDate
		}
		switch {
		case aws.ToTime(role.CreateDate).After(since) || used != nil && used.After(since):
		case used == nil:
			out = append(out, fmt.Sprintf("role %s was never used in the time that AWS keeps", name))
		default:
			out = append(out, fmt.Sprintf("role %s was last used on %s", name, used.UTC().Format(time.DateOnly)))
		}
	}
	return out, nil
}

// unknownParameters returns a line for each parameter of the environment that is not among the known ones.
func (d *Deployment) unknownParameters(ctx context.Context, api *awsclient.SSM, known []string) ([]string, error) {
	in := &ssm.DescribeParametersInput{ParameterFilters: []ssmtypes.ParameterStringFilter{{
		Key: aws.String("Path"), Option: aws.String("Recursive"),
		Values: []string{"/" + d.target.Project + "/" + d.target.Environment},
	}}}
	var out []string
	for {
		page, err := api.DescribeParameters(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, p := range page.Parameters {
			if name := aws.ToString(p.Name); !slices.Contains(known, name) {
				out = append(out, fmt.Sprintf("parameter %s is in no stack of the newest release", name))
			}
		}
		if aws.ToString(page.NextToken) == "" {
			return out, nil
		}
		in.NextToken = page.NextToken
	}
}

// ErrNoBilling says that AWS has no estimate of an account's cost.
var ErrNoBilling = fault.New(fault.MaintenanceNotRun, "AWS has no estimate of the cost: turn on billing alerts in the "+
	"billing preferences of the account, or of the account that pays for it")

// billingRegion is the region of the metrics of cost. Source: the CloudWatch user guide, monitoring estimated charges.
const billingRegion = "us-east-1"

// MonthlyCost returns AWS's estimate of what the account has cost so far in this month, in US dollars. The error is
// ErrNoBilling if there is none. It works as the lookup role.
func (d *Deployment) MonthlyCost(ctx context.Context, now time.Time) (float64, error) {
	cfg, err := d.sessions.Config(ctx, bootstrapRole(d.target, roles.Lookup), billingRegion)
	if err != nil {
		return 0, err
	}
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	answer, err := awsclient.NewCloudWatch(cfg).GetMetricStatistics(ctx, &cloudwatch.GetMetricStatisticsInput{
		Namespace: aws.String("AWS/Billing"), MetricName: aws.String("EstimatedCharges"),
		Dimensions: []cwtypes.Dimension{{Name: aws.String("Currency"), Value: aws.String("USD")}},
		StartTime:  aws.Time(month), EndTime: aws.Time(now), Period: aws.Int32(int32(24 * time.Hour / time.Second)),
		Statistics: []cwtypes.Statistic{cwtypes.StatisticMaximum},
	})
	if err != nil {
		return 0, err
	}
	if len(answer.Datapoints) == 0 {
		return 0, ErrNoBilling
	}
	byTime := map[time.Time]float64{}
	for _, p := range answer.Datapoints {
		byTime[aws.ToTime(p.Timestamp)] = aws.ToFloat64(p.Maximum)
	}
	newest := slices.MaxFunc(slices.Collect(maps.Keys(byTime)), time.Time.Compare)
	return byTime[newest], nil
}
