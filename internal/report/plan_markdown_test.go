package report

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/planfile"
)

func TestPlanMarkdown_FitsIntoComment(t *testing.T) {
	for name, test := range map[string]struct {
		changes int
		value   string
		isCut   bool
	}{
		"few changes":                   {20, "value", false},
		"1,500 changes":                 {1500, "value", true},
		"letters of several bytes":      {700, strings.Repeat("ü", 100), true},
		"one value beyond the limit":    {1, strings.Repeat("v", maxCommentBytes), true},
		"many short lines at the limit": {20_000, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			stack := planfile.Stack{Name: "data", Outcome: change.Planned}
			for i := range test.changes {
				stack.Changes = append(stack.Changes, change.Change{
					LogicalID: fmt.Sprint("Topic", i), Type: "AWS::SNS::Topic", Action: change.Modify,
					Properties: []change.Property{{Name: "DisplayName", After: test.value}},
				})
			}
			text := PlanMarkdown(planfile.File{
				Environment: "acc", Digest: "0123456789abcdef", Targets: []planfile.Target{{Stacks: []planfile.Stack{stack}}},
			})
			assert.LessOrEqual(t, len(text), maxCommentBytes)
			assert.True(t, strings.HasPrefix(text, "### Plan for acc: "+fmt.Sprint(test.changes)+" to modify\n"), text)
			assert.Contains(t, text, "<sub>plan `0123456789ab`")
			lines := strings.Count(text, "\n| modify | ")
			assert.Equal(t, test.isCut, lines < test.changes)
			assert.Equal(t, test.isCut, strings.Contains(text, "do not fit into a comment"))
			if test.isCut {
				assert.Contains(t, text, fmt.Sprintf("> **%d lines do not fit into a comment**", test.changes-lines))
			}
		})
	}
}

func TestPlansMarkdown_SharesTheRoomOfOneComment(t *testing.T) {
	plan := func(name string, changes int) planfile.File {
		stack := planfile.Stack{Name: "data", Outcome: change.Planned}
		for i := range changes {
			stack.Changes = append(stack.Changes, change.Change{
				LogicalID: fmt.Sprint("Topic", i), Type: "AWS::SNS::Topic", Action: change.Add,
			})
		}
		return planfile.File{
			Environment: name, Digest: "0123456789abcdef", Targets: []planfile.Target{{Stacks: []planfile.Stack{stack}}},
		}
	}
	const limit = 20_000
	text := PlansMarkdown([]planfile.File{plan("dev", 2000), plan("acc", 3), plan("prod", 2000)}, limit)
	assert.LessOrEqual(t, len(text), limit)
	assert.Greater(t, len(text), limit-500, "what the small plan does not need is for the others")
	assert.Equal(t, 2, strings.Count(text, "do not fit into a comment"))
	acc := text[strings.Index(text, "### Plan for acc"):strings.Index(text, "### Plan for prod")]
	assert.Equal(t, 3, strings.Count(acc, "`Topic"))
	assert.NotContains(t, acc, "do not fit")

	small := []planfile.File{plan("dev", 1), plan("acc", 2)}
	assert.Equal(t, PlanMarkdown(small[0])+"\n"+PlanMarkdown(small[1]), PlansMarkdown(small, limit))
}

func TestPlanMarkdown_HostileNamesAreInert(t *testing.T) {
	const hostile = "x</sub> <img src=//a.example> @owner acme/shop#1 [a](http://b.example) ![i](c) `|` **b**\n# head"
	text := PlanMarkdown(planfile.File{Environment: "acc", Targets: []planfile.Target{{Stacks: []planfile.Stack{{
		Name: hostile, Outcome: change.Planned, Reason: hostile,
		Images: []planfile.Image{{Name: hostile, Digest: hostile}}, Changes: []change.Change{{
			LogicalID: hostile, Type: hostile, Action: change.Modify,
			Properties: []change.Property{{Name: hostile, After: hostile}},
		}},
	}}}}})
	assert.Contains(t, text, "- image `")
	outside := regexp.MustCompile("`[^`]*`").ReplaceAllString(strings.NewReplacer("\\`", "", "\\[", "").Replace(text), "")
	for _, live := range []string{"<img", "@owner", "shop#1", "[a]", "http://", "\n# head", "**b**"} {
		assert.NotContains(t, outside, live)
	}
}
