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
	"lockstep/internal/deploy/digest"
)

// maxTemplateBody is the size in bytes up to which a template may be sent along with the call
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html).
const maxTemplateBody = 51200

// A changeSet is one that CloudFormation has made ready.
type changeSet struct {
	id      string
	name    string
	stackID string
	changes []Change
}

// errNoChange says that a change set would do nothing.
var errNoChange = errors.New("there is nothing to change")

// A changeSetNaming is how the change sets of one plan are called: how long they may stay, and whose they are.
type changeSetNaming struct {
	expires time.Time
	runID   string
}

// changeSetTTL is how long a change set stays that nobody meant to keep and nobody could remove.
const changeSetTTL = 24 * time.Hour

// changeSetNamePattern is what the names of our change sets look like. A name begins with a letter and is of at most 128 letters, digits and hyphens.
var changeSetNamePattern = regexp.MustCompile(`^lockstep-(\d{8}t\d{6}z)-([a-z0-9]+)-[a-z0-9]+$`)

const expiryFormat = "20060102t150405z"

// newName is a new name.
func (n changeSetNaming) newName() string {
	return fmt.Sprintf("lockstep-%s-%s-%s", n.expires.UTC().Format(expiryFormat), n.runID, strings.ToLower(rand.Text()[:8]))
}

// isStale says whether a change set of that name is one of ours that nobody needs any more: its time is over, or its run is known to be dead.
func isStale(name string, now time.Time, deadRun string) bool {
	parts := changeSetNamePattern.FindStringSubmatch(name)
	if parts == nil {
		return false
	}
	until, err := time.Parse(expiryFormat, parts[1])
	return err == nil && now.After(until) || deadRun != "" && parts[2] == deadRun
}

// newChangeSet makes a change set and waits until CloudFormation has worked it out. Whatever goes wrong, it leaves none behind.
func newChangeSet(ctx context.Context, client *cloudformation.Client, s *assembly.Stack, have stackState, deployed digest.Account, n changeSetNaming) (*changeSet, error) {
	input, err := changeSetInput(s, have, deployed, n.newName())
	if err != nil {
		return nil, err
	}
	set := &changeSet{name: aws.ToString(input.ChangeSetName)}
	made, err := client.CreateChangeSet(ctx, input)
	switch {
	case errorCode(err) == "AlreadyExistsException": // the first answer was lost
		if err := set.loadIDs(ctx, client, s.Name); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, wrapAWS(err)
	default:
		set.id, set.stackID = aws.ToString(made.Id), aws.ToString(made.StackId)
	}
	if err := set.waitForChanges(ctx, client); err != nil {
		tidy, cancel := cleanupContext(ctx, err)
		defer cancel()
		return nil, errors.Join(err, set.discard(tidy, client))
	}
	return set, nil
}

// loadIDs asks for the ids of a change set by its name.
func (c *changeSet) loadIDs(ctx context.Context, client *cloudformation.Client, stack string) error {
	out, err := client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: &c.name, StackName: &stack})
	if err != nil {
		return wrapAWS(err)
	}
	c.id, c.stackID = aws.ToString(out.ChangeSetId), aws.ToString(out.StackId)
	return nil
}

func changeSetInput(s *assembly.Stack, have stackState, deployed digest.Account, name string) (*cloudformation.CreateChangeSetInput, error) {
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
		ChangeSetName: &name, ClientToken: &name, Description: aws.String("assembly " + string(deployed)),
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
	case len(s.Template.Body) <= maxTemplateBody:
		input.TemplateBody = &s.Template.Body
	default:
		return nil, fmt.Errorf("its template has %d bytes and is not published as an asset; CloudFormation takes at most %d: use the CDK's DefaultStackSynthesizer", len(s.Template.Body), maxTemplateBody)
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
func parameters(s *assembly.Stack, have stackState) ([]types.Parameter, error) {
	before := map[string]bool{}
	for _, p := range have.Parameters {
		before[aws.ToString(p.ParameterKey)] = have.phase == updatable
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

// waitForChanges waits for the change set and reads what it would do. The error is errNoChange when that is nothing.
func (c *changeSet) waitForChanges(ctx context.Context, client *cloudformation.Client) error {
	for wait := newPollBackoff(); ; {
		out, err := client.DescribeChangeSet(ctx, &cloudformation.DescribeChangeSetInput{ChangeSetName: &c.id, StackName: &c.stackID})
		if err != nil {
			return wrapAWS(err)
		}
		switch out.Status {
		case types.ChangeSetStatusCreateComplete:
			c.changes, err = describeChanges(ctx, client, c.id, "")
			return err
		case types.ChangeSetStatusFailed:
			return changeSetFailure(aws.ToString(out.StatusReason))
		case types.ChangeSetStatusCreatePending, types.ChangeSetStatusCreateInProgress:
		default:
			return fmt.Errorf("the change set came to state %s: somebody else deletes or executes it; run this again", out.Status)
		}
		if err := wait.sleep(ctx); err != nil {
			return err
		}
	}
}

// changeSetFailure is why CloudFormation did not make a change set. It tells an empty one only by these words.
func changeSetFailure(reason string) error {
	for _, empty := range []string{"didn't contain changes", "No updates are to be performed"} {
		if strings.Contains(reason, empty) {
			return errNoChange
		}
	}
	return errors.New(strings.TrimSpace(reason))
}

// describeChanges are all changes of a change set, those of nested stacks included, whose logical ids stand behind that of their stack.
func describeChanges(ctx context.Context, client *cloudformation.Client, id, prefix string) ([]Change, error) {
	var out []Change
	pages := cloudformation.NewDescribeChangeSetPaginator(client, &cloudformation.DescribeChangeSetInput{ChangeSetName: &id, IncludePropertyValues: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, wrapAWS(err)
		}
		for _, c := range page.Changes {
			if c.ResourceChange == nil { // a hook
				continue
			}
			out = append(out, classify(*c.ResourceChange, prefix))
			if nested := aws.ToString(c.ResourceChange.ChangeSetId); nested != "" {
				inner, err := describeChanges(ctx, client, nested, prefix+aws.ToString(c.ResourceChange.LogicalResourceId)+"/")
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
		PhysicalID: aws.ToString(c.PhysicalResourceId), Properties: propertyChanges(c.Details),
		PolicyAction: string(c.PolicyAction),
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

// propertyChanges are what changes in a resource, each once, by name.
func propertyChanges(details []types.ResourceChangeDetail) []Property {
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
			Before: displayValue(name, d.Target.BeforeValue), After: displayValue(name, d.Target.AfterValue),
		}
		if other, twice := found[name]; twice && recreationRank[other.Recreation] > recreationRank[p.Recreation] {
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

// recreationRank are CloudFormation's words for whether a property's change replaces the resource, the worst last.
var recreationRank = map[string]int{"Never": 1, "Conditionally": 2, "Always": 3}

// secretPattern are properties whose values are nobody's business, whatever CloudFormation thinks of it.
var secretPattern = regexp.MustCompile(`(?i)passw|secret|token|credential|private|authorization`)

// maxValueLength is how much of a property's value helps a reader.
const maxValueLength = 200

// displayValue is a property's value as a plan may show it.
func displayValue(name string, value *string) string {
	text := aws.ToString(value)
	switch {
	case text == "":
		return ""
	case secretPattern.MatchString(name), secretPattern.MatchString(text):
		return "(hidden)"
	case len(text) > maxValueLength:
		return strings.ToValidUTF8(text[:maxValueLength], "") + "..."
	}
	return text
}

// discard deletes a change set that is not to be executed, and the empty stack that was made to hold it unless it holds others'.
func (c *changeSet) discard(ctx context.Context, client *cloudformation.Client) error {
	_, err := client.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: &c.id, StackName: &c.stackID})
	if isNotFound(err) {
		return nil
	}
	if err != nil && errorCode(err) != "ChangeSetNotFound" {
		return wrapAWS(err)
	}
	return deleteEmptyStack(ctx, client, c.stackID)
}

// deleteEmptyStack deletes a stack that is nothing but the holder of change sets and holds none.
func deleteEmptyStack(ctx context.Context, client *cloudformation.Client, stackID string) error {
	have, err := describeStack(ctx, client, stackID)
	if err != nil || have.StackStatus != types.StackStatusReviewInProgress {
		return err
	}
	left, err := unexecutedChangeSets(ctx, client, aws.ToString(have.StackName))
	if err != nil || len(left) > 0 {
		return err
	}
	_, err = client.DeleteStack(ctx, &cloudformation.DeleteStackInput{StackName: &stackID})
	return wrapAWS(err)
}

// unexecutedChangeSets are the change sets of a stack that are not executed.
func unexecutedChangeSets(ctx context.Context, client *cloudformation.Client, stack string) ([]types.ChangeSetSummary, error) {
	var out []types.ChangeSetSummary
	pages := cloudformation.NewListChangeSetsPaginator(client, &cloudformation.ListChangeSetsInput{StackName: &stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if isNotFound(err) {
			return nil, nil
		}
		if err != nil {
			return nil, wrapAWS(err)
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

// deleteStaleChangeSets removes a stack's change sets that nobody needs any more.
func (d *Deployment) deleteStaleChangeSets(ctx context.Context, client *cloudformation.Client, stack string) error {
	sets, err := unexecutedChangeSets(ctx, client, stack)
	if err != nil {
		return err
	}
	for _, set := range sets {
		name := aws.ToString(set.ChangeSetName)
		if !isStale(name, time.Now(), d.interruptedRun) {
			continue
		}
		d.printProgress(fmt.Sprintf("%s: removing the change set %s, which nobody needs any more", stack, name))
		if _, err := client.DeleteChangeSet(ctx, &cloudformation.DeleteChangeSetInput{ChangeSetName: set.ChangeSetId, StackName: set.StackId}); err != nil && errorCode(err) != "ChangeSetNotFound" {
			return wrapAWS(err)
		}
	}
	return nil
}
