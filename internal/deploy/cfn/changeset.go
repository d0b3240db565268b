package cfn

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"lockstep/internal/awsclient"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/digest"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

// maxTemplateBody is the size in bytes up to which a template may be sent along with the call
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
const maxTemplateBody = 51200

// A ChangeSet is a change set that can be executed.
type ChangeSet struct {
	// ID is the change set's ARN, and StackID that of its stack.
	ID      string
	StackID string
	// Changes are the changes of the stack's resources and of those of its nested stacks.
	Changes []change.Change
	// resolved are the values that CloudFormation has read from SSM for the stack's parameters, by their names.
	resolved map[string]*string
}

// name returns the name in the change set's ARN, arn:aws:cloudformation:REGION:ACCOUNT:changeSet/NAME/ID.
func (s *ChangeSet) name() string {
	parts := strings.Split(s.ID, "/")
	return parts[max(0, len(parts)-2)]
}

// IsOf reports whether a change set is of a stack in an account, and named as a run names its own.
func (s *ChangeSet) IsOf(account, stack, run string) bool {
	set, err := arn.Parse(s.ID)
	if err != nil {
		return false
	}
	holder, err := arn.Parse(s.StackID)
	if err != nil {
		return false
	}
	name := namePattern.FindStringSubmatch(s.name())
	return set.AccountID == account && holder.AccountID == account && set.Region == holder.Region &&
		strings.HasPrefix(set.Resource, "changeSet/") && strings.HasPrefix(holder.Resource, "stack/"+stack+"/") &&
		name != nil && name[2] == run
}

// ErrNoChange says that a change set would do nothing.
var ErrNoChange = fault.New(fault.ChangeSetFailed, "there is nothing to change")

// A Naming is how the change sets of one plan are named: until when they are of use, and which run they belong to.
type Naming struct {
	Expires time.Time
	RunID   string
}

// namePattern is the form of the names of our change sets. A name begins with a letter and has at most 128 letters,
// digits and hyphens.
var namePattern = regexp.MustCompile(`^lockstep-(\d{8}t\d{6}z)-([a-z0-9]+)-[a-z0-9]+$`)

const expiryFormat = "20060102t150405z"

// newName returns a name that no other change set has.
func (n Naming) newName() string {
	return fmt.Sprintf("lockstep-%s-%s-%s",
		n.Expires.UTC().Format(expiryFormat), n.RunID, strings.ToLower(rand.Text()[:8]))
}

// isStale reports whether a change set of that name is one of ours that nobody needs: it has expired, or its run is
// dead.
func isStale(name string, now time.Time, deadRun string) bool {
	parts := namePattern.FindStringSubmatch(name)
	if parts == nil {
		return false
	}
	expires, err := time.Parse(expiryFormat, parts[1])
	return err == nil && now.After(expires) || deadRun != "" && parts[2] == deadRun
}

// CreateChangeSet creates a change set that makes a stack what the assembly wants, and waits until CloudFormation has
// worked out its changes. The description names the assembly's digest. The error is ErrNoChange if there are none.
// After an error no change set remains.
func (c *Client) CreateChangeSet(
	ctx context.Context, want *assembly.Stack, state State, deployed digest.Account, n Naming,
) (*ChangeSet, error) {
	input, err := changeSetInput(want, state, deployed, n.newName())
	if err != nil {
		return nil, err
	}
	if c.ImportsExisting {
		input.ImportExistingResources = aws.Bool(true)
	}
	created, err := c.api.CreateChangeSet(ctx, input)
	if err != nil {
		return nil, err
	}
	set := &ChangeSet{ID: aws.ToString(created.Id), StackID: aws.ToString(created.StackId)}
	err = c.waitForChanges(ctx, set)
	if err == nil {
		err = c.checkTemplate(ctx, set, want)
	}
	if err != nil {
		cleanup, cancel := awsclient.CleanupContext(ctx, err)
		defer cancel()
		return nil, errors.Join(err, c.Discard(cleanup, set))
	}
	deployedTemplate, _ := assembly.ParseTemplate(state.Template) // one in YAML says nothing of its parameters
	completeProperties(set.Changes, deployedTemplate, want.Template)
	return set, nil
}

func changeSetInput(
	want *assembly.Stack, state State, deployed digest.Account, name string,
) (*cloudformation.CreateChangeSetInput, error) {
	parameters, err := parameters(want, state)
	if err != nil {
		return nil, err
	}
	kind := types.ChangeSetTypeUpdate
	if state.Phase == Absent {
		kind = types.ChangeSetTypeCreate
	}
	input := &cloudformation.CreateChangeSetInput{
		StackName:     &want.Name,
		ChangeSetType: kind,
		ChangeSetName: &name,
		ClientToken:   &name,
		Description:   aws.String("assembly " + string(deployed)),
		Capabilities: []types.Capability{
			types.CapabilityCapabilityIam, types.CapabilityCapabilityNamedIam, types.CapabilityCapabilityAutoExpand,
		},
		Parameters:          parameters,
		Tags:                tags(want.Tags),
		NotificationARNs:    append([]string{}, want.NotificationARNs...),
		IncludeNestedStacks: aws.Bool(true),
	}
	if want.ExecutionRoleARN != "" {
		input.RoleARN = &want.ExecutionRoleARN
	}
	switch {
	case want.TemplateURL != "":
		address, err := templateURL(want)
		if err != nil {
			return nil, err
		}
		input.TemplateURL = &address
	case len(want.Template.Body) <= maxTemplateBody:
		input.TemplateBody = &want.Template.Body
	default:
		return nil, fault.Errorf(fault.TemplateUnusable,
			"its template has %d bytes and is not published as an asset; CloudFormation takes at most "+
				"%d: use the CDK's DefaultStackSynthesizer", len(want.Template.Body), maxTemplateBody)
	}
	return input, nil
}

// templateURL turns the address of the published template, s3://BUCKET/KEY, into the one that CloudFormation takes.
func templateURL(s *assembly.Stack) (string, error) {
	address, err := url.Parse(s.TemplateURL)
	if err != nil {
		return "", fault.Errorf(fault.AssemblyDamaged, "the template's address %q: %w", s.TemplateURL, err)
	}
	if address.Scheme != "s3" {
		return s.TemplateURL, nil
	}
	return fmt.Sprintf("https://s3.%s.%s/%s%s", s.Region, assembly.URLSuffix(s.Region), address.Host, address.Path), nil
}

// parameters returns the values of the template's parameters that an update sends: the assembly's, and for one without
// a default the stack's. CloudFormation gives the others their default.
func parameters(want *assembly.Stack, state State) ([]types.Parameter, error) {
	hasValue := map[string]bool{}
	for _, p := range state.Parameters {
		hasValue[aws.ToString(p.ParameterKey)] = state.Phase == Updatable
	}
	var out []types.Parameter
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(want.Template.Parameters)) {
		value, isGiven := want.Parameters[name]
		_, hasDefault := want.ParameterValue(name)
		switch {
		case isGiven:
			out = append(out, types.Parameter{ParameterKey: aws.String(name), ParameterValue: aws.String(value)})
		case hasDefault:
		case hasValue[name]:
			out = append(out, types.Parameter{ParameterKey: aws.String(name), UsePreviousValue: aws.Bool(true)})
		default:
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, fault.Errorf(fault.ParameterMissing,
			"its parameters %s have neither a value nor a default: give them one in the CDK app, or under "+
				"stacks.parameters of the environment",
			strings.Join(missing, ", "))
	}
	return out, nil
}

// tags returns tags as CloudFormation takes them. The list is empty for none, and not nil: CloudFormation would leave
// the stack's tags as they are (API reference, UpdateStack, Tags; NotificationARNs of CreateChangeSet are alike).
func tags(values map[string]string) []types.Tag {
	out := []types.Tag{}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		out = append(out, types.Tag{Key: aws.String(key), Value: aws.String(values[key])})
	}
	return out
}

// checkTemplate refuses a change set that CloudFormation has made of another template than the assembly's, where it has
// read the template from a bucket: somebody may have exchanged it there.
func (c *Client) checkTemplate(ctx context.Context, set *ChangeSet, want *assembly.Stack) error {
	if want.TemplateURL == "" { // it was a part of the request
		return nil
	}
	out, err := c.api.GetTemplate(ctx, &cloudformation.GetTemplateInput{
		ChangeSetName: &set.ID, StackName: &set.StackID, TemplateStage: types.TemplateStageOriginal,
	})
	if err != nil {
		return err
	}
	if assembly.MaskNonASCII(aws.ToString(out.TemplateBody)) == assembly.MaskNonASCII(want.Template.Body) {
		return nil
	}
	return refusal.Newf(fault.StagedExchanged, nil,
		"CloudFormation has read another template than the assembly's: somebody has exchanged %s in "+
			"the bucket; see who wrote it, delete it, and run this again", want.TemplateURL)
}

// waitForChanges waits for a change set and reads its changes. The error is ErrNoChange if there are none.
func (c *Client) waitForChanges(ctx context.Context, set *ChangeSet) error {
	return c.poll(ctx, func() (bool, error) {
		out, err := c.describeChangeSet(ctx, set)
		if err != nil {
			return true, err
		}
		switch out.Status {
		case types.ChangeSetStatusCreateComplete:
			set.resolved = map[string]*string{}
			for _, p := range out.Parameters {
				set.resolved[aws.ToString(p.ParameterKey)] = p.ResolvedValue
			}
			set.Changes, err = c.changes(ctx, set.ID, "")
			return true, err
		case types.ChangeSetStatusFailed:
			return true, c.changeSetFailure(ctx, out)
		case types.ChangeSetStatusCreatePending, types.ChangeSetStatusCreateInProgress:
			return false, nil
		}
		return true, fault.Errorf(fault.ChangeSetGone,
			"the change set came to state %s: somebody else deletes or executes it; run this again",
			out.Status)
	})
}

func (c *Client) describeChangeSet(
	ctx context.Context, set *ChangeSet,
) (*cloudformation.DescribeChangeSetOutput, error) {
	return c.api.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{
		ChangeSetName: &set.ID, StackName: &set.StackID,
	})
}

// Discard deletes a change set that is not to be executed, and its stack if that is empty and holds no other.
func (c *Client) Discard(ctx context.Context, set *ChangeSet) error {
	_, err := c.api.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{
		ChangeSetName: &set.ID, StackName: &set.StackID,
	})
	if isNotFound(err) {
		return nil
	}
	if err != nil && awsclient.ErrorCode(err) != "ChangeSetNotFound" {
		return err
	}
	if err := c.waitUntilGone(ctx, set); err != nil {
		return err
	}
	return c.deleteEmptyStack(ctx, set.StackID)
}

// waitUntilGone waits until a change set is deleted, which takes a while where it has those of nested stacks. Its stack
// cannot be deleted before.
func (c *Client) waitUntilGone(ctx context.Context, set *ChangeSet) error {
	return c.poll(ctx, func() (bool, error) {
		out, err := c.describeChangeSet(ctx, set)
		switch {
		case awsclient.ErrorCode(err) == "ChangeSetNotFound", isNotFound(err):
			return true, nil
		case err != nil:
			return true, err
		}
		return out.Status != types.ChangeSetStatusDeletePending && out.Status != types.ChangeSetStatusDeleteInProgress, nil
	})
}

// deleteEmptyStack deletes a stack that was only created to hold change sets and holds none.
func (c *Client) deleteEmptyStack(ctx context.Context, stackID string) error {
	state, err := c.Describe(ctx, stackID)
	if err != nil || state.StackStatus != types.StackStatusReviewInProgress {
		return err
	}
	sets, err := c.pendingChangeSets(ctx, aws.ToString(state.StackName))
	if err != nil || len(sets) > 0 {
		return err
	}
	api := c.api
	if c.DeletingAPI != nil {
		api, err = c.DeletingAPI(ctx)
		var refused *refusal.Error
		if errors.As(err, &refused) {
			c.progress(aws.ToString(state.StackName) + ": the empty stack stays, because this run may delete none; " +
				"the next deployment uses it")
			return nil
		}
		if err != nil {
			return err
		}
	}
	_, err = api.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &stackID})
	if isNotFound(err) { // a read was behind, or the answer to an attempt before was lost
		return nil
	}
	return err
}

// pendingChangeSets returns the change sets of a stack that were not executed.
func (c *Client) pendingChangeSets(ctx context.Context, stack string) ([]types.ChangeSetSummary, error) {
	var out []types.ChangeSetSummary
	pages := cloudformation.NewListChangeSetsPaginator(c.api, &cloudformation.ListChangeSetsInput{StackName: &stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if isNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, set := range page.Summaries {
			if !awsclient.IsExecuted(set.ExecutionStatus) && !isDeleted(set.Status) {
				out = append(out, set)
			}
		}
	}
	return out, nil
}

// isDeleted reports whether the deletion of a change set has begun.
func isDeleted(status types.ChangeSetStatus) bool {
	switch status {
	case types.ChangeSetStatusDeletePending, types.ChangeSetStatusDeleteInProgress, types.ChangeSetStatusDeleteComplete:
		return true
	}
	return false
}

// DeleteStaleChangeSets deletes a stack's change sets that have expired or belong to a dead run.
func (c *Client) DeleteStaleChangeSets(ctx context.Context, stack, deadRun string) error {
	sets, err := c.pendingChangeSets(ctx, stack)
	if err != nil {
		return err
	}
	for _, set := range sets {
		name := aws.ToString(set.ChangeSetName)
		if !isStale(name, c.now(), deadRun) {
			continue
		}
		c.progress(fmt.Sprintf("%s: removing the change set %s, which nobody needs any more", stack, name))
		_, err := c.api.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{
			ChangeSetName: set.ChangeSetId, StackName: set.StackId,
		})
		if err != nil && awsclient.ErrorCode(err) != "ChangeSetNotFound" {
			return err
		}
	}
	return nil
}
