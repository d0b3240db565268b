package report

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/planfile"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy"
	"lockstep/internal/deploy/digest"
)

var update = flag.Bool("update", false, "write the golden files")

// planChanges are changes of each kind.
var planChanges = []change.Change{
	{Action: change.Add, LogicalID: "Topic", Type: "AWS::SNS::Topic"},
	{Action: change.Modify, LogicalID: "Queue", Type: "AWS::SQS::Queue", Properties: []change.Property{
		{Name: "DelaySeconds", Before: "1", After: "2"}, {Name: "Policy|<b>"},
	}},
	{Action: change.Replace, LogicalID: "Table", Type: "AWS::DynamoDB::Table", Properties: []change.Property{
		{Name: "KeySchema", Recreation: "Always"},
	}},
}

var planFlags = []change.Flag{{
	Permit: change.DataLoss, Stack: "data", LogicalID: "Table", Type: "AWS::DynamoDB::Table",
	Why: "it is replaced, and with it go a table",
}}

func TestPlanMarkdown_Golden(t *testing.T) {
	created := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	file := planfile.File{
		Environment: "acc", Digest: digest.Plan(strings.Repeat("d", 64)),
		EnvironmentDigest: digest.Environment(strings.Repeat("a", 64)), Commit: "c0ffee",
		CreatedAt: created, Expires: created.Add(time.Hour),
		Targets: []planfile.Target{{Account: "444455556666", Region: "eu-west-1", Stacks: []planfile.Stack{
			{Name: "data", Outcome: change.Planned, Changes: planChanges, Flags: planFlags},
			{Name: "app", Outcome: change.Deferred, Reason: "it needs net, which does not exist yet", UnseenResources: 12},
			{Name: "odd", Outcome: change.Deferred, Reason: "it needs net, which does not exist yet"},
			{Name: "same", Outcome: change.Unchanged},
		}}},
	}
	file.CountUnseen(false)
	golden := filepath.Join("testdata", "plan.md")
	if *update {
		require.NoError(t, os.WriteFile(golden, []byte(PlanMarkdown(file)), 0o600))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	assert.Equal(t, string(want), PlanMarkdown(file))
}

func TestPlanMarkdown_SaysWhatHasToBePlannedAgain(t *testing.T) {
	file := planfile.File{Targets: []planfile.Target{{Stacks: []planfile.Stack{{Outcome: change.Deferred}}}}}
	file.CountUnseen(true)
	assert.Contains(t, PlanMarkdown(file), "1 stack with an unknown number of resources")
	assert.Contains(t, PlanMarkdown(file), "They are not touched until another plan shows what is done to them.")
}

func TestPlanMarkdown_OrphanedStacks(t *testing.T) {
	file := planfile.File{Targets: []planfile.Target{{OrphanedStacks: []string{"old"}}}}
	assert.Contains(t, PlanMarkdown(file), "Orphaned: `old`")
}

func TestPlanText_ShowsChangesFlagsAndOrphanedStacks(t *testing.T) {
	text := PlanText(deploy.Record{
		Stacks: []deploy.StackRecord{
			{Name: "data", Outcome: change.Planned, Changes: planChanges, Flags: planFlags},
			{Name: "app", Outcome: change.Deferred, Reason: "it needs net, which does not exist yet", UnseenResources: 1},
		},
		OrphanedStacks: []string{"old"},
	})
	assert.Equal(t, strings.TrimSpace(`
data: planned
  +    Topic (AWS::SNS::Topic)
  ~    Queue (AWS::SQS::Queue)
         DelaySeconds: 1 -> 2
         Policy|<b>
  -/+  Table (AWS::DynamoDB::Table)
         KeySchema, which replaces the resource
  !    data-loss: Table: it is replaced, and with it go a table
app: deferred: it needs net, which does not exist yet; its template has 1 resource
not seen: 1 stack with 1 resource, because what they need does not exist yet
orphaned, because the assembly no longer has them: old; when nobody needs one any more, remove it with `+
		"`aws cloudformation delete-stack --stack-name NAME`"), text)
}

func TestAlignColumns_PadsCellsAndTrimsLines(t *testing.T) {
	assert.Equal(t, []string{"a    bb", "aaa", "a    b  c d"}, AlignColumns([][]string{
		{"a", "bb", ""}, {"aaa"}, {"a", "b", "c\td"},
	}))
	assert.Empty(t, AlignColumns(nil))
}

func TestPlanText_ShowsNotes(t *testing.T) {
	note := "Parameters.Size stays 5: neither the assembly nor a default gives it a value"
	text := PlanText(deploy.Record{Stacks: []deploy.StackRecord{
		{Name: "data", Outcome: change.Unchanged, Notes: []string{note}},
	}})
	assert.Equal(t, "data: unchanged\n  "+note, text)
}

// A rehearsal of the first release lists wider access in the plan, in its comment, and in the summary.
func TestReports_ListWhatOnlyLiveDeploymentAsksFor(t *testing.T) {
	flags := []change.Flag{{
		Permit: change.Permissions, Stack: "web", LogicalID: "Role", Type: "AWS::IAM::Role",
		Why: "allows everybody sts:AssumeRole", LiveOnly: true,
	}}
	record := deploy.Record{Stacks: []deploy.StackRecord{{Name: "web", Outcome: change.Planned, Flags: flags}}}
	const reason = "allows everybody sts:AssumeRole; a live deployment asks for --allow permissions"
	assert.Contains(t, PlanText(record), "  !    permissions: Role: "+reason)

	file := planfile.File{Targets: []planfile.Target{{Stacks: []planfile.Stack{
		{Name: "web", Flags: flags}, {Name: "data", Flags: planFlags},
	}}}}
	assert.Contains(t, PlanMarkdown(file), "> **Has to be allowed by name**\n>\n> - `--allow data-loss`: `Table`")
	assert.Contains(t, PlanMarkdown(file), "> **Has to be allowed by name in a live deployment**\n>\n"+
		"> - `--allow permissions`: `Role` in `web`: allows everybody")

	var summary Summary
	summary.Add(AccountRecord{Record: record})
	var text bytes.Buffer
	require.NoError(t, summary.WriteText(&text))
	assert.Contains(t, text.String(), "    permissions: Role "+reason)
}
