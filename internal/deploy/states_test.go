package deploy

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/change"
	"lockstep/internal/fault/faulttest"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what the tests find into the documents that they compare it with")

const deploymentDocument = "../../docs/deployment.md"

// checkDocumentTable compares a table with what the document has between two marks, or writes it there.
func checkDocumentTable(t *testing.T, mark, table string) {
	t.Helper()
	text, err := os.ReadFile(deploymentDocument)
	require.NoError(t, err)
	begin, end := "<!-- "+mark+": written by the tests -->\n", "<!-- end of "+mark+" -->"
	before, rest, ok := strings.Cut(string(text), begin)
	require.True(t, ok, "the document has no mark %q", begin)
	now, after, ok := strings.Cut(rest, end)
	require.True(t, ok, "the document has no mark %q", end)
	table = "\n" + table + "\n"
	if *update {
		require.NoError(t, os.WriteFile(deploymentDocument, []byte(before+begin+table+end+after), 0o644))
		return
	}
	assert.Equal(t, table, now, "run this test with -update")
}

// nextStatus are the states that CloudFormation comes to from those in which it works.
var nextStatus = map[types.StackStatus]types.StackStatus{
	types.StackStatusCreateInProgress:                        types.StackStatusCreateComplete,
	types.StackStatusUpdateInProgress:                        types.StackStatusUpdateComplete,
	types.StackStatusUpdateCompleteCleanupInProgress:         types.StackStatusUpdateComplete,
	types.StackStatusRollbackInProgress:                      types.StackStatusRollbackComplete,
	types.StackStatusUpdateRollbackInProgress:                types.StackStatusUpdateRollbackComplete,
	types.StackStatusUpdateRollbackCompleteCleanupInProgress: types.StackStatusUpdateRollbackComplete,
	types.StackStatusDeleteInProgress:                        types.StackStatusDeleteComplete,
	types.StackStatusImportInProgress:                        types.StackStatusImportComplete,
	types.StackStatusImportRollbackInProgress:                types.StackStatusImportRollbackComplete,
}

// wantOutcome is what a deployment comes to from each state.
var wantOutcome = map[types.StackStatus]string{
	types.StackStatusCreateComplete:                          "updated",
	types.StackStatusUpdateComplete:                          "updated",
	types.StackStatusUpdateRollbackComplete:                  "updated",
	types.StackStatusImportComplete:                          "updated",
	types.StackStatusImportRollbackComplete:                  "updated",
	types.StackStatusUpdateFailed:                            "updated",
	types.StackStatusReviewInProgress:                        "created",
	types.StackStatusDeleteComplete:                          "created",
	types.StackStatusRollbackComplete:                        "created",
	types.StackStatusRollbackFailed:                          "created",
	types.StackStatusUpdateRollbackFailed:                    "updated",
	types.StackStatusCreateFailed:                            "left alone",
	types.StackStatusDeleteFailed:                            "left alone",
	types.StackStatusImportRollbackFailed:                    "left alone",
	types.StackStatusCreateInProgress:                        "updated",
	types.StackStatusUpdateInProgress:                        "updated",
	types.StackStatusUpdateCompleteCleanupInProgress:         "updated",
	types.StackStatusRollbackInProgress:                      "created",
	types.StackStatusUpdateRollbackInProgress:                "updated",
	types.StackStatusUpdateRollbackCompleteCleanupInProgress: "updated",
	types.StackStatusDeleteInProgress:                        "created",
	types.StackStatusImportInProgress:                        "updated",
	types.StackStatusImportRollbackInProgress:                "updated",
}

func TestStates_EveryStatusHasActionOrRefusal(t *testing.T) {
	printed := faulttest.Printed(t)
	for _, status := range types.StackStatus("").Values() {
		assert.Contains(t, wantOutcome, status, "CloudFormation knows a state that this test does not")
	}
	var rows []string
	for _, row := range cfn.States {
		t.Run(string(row.Status), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCloud(t)
				c.hasTimers = true
				c.PutStack(testAccount, testRegion, "web", topics(1), string(row.Status))
				if next, ok := nextStatus[row.Status]; ok {
					c.FinishStack(testAccount, testRegion, "web", string(next), 150*time.Millisecond)
				}
				record, err := c.deploy(oneStack(t, topics(2)), DeployRequest{})
				got := string(record.Stacks[0].Outcome)
				if err != nil {
					printed.Error(err)
					assert.Contains(t, err.Error(), "stack web: the stack is in state "+string(row.Status)+": "+row.Action)
					assert.Equal(t, string(row.Status), c.stack("web").Status, "nothing was done to it")
					got = "left alone"
				}
				assert.Equal(t, wantOutcome[row.Status], got)
				rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |", row.Status, row.Action, got))

				record, err = c.deploy(oneStack(t, topics(2)), DeployRequest{})
				if got != "left alone" {
					require.NoError(t, err)
					assert.Equal(t, change.Unchanged, record.Outcome, "and then there is nothing more to do")
				}
			})
		})
	}
	checkDocumentTable(
		t,
		"states",
		"| a stack in state | what a deployment does with it | it ends |\n| -- | -- | -- |\n"+strings.Join(rows, "\n")+"\n",
	)
}

func TestStates_UndeletableStackIsExplained(t *testing.T) {
	c := newCloud(t)
	c.PutStack(testAccount, testRegion, "web", failingTemplate, "ROLLBACK_FAILED")
	_, err := c.deploy(oneStack(t, topics(1)), DeployRequest{})
	require.ErrorContains(
		t,
		err,
		"what a failed creation has left cannot be deleted: Never (Simulated::Always::Fails): it always does; "+
			"the stack is now in state DELETE_FAILED",
	)
}

func TestStates_FailedContinueRollbackIsExplained(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	c.PutStack(testAccount, testRegion, "web", failingTemplate, "UPDATE_ROLLBACK_FAILED")
	_, err := c.deploy(oneStack(t, topics(1)), DeployRequest{})
	printed.Error(err)
	require.ErrorContains(t, err, "the rollback cannot be continued: Never (Simulated::Always::Fails): it always does")
	require.ErrorContains(t, printed.Error(err), "--resources-to-skip")
}

func TestPlan_DefersStacksThatNeedRepair(t *testing.T) {
	for _, status := range []string{"ROLLBACK_COMPLETE", "UPDATE_ROLLBACK_FAILED"} {
		c := newCloud(t)
		c.PutStack(testAccount, testRegion, "web", topics(1), status)
		p, err := c.open(oneStack(t, topics(2))).Plan(t.Context())
		require.NoError(t, err)
		assert.Equal(t, change.Deferred, p.Record().Outcome)
		assert.Equal(t, status, c.stack("web").Status)
	}
}
