package cfn

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
)

// judgeReplacements returns the changes of a change set with what they replace judged again by replaces, as
// CloudFormation does: a resource is replaced if the change of a property that is known now replaces it, and perhaps
// replaced if the change is only known when the change set is executed. A reference changes if the resource that it
// names is replaced.
func judgeReplacements(
	changes []types.ResourceChange, replaces func(resourceType, property string) (types.RequiresRecreation, bool),
) []types.ResourceChange {
	judged := slices.Clone(changes)
	for i, c := range judged {
		judged[i].Details = correctDetails(c, replaces)
	}
	for correctReferences(judged) {
	}
	// What referred to a replacement that is none, and changes in nothing else, does not change.
	var kept []types.ResourceChange
	for i, c := range judged {
		if c.Action != types.ChangeActionModify || len(c.Details) > 0 || len(changes[i].Details) == 0 {
			kept = append(kept, c)
		}
	}
	return kept
}

// correctReferences judges each change by its details once, and each reference by the change of the resource that it
// names. It reports whether that changed anything.
func correctReferences(judged []types.ResourceChange) bool {
	hasChanged := false
	replacements := map[string]types.Replacement{}
	for _, c := range judged {
		if c.Action == types.ChangeActionModify {
			replacements[aws.ToString(c.LogicalResourceId)] = c.Replacement
		}
	}
	for i := range judged {
		c := &judged[i]
		if c.Action != types.ChangeActionModify || len(c.Details) == 0 {
			continue
		}
		var details []types.ResourceChangeDetail
		for _, d := range c.Details {
			replacement, isJudged := replacements[aws.ToString(d.CausingEntity)]
			if d.ChangeSource == types.ChangeSourceResourceReference && isJudged {
				if replacement == types.ReplacementFalse {
					hasChanged = true
					continue
				}
				d.Evaluation = types.EvaluationTypeDynamic
				if replacement == types.ReplacementTrue {
					d.Evaluation = types.EvaluationTypeStatic
				}
			}
			details = append(details, d)
		}
		replacement := replacementOf(details)
		hasChanged = hasChanged || replacement != c.Replacement
		c.Details, c.Replacement = details, replacement
		if replacement != types.ReplacementTrue {
			c.PolicyAction = ""
		}
	}
	return hasChanged
}

// correctDetails returns the details of a change with what replaces says of each property.
func correctDetails(
	c types.ResourceChange, replaces func(resourceType, property string) (types.RequiresRecreation, bool),
) []types.ResourceChangeDetail {
	details := slices.Clone(c.Details)
	for i, d := range details {
		if d.Target == nil || d.Target.Attribute != types.ResourceAttributeProperties {
			continue
		}
		if recreation, ok := replaces(aws.ToString(c.ResourceType), aws.ToString(d.Target.Name)); ok {
			target := *d.Target
			target.RequiresRecreation = recreation
			details[i].Target = &target
		}
	}
	return details
}

// replacementOf returns whether a change with details replaces the resource.
func replacementOf(details []types.ResourceChangeDetail) types.Replacement {
	replacement := types.ReplacementFalse
	for _, d := range details {
		switch {
		case d.Target == nil, d.Target.RequiresRecreation == types.RequiresRecreationNever, d.Target.RequiresRecreation == "":
		case d.Target.RequiresRecreation == types.RequiresRecreationAlways && d.Evaluation != types.EvaluationTypeDynamic:
			return types.ReplacementTrue
		default:
			replacement = types.ReplacementConditional
		}
	}
	return replacement
}
