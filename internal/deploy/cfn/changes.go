package cfn

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/aws/smithy-go"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/resolve"
	"lockstep/internal/redact"
)

// changes returns all changes of a change set. The logical ids of a nested stack's resources have the path of that
// stack before them.
func (c *Client) changes(ctx context.Context, id, prefix string) ([]change.Change, error) {
	resources, err := c.resourceChanges(ctx, id, false)
	if err != nil {
		return nil, err
	}
	if err := c.addPropertyValues(ctx, id, resources); err != nil {
		return nil, err
	}
	if c.Replaces != nil {
		resources = judgeReplacements(resources, c.Replaces)
	}
	var out []change.Change
	for _, resource := range resources {
		out = append(out, classify(resource, prefix))
		nested := aws.ToString(resource.ChangeSetId)
		if nested == "" {
			continue
		}
		inner, err := c.changes(ctx, nested, prefix+aws.ToString(resource.LogicalResourceId)+"/")
		if err != nil {
			return nil, err
		}
		out = append(out, inner...)
	}
	return out, nil
}

// resourceChanges returns the changes of a change set as CloudFormation answers them. With property values the answer
// is not complete: it lacks the resources whose values CloudFormation cannot show.
// Source: https://github.com/aws/aws-cdk-cli/issues/1780.
func (c *Client) resourceChanges(ctx context.Context, id string, withValues bool) ([]types.ResourceChange, error) {
	var out []types.ResourceChange
	pages := cloudformation.NewDescribeChangeSetPaginator(c.api, &cloudformation.DescribeChangeSetInput{
		ChangeSetName: &id, IncludePropertyValues: aws.Bool(withValues),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, summary := range page.Changes {
			if summary.ResourceChange != nil { // otherwise it is a hook
				out = append(out, *summary.ResourceChange)
			}
		}
	}
	return out, nil
}

// addPropertyValues adds the values of the changed properties that CloudFormation shows. Where it refuses to show any,
// the changes stay as they are.
func (c *Client) addPropertyValues(ctx context.Context, id string, resources []types.ResourceChange) error {
	withValues, err := c.resourceChanges(ctx, id, true)
	if api := smithy.APIError(nil); errors.As(err, &api) {
		return nil
	}
	if err != nil {
		return err
	}
	details := map[string][]types.ResourceChangeDetail{}
	for _, r := range withValues {
		details[aws.ToString(r.LogicalResourceId)] = r.Details
	}
	for i, r := range resources {
		resources[i].Details = slices.Concat(r.Details, details[aws.ToString(r.LogicalResourceId)])
	}
	return nil
}

func classify(c types.ResourceChange, prefix string) change.Change {
	out := change.Change{
		LogicalID:    prefix + aws.ToString(c.LogicalResourceId),
		Type:         aws.ToString(c.ResourceType),
		PhysicalID:   aws.ToString(c.PhysicalResourceId),
		Properties:   propertyChanges(c.Details),
		PolicyAction: string(c.PolicyAction),
	}
	switch {
	case c.Action == types.ChangeActionAdd, c.Action == types.ChangeActionImport:
		out.Action = change.Add
	case c.Action == types.ChangeActionRemove:
		out.Action = change.Remove
	case c.Replacement == types.ReplacementTrue:
		out.Action = change.Replace
	case c.Replacement == types.ReplacementConditional, c.Action == types.ChangeActionDynamic:
		out.Action = change.ReplaceMaybe
	default:
		out.Action = change.Modify
	}
	return out
}

// propertyChanges returns the changed properties of a resource, each once, by name.
func propertyChanges(details []types.ResourceChangeDetail) []change.Property {
	byName := map[string]change.Property{}
	for _, d := range details {
		if d.Target == nil {
			continue
		}
		name := cmp.Or(aws.ToString(d.Target.Name), string(d.Target.Attribute))
		if name == "" {
			continue
		}
		p := change.Property{
			Name: name, Recreation: string(d.Target.RequiresRecreation),
			Before: redact.Value(name, aws.ToString(d.Target.BeforeValue)),
			After:  redact.Value(name, aws.ToString(d.Target.AfterValue)),
		}
		if other := byName[name].Recreation; slices.Index(recreations, other) > slices.Index(recreations, p.Recreation) {
			p.Recreation = other
		}
		byName[name] = p
	}
	var out []change.Property
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		out = append(out, byName[name])
	}
	return out
}

// recreations are CloudFormation's words for whether the change of a property replaces the resource, the worst last.
var recreations = []string{"Never", "Conditionally", "Always"}

// completeProperties makes the properties of changes what a reviewer may and has to see, by the deployed template and
// the new one. The values of a property that one of them makes from a parameter with NoEcho are hidden: CloudFormation
// masks the parameters, and not everything that is made from them. A policy is shown in any case, as the templates have
// it where CloudFormation shows no values or they would hold a secret.
func completeProperties(changes []change.Change, deployed, next assembly.Template) {
	for _, c := range changes {
		for i, p := range c.Properties {
			isSecret := deployed.PropertyIsSecret(c.LogicalID, p.Name) || next.PropertyIsSecret(c.LogicalID, p.Name)
			before := resolve.Text(deployed.Resources[c.LogicalID].Properties[p.Name])
			after := resolve.Text(next.Resources[c.LogicalID].Properties[p.Name])
			isPolicy := before != after && (redact.HasPolicy(before) || redact.HasPolicy(after))
			switch {
			case isPolicy && (isSecret || p.Before == "" && p.After == ""):
				c.Properties[i].Before, c.Properties[i].After = redact.Value(p.Name, before), redact.Value(p.Name, after)
			case isSecret:
				c.Properties[i].Before, c.Properties[i].After = hideValue(p.Before), hideValue(p.After)
			}
		}
	}
}

// hideValue returns what is shown of a secret, or "" if there is none.
func hideValue(value string) string {
	if value == "" {
		return ""
	}
	return redact.Hidden
}

// completeAsReviewed makes the values of changes what they are in the reviewed ones where completeProperties decided
// that: hidden ones, and those of policies.
func completeAsReviewed(changes, reviewed []change.Change) {
	for i := range min(len(changes), len(reviewed)) {
		for j := range min(len(changes[i].Properties), len(reviewed[i].Properties)) {
			p, seen := &changes[i].Properties[j], reviewed[i].Properties[j]
			isPolicy := redact.HasPolicy(seen.Before) || redact.HasPolicy(seen.After)
			if isPolicy && (p.Before == "" && p.After == "" || isExpression(seen.Before) || isExpression(seen.After)) {
				p.Before, p.After = seen.Before, seen.After
			}
			if seen.Before == redact.Hidden {
				p.Before = hideValue(p.Before)
			}
			if seen.After == redact.Hidden {
				p.After = hideValue(p.After)
			}
		}
	}
}

// isExpression reports whether a value is one of a template, with intrinsic functions. CloudFormation shows none.
func isExpression(value string) bool {
	return strings.Contains(value, `{"Ref":`) || strings.Contains(value, `{"Fn::`)
}
