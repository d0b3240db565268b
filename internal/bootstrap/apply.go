package bootstrap

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
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

	"lockstep/internal/awsclient"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/tools"
)

// operationTimeout is how long a bootstrap may take. It takes a minute on AWS.
const operationTimeout = 15 * time.Minute

// LoadTemplate returns the template of `cdk bootstrap`. It is part of the CDK's command line, which is installed if
// need be.
func LoadTemplate(ctx context.Context, installer *tools.Installer) (string, error) {
	dir, err := installer.Install(ctx, tools.CDK)
	if err != nil {
		return "", err
	}
	text, err := fsx.ReadFile(filepath.Join(dir, tools.BootstrapTemplate), fsx.MaxText)
	if err != nil {
		return "", err
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(text)); got != templateSum {
		return "", fault.Errorf(fault.ToolChanged,
			"%s has the hash %s instead of %s: it is not the template of the pinned CDK; remove the folder %s, and run "+
				"this again", tools.BootstrapTemplate, got, templateSum, dir)
	}
	return string(text), nil
}

// templateSum is the SHA-256, in hexadecimal, of the template that the pinned version of the CDK's command line has: it
// makes the roles that everything else relies on, with an administrator's rights.
const templateSum = "933d558df062e87fbf4f54dbeeeca9cf8becb3fde02f232344dd646a3322471e"

// Exists reports whether the account of the configuration has a bootstrap stack with a name, in whatever state.
func Exists(ctx context.Context, cfg aws.Config, region, name string) (bool, error) {
	stack, err := describeStack(ctx, newClient(cfg, Account{Region: region}), name)
	return stack != nil, err
}

// A stack is one of the stacks of a bootstrap, with its template.
type stack struct {
	name, template string
	parameters     map[string]string
	// isOfCDK says that it is the stack of `cdk bootstrap`, and not that of Lockstep alone.
	isOfCDK bool
}

// rolesStack returns the stack of Lockstep's own roles in a phase.
func (a Account) rolesStack(p phase) stack {
	return stack{
		name: a.Names.RolesStack(a.Qualifier), template: a.rolesTemplate(p), parameters: a.rolesParameters(p),
	}
}

// stacks returns the stacks of an account's bootstrap in the order in which they are applied: the second changes a role
// of the first.
func (a Account) stacks(template string) []stack {
	own := a.rolesStack(complete)
	if a.Names.HasRoles() && !a.IsEmulated {
		return []stack{own}
	}
	return []stack{{
		name: a.Names.Toolkit(), template: a.renameRoles(template), parameters: a.parameters(), isOfCDK: true,
	}, own}
}

// IsUpToDate reports whether the stacks of the account's bootstrap are complete and have the configured parameters.
func IsUpToDate(ctx context.Context, cfg aws.Config, account Account) (bool, error) {
	for _, s := range account.stacks("") {
		upToDate, err := s.isUpToDate(ctx, newClient(cfg, account))
		if err != nil || !upToDate {
			return false, err
		}
	}
	return true, nil
}

func (s stack) isUpToDate(ctx context.Context, c *awsclient.CloudFormation) (bool, error) {
	found, err := describeStack(ctx, c, s.name)
	if err != nil || found == nil || !slices.Contains(completeStatuses, found.StackStatus) {
		return false, err
	}
	values := map[string]string{}
	for _, p := range found.Parameters {
		values[aws.ToString(p.ParameterKey)] = aws.ToString(p.ParameterValue)
	}
	for key, want := range s.parameters {
		value, exists := values[key]
		isKept := exists && key == keyParameter || key == trustParameter && value == joinLists(value, want)
		if value != want && !isKept {
			return false, nil
		}
	}
	return true, nil
}

// Apply creates or updates the account's bootstrap stack with the template of `cdk bootstrap`, and the stack with the
// roles of Lockstep itself. A stack that was created with a newer template is refused. Records of deployments that an
// earlier version kept in the bucket of the CDK are moved to that of Lockstep.
func Apply(ctx context.Context, cfg aws.Config, template string, account Account) error {
	c := newClient(cfg, account)
	for _, s := range account.stacks(template) {
		var err error
		if !s.isOfCDK {
			err = account.moveRecords(ctx, cfg, c)
		}
		if err == nil {
			err = s.apply(ctx, c, account)
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("account %s could not be bootstrapped in %s: stack %s: %w",
				account.ID, account.Region, s.name, fault.Wrap(fault.BootstrapFailed, err))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s stack) apply(ctx context.Context, c *awsclient.CloudFormation, account Account) error {
	found, err := describeStack(ctx, c, s.name)
	if err != nil {
		return err
	}
	if found == nil {
		return s.create(ctx, c)
	}
	if slices.Contains(uncreatedStatuses, found.StackStatus) {
		if err := s.delete(ctx, c); err != nil {
			return err
		}
		return s.create(ctx, c)
	}
	if err := s.checkReplacesNothing(found, account); err != nil {
		return err
	}
	if !s.isOfCDK {
		return s.update(ctx, c, s.parameterList())
	}
	if err := checkNotNewer(found, s.template); err != nil {
		return err
	}
	u, err := newUpdate(found, s.template, s.parameters)
	if err != nil {
		return err
	}
	if err := u.approve(account); err != nil {
		return err
	}
	return s.update(ctx, c, u.parameters)
}

func newClient(cfg aws.Config, account Account) *awsclient.CloudFormation {
	cfg.Region = account.Region
	return awsclient.NewCloudFormation(cfg)
}

// describeStack returns a stack, or nil if there is none.
func describeStack(ctx context.Context, c *awsclient.CloudFormation, name string) (*types.Stack, error) {
	out, err := c.DescribeStacks(ctx, &cloudformation.DescribeStacksInput{StackName: &name})
	var api smithy.APIError
	if errors.As(err, &api) && strings.Contains(api.ErrorMessage(), "does not exist") {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &out.Stacks[0], nil
}

// completeStatuses are the statuses of a bootstrap stack that can be deployed with.
var completeStatuses = []types.StackStatus{
	types.StackStatusCreateComplete, types.StackStatusUpdateComplete, types.StackStatusUpdateRollbackComplete,
}

// uncreatedStatuses are the statuses of a stack that was never created and can only be deleted: its creation failed, or
// was cut off before its change set was executed.
var uncreatedStatuses = []types.StackStatus{
	types.StackStatusRollbackComplete, types.StackStatusReviewInProgress,
}

var capabilities = []types.Capability{types.CapabilityCapabilityNamedIam}

// changeSetName is the name of the change set that creates a stack.
const changeSetName = "lockstep-bootstrap"

// create creates the stack. A bucket and a repository that an earlier bootstrap has kept when it was deleted become
// resources of the new one: only a change set can do that.
func (s stack) create(ctx context.Context, c *awsclient.CloudFormation) error {
	name := changeSetName
	_, err := c.CreateChangeSet(ctx, &cloudformation.CreateChangeSetInput{
		StackName: &s.name, ChangeSetName: &name, ChangeSetType: types.ChangeSetTypeCreate, TemplateBody: &s.template,
		Parameters: s.parameterList(), Capabilities: capabilities, ImportExistingResources: aws.Bool(true),
	})
	if err != nil {
		return err
	}
	described := &cloudformation.DescribeChangeSetInput{StackName: &s.name, ChangeSetName: &name}
	type options = cloudformation.ChangeSetCreateCompleteWaiterOptions
	ready := cloudformation.NewChangeSetCreateCompleteWaiter(c, func(o *options) {
		o.MinDelay = minDelay
		o.MaxDelay = maxDelay
	})
	set, err := ready.WaitForOutput(ctx, described, operationTimeout)
	if err != nil {
		return s.addChangeSetReason(ctx, c, described, err)
	}
	if _, err := c.ExecuteChangeSet(ctx, &cloudformation.ExecuteChangeSetInput{
		StackName: &s.name, ChangeSetName: set.ChangeSetId,
	}); err != nil {
		return err
	}
	waiter := cloudformation.NewStackCreateCompleteWaiter(c, func(o *cloudformation.StackCreateCompleteWaiterOptions) {
		o.MinDelay = minDelay
		o.MaxDelay = maxDelay
	})
	return s.addFirstFailure(ctx, c, waiter.Wait(ctx, s.describeInput(), operationTimeout))
}

// addChangeSetReason replaces the error of a change set that could not be made by what CloudFormation says about it, if
// that can be read.
func (s stack) addChangeSetReason(
	ctx context.Context, c *awsclient.CloudFormation, described *cloudformation.DescribeChangeSetInput, err error,
) error {
	if ctx.Err() != nil {
		return err
	}
	set, describeErr := c.DescribeChangeSet(ctx, described)
	if describeErr != nil || set.Status != types.ChangeSetStatusFailed {
		return err
	}
	return fault.Errorf(fault.BootstrapFailed, "its change set was refused: %s", aws.ToString(set.StatusReason))
}

func (s stack) update(ctx context.Context, c *awsclient.CloudFormation, parameters []types.Parameter) error {
	_, err := c.UpdateStack(ctx, &cloudformation.UpdateStackInput{
		StackName: &s.name, TemplateBody: &s.template,
		Parameters: parameters, Capabilities: capabilities, ClientRequestToken: aws.String("lockstep-" + rand.Text()),
	})
	var api smithy.APIError
	if errors.As(err, &api) && strings.Contains(api.ErrorMessage(), "No updates are to be performed") {
		return nil
	}
	if err != nil {
		return err
	}
	waiter := cloudformation.NewStackUpdateCompleteWaiter(c, func(o *cloudformation.StackUpdateCompleteWaiterOptions) {
		o.MinDelay = minDelay
		o.MaxDelay = maxDelay
	})
	return s.addFirstFailure(ctx, c, waiter.Wait(ctx, s.describeInput(), operationTimeout))
}

func (s stack) delete(ctx context.Context, c *awsclient.CloudFormation) error {
	if _, err := c.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &s.name}); err != nil {
		return err
	}
	waiter := cloudformation.NewStackDeleteCompleteWaiter(c, func(o *cloudformation.StackDeleteCompleteWaiterOptions) {
		o.MinDelay = minDelay
		o.MaxDelay = maxDelay
	})
	return waiter.Wait(ctx, s.describeInput(), operationTimeout)
}

// The delays between two calls that wait for an operation grow from minDelay to maxDelay.
const (
	minDelay = 100 * time.Millisecond
	maxDelay = 5 * time.Second
)

func (s stack) describeInput() *cloudformation.DescribeStacksInput {
	return &cloudformation.DescribeStacksInput{StackName: &s.name}
}

func (s stack) parameterList() []types.Parameter {
	var out []types.Parameter
	for _, key := range slices.Sorted(maps.Keys(s.parameters)) {
		out = append(out, types.Parameter{ParameterKey: aws.String(key), ParameterValue: aws.String(s.parameters[key])})
	}
	return out
}

// addFirstFailure replaces the error of an operation by the first resource that failed and its reason, if they can be
// read.
func (s stack) addFirstFailure(ctx context.Context, c *awsclient.CloudFormation, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	input := &cloudformation.DescribeStackEventsInput{StackName: &s.name}
	out, eventsErr := c.DescribeStackEvents(ctx, input)
	if eventsErr != nil {
		return err
	}
	for _, event := range slices.Backward(out.StackEvents) {
		if strings.HasSuffix(string(event.ResourceStatus), "_FAILED") {
			return fault.Errorf(fault.BootstrapFailed,
				"%s (%s): %s", aws.ToString(event.LogicalResourceId), aws.ToString(event.ResourceType),
				aws.ToString(event.ResourceStatusReason))
		}
	}
	return err
}

// checkNotNewer refuses to replace a newer template by an older one: deployed stacks may need what the newer one has.
func checkNotNewer(stack *types.Stack, template string) error {
	templateVersion, err := parseVersion(template)
	if err != nil {
		return err
	}
	for _, output := range stack.Outputs {
		if aws.ToString(output.OutputKey) != "BootstrapVersion" {
			continue
		}
		version, err := strconv.Atoi(aws.ToString(output.OutputValue))
		if err == nil && version > templateVersion {
			return fault.Errorf(fault.BootstrapNewer,
				"it has version %d of the bootstrap, newer than version %d of this Lockstep: update Lockstep",
				version, templateVersion)
		}
	}
	return nil
}

// parseVersion returns the version of the bootstrap, which is the value of a resource of its template.
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
		return 0, fault.Errorf(fault.TableBroken, "the bootstrap's template is damaged: %w", err)
	}
	value := t.Resources.Version.Properties.Value
	version, err := strconv.Atoi(value)
	if err != nil {
		return 0, fault.Errorf(fault.TableBroken, "the bootstrap's template has the version %q, which is not a number", value)
	}
	return version, nil
}
