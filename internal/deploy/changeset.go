package deploy

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"

	"lockstep/internal/deploy/assembly"
)

// largestBody is the size in bytes up to which a template may be sent along with the call
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
const largestBody = 51200

// A changeSet is one that CloudFormation has made ready.
type changeSet struct {
	id      string
	stackID string
	changes []Change
}

// errNoChange says that a change set would do nothing.
var errNoChange = errors.New("there is nothing to change")

// newChangeSet makes a change set and waits until CloudFormation has worked it out. Whatever goes wrong, it leaves none behind.
func newChangeSet(ctx context.Context, client *cloudformation.Client, s *assembly.Stack, have deployed, digest string) (*changeSet, error) {
	input, err := changeSetInput(s, have, digest)
	if err != nil {
		return nil, err
	}
	made, err := client.CreateChangeSet(ctx, input)
	if err != nil {
		return nil, problem(err)
	}
	set := &changeSet{id: aws.ToString(made.Id), stackID: aws.ToString(made.StackId)}
	if err := set.read(ctx, client); err != nil {
		return nil, errors.Join(err, set.discard(ctx, client, have.phase == absent))
	}
	return set, nil
}

func changeSetInput(s *assembly.Stack, have deployed, digest string) (*cloudformation.CreateChangeSetInput, error) {
	parameters, err := parameters(s, have)
	if err != nil {
		return nil, err
	}
	kind := types.ChangeSetTypeUpdate
	if have.phase == absent {
		kind = types.ChangeSetTypeCreate
	}
	input := &cloudformation.CreateChangeSetInput{
		StackName: &s.Name, ChangeSetType: kind,
		// The name begins with a letter and is of letters, digits and hyphens; it need only be new.
		ChangeSetName: aws.String("lockstep-" + digest[:12] + "-" + strings.ToLower(rand.Text()[:8])),
		Description:   aws.String("assembly " + digest),
		Capabilities:  []types.Capability{types.CapabilityCapabilityIam, types.CapabilityCapabilityNamedIam, types.CapabilityCapabilityAutoExpand},
		Parameters:    parameters, Tags: tags(s.Tags), NotificationARNs: s.NotificationARNs,
		IncludeNestedStacks: aws.Bool(true),
	}
	if s.ExecutionRoleARN != "" {
		input.RoleARN = &s.ExecutionRoleARN
	}
	switch {
	case s.TemplateURL != "":
		address, err := templateURL(s)
		if err != nil {
			return nil, err
		}
		input.TemplateURL = &address
	case len(s.Template.Body) <= largestBody:
		input.TemplateBody = &s.Template.Body
	default:
		return nil, fmt.Errorf("its template has %d bytes and is not published as an asset; CloudFormation takes at most %d: use the CDK's DefaultStackSynthesizer", len(s.Template.Body), largestBody)
	}
	return input, nil
}

// templateURL turns the address of the published template, s3://BUCKET/KEY, into the one that CloudFormation takes.
func templateURL(s *assembly.Stack) (string, error) {
	address, err := url.Parse(s.TemplateURL)
	if err != nil {
		return "", fmt.Errorf("the template's address %q: %w", s.TemplateURL, err)
	}
	if address.Scheme != "s3" {
		return s.TemplateURL, nil
	}
	suffix := "amazonaws.com"
	if assembly.Partition(s.Region) == "aws-cn" {
		suffix = "amazonaws.com.cn"
	}
	return fmt.Sprintf("https://s3.%s.%s/%s%s", s.Region, suffix, address.Host, address.Path), nil
}

// parameters gives each of the template's parameters its value: the assembly's, else the one that the stack has, else the default.
func parameters(s *assembly.Stack, have deployed) ([]types.Parameter, error) {
	before := map[string]bool{}
	for _, p := range have.Parameters {
		before[aws.ToString(p.ParameterKey)] = have.phase == settled
	}
	var out []types.Parameter
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(s.Template.Parameters)) {
		value, given := s.Parameters[name]
		switch {
		case given:
			out = append(out, types.Parameter{ParameterKey: aws.String(name), ParameterValue: aws.String(value)})
		case before[name] && s.Template.Parameters[name].Default == nil:
			out = append(out, types.Parameter{ParameterKey: aws.String(name), UsePreviousValue: aws.Bool(true)})
		case s.Template.Parameters[name].Default == nil:
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("its parameters %s have neither a value nor a default: give them one in the CDK app", strings.Join(missing, ", "))
	}
	return out, nil
}

func tags(values map[string]string) []types.Tag {
	var out []types.Tag
	for _, key := range slices.Sorted(maps.Keys(values)) {
		out = append(out, types.Tag{Key: aws.String(key), Value: aws.String(values[key])})
	}
	return out
}

// read waits for the change set and reads what it would do. The error is errNoChange when that is nothing.
func (c *changeSet) read(ctx context.Context, client *cloudformation.Client) error {
	for wait := newPause(); ; {
		out, err := client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: &c.id, StackName: &c.stackID})
		if err != nil {
			return problem(err)
		}
		switch out.Status {
		case types.ChangeSetStatusCreateComplete:
			c.changes, err = changes(ctx, client, c.id, "")
			return err
		case types.ChangeSetStatusFailed:
			return refused(aws.ToString(out.StatusReason))
		case types.ChangeSetStatusCreatePending, types.ChangeSetStatusCreateInProgress:
		default:
			return fmt.Errorf("the change set came to state %s: somebody else deletes or executes it; run this again", out.Status)
		}
		if err := wait.sleep(ctx); err != nil {
			return err
		}
	}
}

// refused is why CloudFormation did not make a change set. It tells an empty one only by these words.
func refused(reason string) error {
	for _, empty := range []string{"didn't contain changes", "No updates are to be performed"} {
		if strings.Contains(reason, empty) {
			return errNoChange
		}
	}
	return errors.New(strings.TrimSpace(reason))
}

// changes are all changes of a change set, those of nested stacks included, whose logical ids stand behind that of their stack.
func changes(ctx context.Context, client *cloudformation.Client, id, prefix string) ([]Change, error) {
	var out []Change
	pages := cloudformation.NewDescribeChangeSetPaginator(client, &cloudformation.DescribeChangeSetInput{ChangeSetName: &id})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, problem(err)
		}
		for _, c := range page.Changes {
			if c.ResourceChange == nil { // a hook
				continue
			}
			out = append(out, classify(*c.ResourceChange, prefix))
			if nested := aws.ToString(c.ResourceChange.ChangeSetId); nested != "" {
				inner, err := changes(ctx, client, nested, prefix+aws.ToString(c.ResourceChange.LogicalResourceId)+"/")
				if err != nil {
					return nil, err
				}
				out = append(out, inner...)
			}
		}
	}
	return out, nil
}

func classify(c types.ResourceChange, prefix string) Change {
	change := Change{
		LogicalID: prefix + aws.ToString(c.LogicalResourceId), Type: aws.ToString(c.ResourceType),
		Physical: aws.ToString(c.PhysicalResourceId), Properties: properties(c.Details),
	}
	switch {
	case c.Action == types.ChangeActionAdd, c.Action == types.ChangeActionImport:
		change.Action = Add
	case c.Action == types.ChangeActionRemove:
		change.Action = Remove
	case c.Replacement == types.ReplacementTrue:
		change.Action = Replace
	case c.Replacement == types.ReplacementConditional, c.Action == types.ChangeActionDynamic:
		change.Action = ReplaceMaybe
	default:
		change.Action = Modify
	}
	return change
}

// properties are the names of what changes in a resource, each once.
func properties(details []types.ResourceChangeDetail) []string {
	names := map[string]bool{}
	for _, d := range details {
		if d.Target == nil {
			continue
		}
		if name := aws.ToString(d.Target.Name); name != "" {
			names[name] = true
		} else if d.Target.Attribute != "" {
			names[string(d.Target.Attribute)] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// discard deletes a change set that is not to be executed, and the empty stack that was made to hold it.
func (c *changeSet) discard(ctx context.Context, client *cloudformation.Client, created bool) error {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	if !created {
		_, err := client.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: &c.id})
		return problem(err)
	}
	have, err := describe(ctx, client, c.stackID)
	if err != nil || have.StackStatus != types.StackStatusReviewInProgress {
		return err
	}
	_, err = client.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &c.stackID})
	return problem(err)
}
