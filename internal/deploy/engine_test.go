package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"lockstep/internal/deploy/change"
	"lockstep/internal/refusal"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/ledger"
	"lockstep/internal/fault/faulttest"
)

func outcomes(r Record) map[string]change.Outcome {
	out := map[string]change.Outcome{}
	for _, s := range r.Stacks {
		out[s.Name] = s.Outcome
	}
	return out
}

func TestDeploy_CreatesUpdatesThenChangesNothing(t *testing.T) {
	c := newCloud(t)
	record, err := c.deploy(oneStack(t, topics(1)), DeployRequest{})
	require.NoError(t, err)
	assert.Equal(t, change.Created, record.Outcome)
	record, err = c.deploy(oneStack(t, topics(2)), DeployRequest{})
	require.NoError(t, err)
	assert.Equal(t, change.Updated, record.Outcome)
	assert.Equal(
		t,
		[]change.Change{{Action: change.Add, LogicalID: "Topic1", Type: "AWS::SNS::Topic"}},
		record.Stacks[0].Changes,
	)

	before := c.Objects(testAccount, testRegion)
	record, err = c.deploy(oneStack(t, topics(2)), DeployRequest{})
	require.NoError(t, err)
	assert.Equal(t, change.Unchanged, record.Outcome)
	assert.Equal(t, before, c.Objects(testAccount, testRegion), "a run that has nothing to do writes nothing")
	assert.Equal(t, 2, c.stack("web").Executions)
}

func TestDeploy_FailureStopsOnlyDependents(t *testing.T) {
	c := newCloud(t)
	record, err := c.deploy(
		assemble(
			t,
			needs{"net": nil, "db": {"net"}, "app": {"db"}, "mail": nil, "post": {"mail"}},
			map[string]string{"net": failingTemplate},
		),
		DeployRequest{},
	)
	require.ErrorContains(t, err, "stack net: Never ("+"Simulated::Always::Fails"+"): it always does")
	assert.Equal(
		t,
		map[string]change.Outcome{
			"net": change.Failed, "db": change.Untouched, "app": change.Untouched, "mail": change.Created,
			"post": change.Created,
		},
		outcomes(record),
	)
	for _, s := range record.Stacks {
		if s.Name == "app" {
			assert.Equal(t, "it needs db, which was not deployed", s.Reason)
		}
	}
}

func TestLock_RefusesConcurrentDeployment(t *testing.T) {
	printed := faulttest.Printed(t)
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(t)
		c.hasTimers = true
		c.OperationTime = 2 * time.Second
		asm := oneStack(t, topics(1))
		errs := make(chan error, 2)
		for range 2 {
			go func() {
				_, err := c.deploy(asm, DeployRequest{})
				errs <- err
			}()
		}
		var refused, passed int
		for range 2 {
			err := <-errs
			var refusal *refusal.Error
			switch {
			case err == nil:
				passed++
			case errors.As(err, &refusal):
				refused++
				printed.Error(err)
				assert.Contains(t, err.Error(), "has held the lock for")
				assert.Contains(t, err.Error(), "lockstep unlock --env acc --holder ")
			default:
				t.Error(err)
			}
		}
		assert.Equal(t, []int{1, 1}, []int{passed, refused})
		assert.Equal(t, 1, c.stack("web").Executions)
	})
}

const lockKey = "lockstep/shop/acc/lock.json"

// holdLock makes another run hold the lock, whose last heartbeat is some time ago.
func (c *cloud) holdLock(h ledger.Holder, age time.Duration) {
	c.t.Helper()
	data, err := json.Marshal(map[string]any{"token": 7, "holder": h})
	require.NoError(c.t, err)
	c.SetObject(testAccount, testRegion, lockKey, string(data), age)
}

func TestLock_TakenOverOnlyFromDeadHolder(t *testing.T) {
	alive, err := ledger.CreateLivenessFile(t.TempDir(), "other")
	require.NoError(t, err)
	t.Cleanup(alive.Close)
	for name, c := range map[string]struct {
		holder ledger.Holder
		age    time.Duration
		taken  bool
	}{
		"another machine, a moment ago": {ledger.Holder{ID: "other", Host: "other-host"}, 0, false},
		"another machine, whose lease has ended": {
			ledger.Holder{ID: "other", Host: "other-host"},
			ledger.Lease + time.Second,
			true,
		},
		"this machine, a process that lives": {
			ledger.Holder{ID: "other", Host: ledger.Host(), LivenessFile: alive.Path()},
			0,
			false,
		},
		"this machine, whose heartbeat file does not exist": {
			ledger.Holder{ID: "other", Host: ledger.Host(), LivenessFile: "/nowhere/other.pulse"},
			0,
			false,
		},
		"this machine, the heartbeat file of another run": {
			ledger.Holder{ID: "another", Host: ledger.Host(), LivenessFile: alive.Path()},
			0,
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			cl := newCloud(t)
			cl.holdLock(c.holder, c.age)
			_, err := cl.deploy(oneStack(t, topics(1)), DeployRequest{})
			if c.taken {
				require.NoError(t, err)
				assert.Contains(t, cl.Objects(testAccount, testRegion)[lockKey], `"token": 8`)
				return
			}
			requireRefused(t, err)
			assert.Empty(t, cl.stack("web").Status, "nothing was created")
		})
	}
}

func TestLock_LossStopsNextWrite(t *testing.T) {
	printed := faulttest.Printed(t)
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(t)
		c.hasTimers = true
		c.LateStart = 0
		c.OperationTime = time.Second
		asm := assemble(t, needs{"first": nil, "second": {"first"}}, map[string]string{
			"first": exportingTemplate("first"),
			"second": `{"Resources":{"Topic":{"Type":"AWS::SNS::Topic",
				"Properties":{"TopicName":{"Fn::ImportValue":"first:Name"}}}}}`,
		})
		d := c.open(asm)
		done := deployInBackground(context.WithoutCancel(t.Context()), d)
		synctest.Wait() // CloudFormation is at work
		require.Equal(t, "CREATE_IN_PROGRESS", c.stack("first").Status)
		l, err := c.open(asm).Ledger(t.Context())
		require.NoError(t, err)
		require.NoError(t, l.Unlock(t.Context(), d.Run.ID))
		err = <-done
		require.ErrorContains(t, printed.Error(err), "the lock was lost: somebody unlocked it")
		assert.Empty(t, c.stack("second").Status, "nothing was written after the lock was lost")
	})
}

func TestUnlock_RequiresHolderID(t *testing.T) {
	c := newCloud(t)
	c.holdLock(ledger.Holder{ID: "other", Host: "other-host", CallerARN: "another caller"}, 0)
	l, err := c.open(oneStack(t, topics(1))).Ledger(t.Context())
	require.NoError(t, err)
	var wrong *ledger.WrongHolderError
	require.ErrorAs(t, l.Unlock(t.Context(), "mine"), &wrong)
	assert.Equal(t, "other", wrong.Holder.ID)
	require.NoError(t, l.Unlock(t.Context(), "other"))
	require.ErrorAs(t, l.Unlock(t.Context(), "other"), &wrong)
	_, err = c.deploy(oneStack(t, topics(1)), DeployRequest{})
	require.NoError(t, err)
}

// deployInBackground starts a deployment and returns the channel that receives its error.
func deployInBackground(ctx context.Context, d *Deployment) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := d.Deploy(ctx, DeployRequest{})
		done <- err
	}()
	return done
}

func TestDeploy_ResumesInterruptedRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(t)
		c.hasTimers = true
		c.LateStart = 0
		c.OperationTime = 3 * time.Second // the next run comes while it goes on
		asm := assemble(t, needs{"first": nil, "second": {"first"}}, nil)
		ctx, cut := context.WithCancel(context.WithoutCancel(t.Context()))
		d := c.open(asm)
		done := deployInBackground(ctx, d)
		synctest.Wait() // CloudFormation is at work
		require.Equal(t, "CREATE_IN_PROGRESS", c.stack("first").Status)
		cut()
		require.Error(t, <-done)

		c.OperationTime = 0
		record, err := c.deploy(asm, DeployRequest{})
		require.NoError(t, err)
		assert.Equal(t, map[string]change.Outcome{"first": change.Updated, "second": change.Created}, outcomes(record))
		assert.Contains(t, record.Stacks[0].Reason, "begun by run "+d.Run.ID+", which was cut off, and followed to its end")
		assert.Contains(t, c.progress.String(), "first: resuming what run "+d.Run.ID+" has begun")
		assert.Equal(t, 1, c.stack("first").Executions, "what was begun is not begun again")
		assert.Empty(t, c.stack("first").ChangeSets)
		assert.Empty(t, c.stack("second").ChangeSets)
	})
}

func TestDeploy_RefusesUnallowedFlags(t *testing.T) {
	c := newCloud(t)
	_, err := c.deploy(
		oneStack(t, `{"Resources":{"Data":{"Type":"AWS::S3::Bucket"},"Topic":{"Type":"AWS::SNS::Topic"}}}`),
		DeployRequest{},
	)
	require.NoError(t, err)
	without := oneStack(t, topics(1))
	record, err := c.deploy(without, DeployRequest{})
	requireRefused(t, err)
	assert.Contains(t, err.Error(), "--allow data-loss")
	assert.NotEmpty(t, record.Stacks[0].Flags)
	assert.Equal(t, 1, c.stack("web").Executions)
	assert.Empty(t, c.stack("web").ChangeSets, "the change set was thrown away")
	_, err = c.deploy(without, DeployRequest{Allow: []change.Permit{change.DataLoss}})
	require.NoError(t, err)
}

func TestPlan_DeletesStaleChangeSets(t *testing.T) {
	c := newCloud(t)
	asm := oneStack(t, topics(1))
	c.savePlan(c.open(asm), -time.Minute)
	require.Equal(t, "REVIEW_IN_PROGRESS", c.stack("web").Status)
	require.Len(t, c.stack("web").ChangeSets, 1)

	saved := c.savePlan(c.open(asm), time.Hour)
	require.Len(t, c.stack("web").ChangeSets, 1, "the old one was deleted")
	p, err := c.open(asm).Plan(t.Context())
	require.NoError(t, err)
	require.NoError(t, p.Discard(t.Context()))
	assert.Len(t, c.stack("web").ChangeSets, 1, "a plan that is shown and thrown away takes nobody else's with it")
	assert.Equal(t, "REVIEW_IN_PROGRESS", c.stack("web").Status)
	require.NoError(t, c.open(asm).DeletePlan(t.Context(), saved))
	assert.Empty(t, c.stack("web").Status, "and with the last one the empty stack goes")
}

func TestPlan_DiscardLeavesNothing(t *testing.T) {
	c := newCloud(t)
	asm := assemble(t, needs{"net": nil, "app": {"net"}, "mail": nil}, nil)
	p, err := c.open(asm).Plan(t.Context())
	require.NoError(t, err)
	assert.Equal(
		t,
		map[string]change.Outcome{"net": change.Planned, "app": change.Planned, "mail": change.Planned},
		outcomes(p.Record()),
	)
	require.NoError(t, p.Discard(t.Context()))
	for name := range map[string]bool{"net": true, "app": true, "mail": true} {
		assert.Empty(t, c.stack(name).Status, name)
	}
	assert.Empty(t, c.Objects(testAccount, testRegion))
}

func TestDeploy_StackWithoutResourcesIsSkipped(t *testing.T) {
	printed := faulttest.Printed(t)
	templates := map[string]string{"empty": `{"Resources":{}}`, "none": `{"Outputs":{}}`}
	stacks := needs{"web": nil, "empty": {"web"}, "none": nil, "app": {"empty"}}
	c := newCloud(t)
	record, err := c.deploy(assemble(t, stacks, templates), DeployRequest{})
	require.NoError(t, err)
	assert.Equal(t, map[string]change.Outcome{
		"web": change.Created, "empty": change.Unchanged, "none": change.Unchanged, "app": change.Created,
	}, outcomes(record))
	for _, s := range record.Stacks {
		if s.Outcome == change.Unchanged {
			assert.Equal(t, "it has no resources, and CloudFormation takes no stack without: it is skipped", s.Reason)
		}
	}
	assert.Empty(t, c.stack("empty").Status)

	t.Run("again", func(t *testing.T) {
		record, err := c.deploy(assemble(t, stacks, templates), DeployRequest{})
		require.NoError(t, err)
		assert.Equal(t, change.Unchanged, record.Outcome)
	})
	t.Run("verify", func(t *testing.T) {
		_, err := c.open(assemble(t, stacks, templates)).Verify(t.Context())
		assert.NoError(t, err)
	})
	t.Run("no part of the release", func(t *testing.T) {
		l, err := c.openAccount().Ledger(t.Context())
		require.NoError(t, err)
		release, err := l.LatestRelease(t.Context())
		require.NoError(t, err)
		for _, s := range release.Stacks {
			assert.NotContains(t, []string{"empty", "none"}, s.Name)
		}
	})
	t.Run("one that is deployed stays", func(t *testing.T) {
		templates := map[string]string{"web": `{"Resources":{}}`}
		_, err := c.deploy(assemble(t, needs{"web": nil}, templates), DeployRequest{})
		require.ErrorContains(t, printed.Error(err), "stack web: it has no resources any more")
		assert.Equal(t, "CREATE_COMPLETE", c.stack("web").Status)
	})
}
