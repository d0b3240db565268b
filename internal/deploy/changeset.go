package deploy

import (
	"cmp"
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
	name    string
	stackID string
	changes []Change
}

// errNoChange says that a change set would do nothing.
var errNoChange = errors.New("there is nothing to change")

// A naming is how the change sets of one plan are called: how long they may stay, and whose they are.
type naming struct {
	until time.Time
	run   string
}

// abandoned is how long a change set stays that nobody meant to keep and nobody could remove.
const abandoned = 24 * time.Hour

// ownName is what the names of our change sets look like. A name begins with a letter and is of at most 128 letters, digits and hyphens.
var ownName = regexp.MustCompile(`^lockstep-(\d{8}t\d{6}z)-([a-z0-9]+)-[a-z0-9]+$`)

const untilFormat = "20060102t150405z"

// name is a new name.
func (n naming) name() string {
	return fmt.Sprintf("lockstep-%s-%s-%s", n.until.UTC().Format(untilFormat), n.run, strings.ToLower(rand.Text()[:8]))
}

// stale says whether a change set of that name is one of ours that nobody needs any more: its time is over, or its run is known to be dead.
func stale(name string, now time.Time, deadRun string) bool {
	parts := ownName.FindStringSubmatch(name)
	if parts == nil {
		return false
	}
	until, err := time.Parse(untilFormat, parts[1])
	return err == nil && now.After(until) || deadRun != "" && parts[2] == deadRun
}

// newChangeSet makes a change set and waits until CloudFormation has worked it out. Whatever goes wrong, it leaves none behind.
func newChangeSet(ctx context.Context, client *cloudformation.Client, s *assembly.Stack, have deployed, digest string, n naming) (*changeSet, error) {
	input, err := changeSetInput(s, have, digest, n.name())
	if err != nil {
		return nil, err
	}
	set := &changeSet{name: aws.ToString(input.ChangeSetName)}
	made, err := client.CreateChangeSet(ctx, input)
	switch {
	case code(err) == "AlreadyExistsException": // the first answer was lost
		if err := set.find(ctx, client, s.Name); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, problem(err)
	default:
		set.id, set.stackID = aws.ToString(made.Id), aws.ToString(made.StackId)
	}
	if err := set.read(ctx, client); err != nil {
		return nil, errors.Join(err, set.discard(ctx, client))
	}
	return set, nil
}

// find asks for the ids of a change set by its name.
func (c *changeSet) find(ctx context.Context, client *cloudformation.Client, stack string) error {
	out, err := client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: &c.name, StackName: &stack})
	if err != nil {
		return problem(err)
	}
	c.id, c.stackID = aws.ToString(out.ChangeSetId), aws.ToString(out.StackId)
	return nil
}

func changeSetInput(s *assembly.Stack, have deployed, digest, name string) (*cloudformation.CreateChangeSetInput, error) {
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
		ChangeSetName: &name, ClientToken: &name, Description: aws.String("assembly " + digest),
		Capabilities: []types.Capability{types.CapabilityCapabilityIam, types.CapabilityCapabilityNamedIam, types.CapabilityCapabilityAutoExpand},
		Parameters:   parameters, Tags: tags(s.Tags), NotificationARNs: s.NotificationARNs,
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
	pages := cloudformation.NewDescribeChangeSetPaginator(client, &cloudformation.DescribeChangeSetInput{ChangeSetName: &id, IncludePropertyValues: aws.Bool(true)})
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
		Policy: string(c.PolicyAction),
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

// properties are what changes in a resource, each once, by name.
func properties(details []types.ResourceChangeDetail) []Property {
	found := map[string]Property{}
	for _, d := range details {
		if d.Target == nil {
			continue
		}
		name := cmp.Or(aws.ToString(d.Target.Name), string(d.Target.Attribute))
		if name == "" {
			continue
		}
		p := Property{
			Name: name, Recreation: string(d.Target.RequiresRecreation),
			Before: presentable(name, d.Target.BeforeValue), After: presentable(name, d.Target.AfterValue),
		}
		if other, twice := found[name]; twice && recreations[other.Recreation] > recreations[p.Recreation] {
			p.Recreation = other.Recreation
		}
		found[name] = p
	}
	var out []Property
	for _, name := range slices.Sorted(maps.Keys(found)) {
		out = append(out, found[name])
	}
	return out
}

// recreations are CloudFormation's words for whether a property's change replaces the resource, the worst last.
var recreations = map[string]int{"Never": 1, "Conditionally": 2, "Always": 3}

// secretName are properties whose values are nobody's business, whatever CloudFormation thinks of it.
var secretName = regexp.MustCompile(`(?i)passw|secret|token|credential|private|authorization`)

// longestValue is how much of a property's value helps a reader.
const longestValue = 200

// presentable is a property's value as a plan may show it.
func presentable(name string, value *string) string {
	text := aws.ToString(value)
	switch {
	case text == "":
		return ""
	case secretName.MatchString(name), secretName.MatchString(text):
		return "(hidden)"
	case len(text) > longestValue:
		return strings.ToValidUTF8(text[:longestValue], "") + "..."
	}
	return text
}

// discard deletes a change set that is not to be executed, and the empty stack that was made to hold it unless it holds others'.
func (c *changeSet) discard(ctx context.Context, client *cloudformation.Client) error {
	ctx, cancel := afterwards(ctx)
	defer cancel()
	_, err := client.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: &c.id, StackName: &c.stackID})
	if gone(err) {
		return nil
	}
	if err != nil && code(err) != "ChangeSetNotFound" {
		return problem(err)
	}
	return removeShell(ctx, client, c.stackID)
}

// removeShell deletes a stack that is nothing but the holder of change sets and holds none.
func removeShell(ctx context.Context, client *cloudformation.Client, stackID string) error {
	have, err := describe(ctx, client, stackID)
	if err != nil || have.StackStatus != types.StackStatusReviewInProgress {
		return err
	}
	left, err := changeSetsOf(ctx, client, aws.ToString(have.StackName))
	if err != nil || len(left) > 0 {
		return err
	}
	_, err = client.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &stackID})
	return problem(err)
}

// changeSetsOf are the change sets of a stack that are not executed.
func changeSetsOf(ctx context.Context, client *cloudformation.Client, stack string) ([]types.ChangeSetSummary, error) {
	var out []types.ChangeSetSummary
	pages := cloudformation.NewListChangeSetsPaginator(client, &cloudformation.ListChangeSetsInput{StackName: &stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if gone(err) {
			return nil, nil
		}
		if err != nil {
			return nil, problem(err)
		}
		for _, set := range page.Summaries {
			switch set.ExecutionStatus {
			case types.ExecutionStatusExecuteInProgress, types.ExecutionStatusExecuteComplete, types.ExecutionStatusExecuteFailed:
			default:
				out = append(out, set)
			}
		}
	}
	return out, nil
}

// sweep removes a stack's change sets that nobody needs any more.
func (d *Deployment) sweep(ctx context.Context, client *cloudformation.Client, stack string) error {
	sets, err := changeSetsOf(ctx, client, stack)
	if err != nil {
		return err
	}
	for _, set := range sets {
		name := aws.ToString(set.ChangeSetName)
		if !stale(name, time.Now(), d.deadRun) {
			continue
		}
		d.tell(fmt.Sprintf("%s: removing the change set %s, which nobody needs any more", stack, name))
		if _, err := client.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: set.ChangeSetId, StackName: set.StackId}); err != nil && code(err) != "ChangeSetNotFound" {
			return problem(err)
		}
	}
	return nil
}
