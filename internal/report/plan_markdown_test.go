package report

import (
	"fmt"
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
