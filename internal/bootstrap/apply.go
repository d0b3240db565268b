package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"
	"github.com/goccy/go-yaml"

	"lockstep/tools"
)

// operationTimeout is how long a bootstrap may take. It takes a minute on AWS.
const operationTimeout = 15 * time.Minute

// LoadTemplate is the template of `cdk bootstrap`, from the CDK's own command line, which is installed if it is not
// there yet.
func LoadTemplate(ctx context.Context, installer *tools.Installer) (string, error) {
	dir, err := installer.Install(ctx, tools.CDK)
	if err != nil {
		return "", err
	}
	text, err := os.ReadFile(filepath.Join(dir, tools.BootstrapTemplate))
	return string(text), err
}

// IsUpToDate says whether the account's bootstrap stack is whole and is as the configuration wants it.
func IsUpToDate(ctx context.Context, cfg aws.Config, account Account) (bool, error) {
	have, err := describeStack(ctx, newClient(cfg, account))
	if err != nil || have == nil || !isComplete(have) {
		return false, err
	}
	values := map[string]string{}
	for _, p := range have.Parameters {
		values[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	for key, want := range account.parameters() {
		if values[key] != want {
			return false, nil
		}
	}
	return true, nil
}

// Apply makes the account's bootstrap stack from the template of `cdk bootstrap`, or brings it to what the
// configuration wants. A stack that was made with a newer template is refused.
func Apply(ctx context.Context, cfg aws.Config, template string, account Account) error {
	c := newClient(cfg, account)
	have, err := describeStack(ctx, c)
	if err == nil && have != nil && have.StackStatus == types.StackStatusRollbackComplete { // nothing of it is left but its name
		have, err = nil, deleteStack(ctx, c)
	}
	switch {
	case err != nil:
	case have == nil:
		err = createStack(ctx, c, template, account)
	default:
		if err = checkNotNewer(have, template); err == nil {
			err = updateStack(ctx, c, template, account)
		}
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("account %s could not be bootstrapped in %s: %w", account.ID, account.Region, err)
	}
	return err
}

func newClient(cfg aws.Config, account Account) *cloudformation.Client {
	return cloudformation.NewFromConfig(cfg, func(o *cloudformation.Options) { o.Region = account.Region })
}

// describeStack is the bootstrap stack, nil if there is none.
func describeStack(ctx context.Context, c *cloudformation.Client) (*types.Stack, error) {
	out, err := c.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(StackName)})
	var api smithy.APIError
	if errors.As(err, &api) && strings.Contains(api.ErrorMessage(), "does not exist") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &out.Stacks[0], nil
}

func isComplete(stack *types.Stack) bool {
	return slices.Contains([]types.StackStatus{types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete}, stack.StackStatus)
}

var capabilities = []types.Capability{types.CapabilityCapabilityNamedIam}

func createStack(ctx context.Context, c *cloudformation.Client, template string, account Account) error {
	_, err := c.CreateStack(ctx, &cloudformation.CreateStackInput{
		StackName: aws.String(StackName), TemplateBody: &template, Parameters: stackParameters(account), Capabilities: capabilities,
	})
	if err != nil {
		return err
	}
	waiter := cloudformation.NewStackCreateCompleteWaiter(c, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = minDelay, maxDelay
	})
	return addFirstFailure(ctx, c, waiter.Wait(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(StackName)}, operationTimeout))
}

func updateStack(ctx context.Context, c *cloudformation.Client, template string, account Account) error {
	_, err := c.UpdateStack(ctx, &cloudformation.UpdateStackInput{
		StackName: aws.String(StackName), TemplateBody: &template, Parameters: stackParameters(account), Capabilities: capabilities,
	})
	var api smithy.APIError
	if errors.As(err, &api) && strings.Contains(api.ErrorMessage(), "No updates are to be performed") {
		return nil
	}
	if err != nil {
		return err
	}
	waiter := cloudformation.NewStackUpdateCompleteWaiter(c, func(o *cloudformation.StackUpdateCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = minDelay, maxDelay
	})
	return addFirstFailure(ctx, c, waiter.Wait(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(StackName)}, operationTimeout))
}

func deleteStack(ctx context.Context, c *cloudformation.Client) error {
	if _, err := c.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: aws.String(StackName)}); err != nil {
		return err
	}
	waiter := cloudformation.NewStackDeleteCompleteWaiter(c, func(o *cloudformation.StackDeleteCompleteWaiterOptions) {
		o.MinDelay, o.MaxDelay = minDelay, maxDelay
	})
	return waiter.Wait(ctx, &cloudformation.DescribeStacksInput{StackName: aws.String(StackName)}, operationTimeout)
}

// The pauses between two looks at the stack grow from the one to the other.
const (
	minDelay = 100 * time.Millisecond
	maxDelay = 5 * time.Second
)

func stackParameters(account Account) []types.Parameter {
	values := account.parameters()
	var out []types.Parameter
	for _, key := range slices.Sorted(maps.Keys(values)) {
		out = append(out, types.Parameter{ParameterKey: aws.String(key), ParameterValue: aws.String(values[key])})
	}
	return out
}

// addFirstFailure adds the first resource that failed to the error of an operation.
func addFirstFailure(ctx context.Context, c *cloudformation.Client, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	out, reading := c.DescribeStackEvents(ctx, &cloudformation.DescribeStackEventsInput{StackName: aws.String(StackName)})
	if reading != nil {
		return err // what is known has to do
	}
	for _, event := range slices.Backward(out.StackEvents) {
		if strings.HasSuffix(string(event.ResourceStatus), "_FAILED") {
			return fmt.Errorf("%s (%s): %s", aws.ToString(event.LogicalResourceId), aws.ToString(event.ResourceType), aws.ToString(event.ResourceStatusReason))
		}
	}
	return err
}

// checkNotNewer refuses to put an older template in the place of a newer one: what was deployed since may need what
// that one brought.
func checkNotNewer(have *types.Stack, template string) error {
	ours, err := parseVersion(template)
	if err != nil {
		return err
	}
	for _, output := range have.Outputs {
		if aws.ToString(output.OutputKey) != "BootstrapVersion" {
			continue
		}
		if theirs, err := strconv.Atoi(aws.ToString(output.OutputValue)); err == nil && theirs > ours {
			return fmt.Errorf("it has version %d of the bootstrap, newer than the %d that is known here: update Lockstep", theirs, ours)
		}
	}
	return nil
}

// parseVersion is that of the bootstrap, which its template publishes.
func parseVersion(template string) (int, error) {
	var t struct {
		Resources struct {
			Version struct {
				Properties struct {
					Value string `yaml:"Value"`
				} `yaml:"Properties"`
			} `yaml:"CdkBootstrapVersion"`
		} `yaml:"Resources"`
	}
	err := yaml.Unmarshal([]byte(template), &t)
	if err != nil {
		return 0, fmt.Errorf("the bootstrap's template is damaged: %w", err)
	}
	number, err := strconv.Atoi(t.Resources.Version.Properties.Value)
	if err != nil {
		return 0, fmt.Errorf("the bootstrap's template has the version %q, which is no number", t.Resources.Version.Properties.Value)
	}
	return number, nil
}
