package deploy

import (
	"cmp"
	"errors"
	"testing"
	"time"

	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/planfile"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/refusal"

	"github.com/aws/aws-sdk-go-v2/service/cloudformation/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// savePlan keeps a plan, as `plan --out` does.
func (c *cloud) savePlan(d *Deployment, ttl time.Duration) planfile.File {
	c.t.Helper()
	_, part, err := d.SavePlan(c.t.Context(), ttl)
	require.NoError(c.t, err)
	file, err := d.NewPlanFile([]planfile.Target{part}, ttl)
	require.NoError(c.t, err)
	require.NoError(c.t, d.RegisterPlan(c.t.Context(), file))
	return file
}

func TestReviewedPlan_AppliedExactlyOrRefused(t *testing.T) {
	printed := faulttest.Printed(t)
	live := func(o *Options) { o.Run.Mode = Live }
	approval := func(o *Options) { o.RequiresApproval = true }
	for name, c := range map[string]struct {
		// before is what happens between the plan and its application.
		before func(t *testing.T, c *cloud, f *planfile.File)
		ttl    time.Duration // an hour by default
		apply  []func(*Options)
		asm    string // the template that is applied, where it is another one
		want   string // empty for an application
	}{
		"nothing has happened": {},
		"another assembly":     {asm: topics(3), want: "another cloud assembly"},
		"another configuration": {
			apply: []func(*Options){func(o *Options) { o.ConfigurationDigest = "other" }},
			want:  "another configuration",
		},
		"a rehearsal's plan, live": {apply: []func(*Options){live}, want: "another mode"},
		"an approval is missing":   {apply: []func(*Options){approval}, want: "nobody has approved the plan"},
		"the plan is too old":      {ttl: -2 * time.Second, want: "was good until"},
		"the stack was changed since": {before: func(t *testing.T, c *cloud, _ *planfile.File) {
			_, err := c.deploy(oneStack(t, topics(4)), DeployRequest{})
			require.NoError(t, err)
		}, want: "the stack was changed since the plan was made"},
		"its change set is gone": {before: func(t *testing.T, c *cloud, f *planfile.File) {
			d := c.open(oneStack(t, topics(2)))
			client, err := d.stackClient(t.Context(), d.assembly.Stacks[0])
			require.NoError(t, err)
			set := &cfn.ChangeSet{ID: f.Targets[0].Stacks[0].ChangeSet, StackID: f.Targets[0].Stacks[0].StackID}
			require.NoError(t, client.Discard(t.Context(), set))
		}, want: "its change set is gone"},
		"the plan was dropped": {before: func(t *testing.T, c *cloud, f *planfile.File) {
			require.NoError(t, c.open(oneStack(t, topics(2))).DeletePlan(t.Context(), *f))
			assert.Empty(t, c.stack("web").ChangeSets)
		}, want: "was dropped"},
		"the plan was edited and its digest set again": {before: func(t *testing.T, _ *cloud, f *planfile.File) {
			f.Targets[0].Stacks[0].Changes = nil
			require.NoError(t, f.SetDigest())
		}, want: "does not know the plan"},
		"the plan was applied already": {before: func(t *testing.T, c *cloud, f *planfile.File) {
			_, err := c.deploy(oneStack(t, topics(2)), DeployRequest{Plan: f})
			require.NoError(t, err)
		}, want: "was applied by run"},
		"the plan of another account": {before: func(t *testing.T, _ *cloud, f *planfile.File) {
			f.Targets[0].Account = "999900001111"
		}, want: "of other accounts than"},
		"approved, and it needs to be": {apply: []func(*Options){approval}, before: func(
			t *testing.T,
			c *cloud,
			f *planfile.File,
		) {
			d := c.open(oneStack(t, topics(2)))
			a, err := d.Approve(t.Context(), *f, ApprovalRequest{Note: "looks good"})
			require.NoError(t, err)
			assert.Equal(t, d.sessions.CallerARN(), a.ApproverARN)
			_, err = d.Approve(t.Context(), *f, ApprovalRequest{Note: ""})
			printed.Error(err)
			require.ErrorContains(t, err, "was approved already")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			cl := newCloud(t)
			_, err := cl.deploy(oneStack(t, topics(1)), DeployRequest{})
			require.NoError(t, err)
			asm := oneStack(t, topics(2))
			file := cl.savePlan(cl.open(asm), cmp.Or(c.ttl, time.Hour))
			if c.before != nil {
				c.before(t, cl, &file)
			}
			before := cl.stack("web")
			if c.asm != "" {
				asm = oneStack(t, c.asm)
			}
			record, err := cl.deploy(asm, DeployRequest{Plan: &file}, c.apply...)
			if c.want == "" {
				require.NoError(t, err)
				assert.Equal(t, change.Updated, record.Outcome)
				assert.Equal(t, topics(2), cl.stack("web").Body)
				return
			}
			var refusal *refusal.Error
			require.True(t, errors.As(err, &refusal), "%v", err)
			printed.Error(err)
			assert.Contains(t, err.Error(), c.want)
			assert.Equal(t, before, cl.stack("web"), "nothing was done")
		})
	}
}

func TestReviewedPlan_UsesApproversPermits(t *testing.T) {
	c := newCloud(t)
	_, err := c.deploy(
		oneStack(t, `{"Resources":{"Data":{"Type":"AWS::S3::Bucket"},"Topic0":{"Type":"AWS::SNS::Topic"}}}`),
		DeployRequest{},
	)
	require.NoError(t, err)
	asm := oneStack(t, topics(1))
	file := c.savePlan(c.open(asm), time.Hour)
	require.Len(t, file.Flags(), 1)
	_, err = c.deploy(asm, DeployRequest{Plan: &file})
	require.ErrorContains(t, err, "--allow data-loss")
	assert.NotEmpty(t, c.stack("web").ChangeSets, "the plan is still there")
	_, err = c.open(asm).Approve(t.Context(), file, ApprovalRequest{
		Note: "the table is empty", Permits: []change.Permit{change.DataLoss},
	})
	require.NoError(t, err)
	_, err = c.deploy(asm, DeployRequest{Plan: &file})
	require.NoError(t, err)
}

func TestReviewedPlan_DeferredStackMayOnlyAdd(t *testing.T) {
	printed := faulttest.Printed(t)
	c := newCloud(t)
	_, err := c.deploy(
		assemble(
			t,
			needs{"app": nil},
			map[string]string{"app": `{"Resources":{"Topic0":{"Type":"AWS::SNS::Topic","Properties":{"DisplayName":"1"}}}}`},
		),
		DeployRequest{},
	)
	require.NoError(t, err)
	both := assemble(t, needs{"net": nil, "app": {"net"}}, map[string]string{
		"net": exportingTemplate("net"),
		"app": `{"Resources":{"Topic0":{"Type":"AWS::SNS::Topic",
			"Properties":{"DisplayName":"2","TopicName":{"Fn::ImportValue":"net:Name"}}}}}`,
	})
	file := c.savePlan(c.open(both), time.Hour)
	record, err := c.deploy(both, DeployRequest{Plan: &file})
	require.ErrorContains(t, printed.Error(err), "would now do more than add resources (~ Topic0")
	assert.Equal(t, map[string]change.Outcome{"net": change.Created, "app": change.Failed}, outcomes(record))
	assert.Empty(t, c.stack("app").ChangeSets)

	file = c.savePlan(c.open(both), time.Hour)
	_, err = c.deploy(both, DeployRequest{Plan: &file})
	require.NoError(t, err, "the second plan shows it")
}

// Two updates within a second look alike to the second, and the message does not say that nothing has changed.
func TestReviewedPlan_UpdateWithinASecondIsNamed(t *testing.T) {
	planned := time.Date(2026, time.March, 1, 12, 0, 0, int(100*time.Millisecond), time.UTC)
	updated := planned.Add(200 * time.Millisecond)
	state := cfn.State{Phase: cfn.Updatable}
	state.StackStatus, state.LastUpdatedTime = types.StackStatusUpdateComplete, &updated
	err := checkUntouched(state, planfile.Stack{Status: "UPDATE_COMPLETE", Updated: planned})
	assert.EqualError(t, err, "the stack was changed since the plan was made: it was UPDATE_COMPLETE of "+
		"2026-03-01 12:00:00 UTC and is UPDATE_COMPLETE of 2026-03-01 12:00:00 UTC, by another update; plan again")
}
