package cfn

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/stretchr/testify/assert"
)

// A detail is a changed property of a test: its own change, or that of a reference to a resource.
type detail struct {
	property, reference string
	evaluation          types.EvaluationType
}

func modification(id string, replacement types.Replacement, details ...detail) types.ResourceChange {
	c := types.ResourceChange{
		Action: types.ChangeActionModify, LogicalResourceId: &id, ResourceType: aws.String("T"), Replacement: replacement,
		PolicyAction: types.PolicyActionReplaceAndDelete,
	}
	for _, d := range details {
		change := types.ResourceChangeDetail{
			Target: &types.ResourceTargetDefinition{
				Attribute: types.ResourceAttributeProperties, Name: aws.String(d.property),
				RequiresRecreation: types.RequiresRecreationConditionally,
			},
			Evaluation: types.EvaluationTypeStatic, ChangeSource: types.ChangeSourceDirectModification,
		}
		if d.reference != "" {
			change.ChangeSource, change.CausingEntity = types.ChangeSourceResourceReference, aws.String(d.reference)
			change.Evaluation = d.evaluation
		}
		c.Details = append(c.Details, change)
	}
	return c
}

// published answers for the properties of a test's resources: Name always replaces, Class perhaps, Tags never.
func published(_, property string) (types.RequiresRecreation, bool) {
	recreation, ok := map[string]types.RequiresRecreation{
		"Name": types.RequiresRecreationAlways, "Class": types.RequiresRecreationConditionally,
		"Tags": types.RequiresRecreationNever,
	}[property]
	return recreation, ok
}

func TestReplacements_FollowPublishedSchema(t *testing.T) {
	const perhaps = types.ReplacementConditional
	for name, test := range map[string]struct {
		details []detail
		want    types.Replacement
	}{
		"a tag":                      {[]detail{{property: "Tags"}}, types.ReplacementFalse},
		"a name":                     {[]detail{{property: "Name"}}, types.ReplacementTrue},
		"a class":                    {[]detail{{property: "Class"}}, perhaps},
		"a name and a tag":           {[]detail{{property: "Tags"}, {property: "Name"}}, types.ReplacementTrue},
		"a property that is unknown": {[]detail{{property: "X"}}, perhaps},
	} {
		t.Run(name, func(t *testing.T) {
			for _, before := range []types.Replacement{types.ReplacementTrue, perhaps, types.ReplacementFalse} {
				judged := judgeReplacements([]types.ResourceChange{modification("A", before, test.details...)}, published)
				assert.Equal(t, test.want, judged[0].Replacement)
				assert.Equal(t, test.want == types.ReplacementTrue, judged[0].PolicyAction != "")
			}
		})
	}
	t.Run("nothing that can be judged", func(t *testing.T) {
		judged := judgeReplacements([]types.ResourceChange{modification("A", types.ReplacementTrue)}, published)
		assert.Equal(t, types.ReplacementTrue, judged[0].Replacement)
	})
}

func TestReplacements_ReachReferences(t *testing.T) {
	const perhaps = types.ReplacementConditional
	dynamic := types.EvaluationTypeDynamic
	for name, test := range map[string]struct {
		changes []types.ResourceChange
		want    map[string]types.Replacement
	}{
		"a reference to what stays": {
			[]types.ResourceChange{
				modification("A", perhaps, detail{property: "Tags"}),
				modification("B", perhaps, detail{property: "Name", reference: "A", evaluation: dynamic}),
				modification("C", perhaps, detail{property: "Name", reference: "B", evaluation: dynamic}),
			},
			map[string]types.Replacement{"A": types.ReplacementFalse},
		},
		"a reference to what is replaced": {
			[]types.ResourceChange{
				modification("B", perhaps, detail{property: "Name", reference: "A", evaluation: dynamic}),
				modification("A", perhaps, detail{property: "Name"}),
			},
			map[string]types.Replacement{"A": types.ReplacementTrue, "B": types.ReplacementTrue},
		},
		"a reference to what is perhaps replaced": {
			[]types.ResourceChange{
				modification("A", perhaps, detail{property: "Class"}),
				modification("B", perhaps, detail{property: "Name", reference: "A", evaluation: dynamic}),
			},
			map[string]types.Replacement{"A": perhaps, "B": perhaps},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := map[string]types.Replacement{}
			for _, c := range judgeReplacements(test.changes, published) {
				got[*c.LogicalResourceId] = c.Replacement
			}
			assert.Equal(t, test.want, got)
			assert.Equal(t, types.RequiresRecreationConditionally, firstRecreation(test.changes), "the input stays")
		})
	}
}

func firstRecreation(changes []types.ResourceChange) types.RequiresRecreation {
	for _, c := range changes {
		for _, d := range c.Details {
			return d.Target.RequiresRecreation
		}
	}
	return types.RequiresRecreationConditionally
}
