package deploy

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/ledger"
	"lockstep/internal/deploy/simulated"
	"lockstep/internal/fault"
)

func (c *cloud) overview() Overview {
	c.t.Helper()
	return c.openAccount().Overview(c.t.Context())
}

func TestOverview_OfNothingDeployed(t *testing.T) {
	o := newCloud(t).overview()
	assert.Equal(t, NothingDeployed, o.Problem)
	assert.False(t, o.Unreadable)
	assert.Nil(t, o.LastRun)
	assert.Empty(t, o.Stacks)
}

func TestOverview_SaysWhyTheLastRunFailed(t *testing.T) {
	c := newCloud(t)
	c.deployRelease(topics(1))
	require.False(t, c.overview().LastRun.HasFailed())
	_, err := c.deploy(oneStack(t, failingTemplate), DeployRequest{})
	require.Error(t, err)
	o := c.overview()
	require.True(t, o.LastRun.HasFailed())
	assert.Contains(t, o.LastRun.Problem, "stack web: Never ("+simulated.FailingType+")")
	assert.Equal(t, fault.CodeOf(err), o.LastRun.Code)
	require.Len(t, o.History.FailedRuns, 1)

	c.deployRelease(topics(2))
	assert.False(t, c.overview().LastRun.HasFailed(), "the next run ended well")
}

func TestOverview_BoundsTheProblemOfARun(t *testing.T) {
	l, err := newCloud(t).openAccount().Ledger(t.Context())
	require.NoError(t, err)
	w, _, err := l.BeginJournal(t.Context(), ledger.Journal{RunID: "r", Token: 1})
	require.NoError(t, err)
	long := fault.New(fault.StackFailed, strings.Repeat("ä", 5000))
	require.NoError(t, w.Fail(t.Context(), time.Now(), "failed", long))
	j, err := l.Journal(t.Context())
	require.NoError(t, err)
	assert.Less(t, len(j.Problem), 2100)
	assert.True(t, strings.HasSuffix(j.Problem, "ä…"))
}

func TestOverview_HasPlansWithTheirApproval(t *testing.T) {
	c := newCloud(t)
	d := c.open(oneStack(t, topics(1)))
	file := c.savePlan(d, time.Hour)
	o := c.overview()
	require.Len(t, o.Plans, 1)
	assert.Equal(t, file.Digest, o.Plans[0].Digest)
	assert.Nil(t, o.Plans[0].Approval)

	_, err := d.Approve(t.Context(), file, ApprovalRequest{})
	require.NoError(t, err)
	o = c.overview()
	require.NotNil(t, o.Plans[0].Approval)
	assert.Equal(t, "arn:aws:iam::"+testTooling+":root", o.Plans[0].Approval.ApproverARN)
}

func TestOverview_HasDriftAsSeenLast(t *testing.T) {
	c := newCloud(t)
	asm := oneStack(t, `{"Resources":{"Other":{"Type":"`+simulated.DriftedType+`"}}}`)
	_, err := c.deploy(asm, DeployRequest{}, keepAssembly(t, asm))
	require.NoError(t, err)
	stack := c.overview().Stacks[0]
	assert.Equal(t, StackState{Name: "web", Status: "CREATE_COMPLETE"}, stack, "never compared")

	_, err = c.open(asm, keepAssembly(t, asm)).Drift(t.Context())
	require.NoError(t, err)
	stack = c.overview().Stacks[0]
	assert.Equal(t, "DRIFTED", stack.Drift)
	assert.False(t, stack.DriftSeen.IsZero())
}

func TestOverview_NamesStackThatIsGoneOrStuck(t *testing.T) {
	c := newCloud(t)
	c.PutStack(testAccount, testRegion, "stuck", topics(1), "UPDATE_ROLLBACK_FAILED")
	c.PutStack(testAccount, testRegion, "well", topics(1), "UPDATE_ROLLBACK_COMPLETE")
	for name, want := range map[string]string{
		"stuck": "its rollback is continued, once; if that fails, its resources are named",
		"gone":  "it is not there any more",
		"well":  "",
	} {
		s, err := c.openAccount().stackState(t.Context(), ledger.Stack{Name: name})
		require.NoError(t, err)
		assert.Equal(t, want, s.NeedsAction, name)
	}
}

func TestOverview_TamperedRecordHidesNothingElse(t *testing.T) {
	c := newCloud(t)
	c.deployRelease(topics(1))
	c.deployRelease(topics(2))
	c.deleteObject("lockstep/shop/acc/releases/00000001.json")
	c.deleteObject("lockstep/shop/acc/releases/00000002.json")
	o := c.overview()
	assert.True(t, o.Unreadable)
	assert.NotEmpty(t, o.Code)
	assert.NotNil(t, o.LastRun)
}
