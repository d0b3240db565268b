package deploy

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/ledger"
	"lockstep/internal/refusal"
)

// openTo returns a template with a topic to which a principal may publish.
func openTo(principal string) string {
	return `{"Resources":{"Topic":{"Type":"AWS::SNS::Topic"},
		"Policy":{"Type":"AWS::SNS::TopicPolicy","Properties":{"Topics":[{"Ref":"Topic"}],"PolicyDocument":{"Statement":[
		{"Effect":"Allow","Action":"sns:Publish","Resource":"*","Principal":{"AWS":"` + principal + `"}}]}}}}}`
}

// liveOnly returns of each flag whether only a live deployment asks for its permit.
func liveOnly(flags []change.Flag) []bool {
	var out []bool
	for _, f := range flags {
		out = append(out, f.LiveOnly)
	}
	return out
}

func TestPermits_FirstReleaseOfRehearsalListsWidenedPermissions(t *testing.T) {
	c := newCloud(t)
	opened := oneStack(t, openTo("*"))
	var refused *refusal.Error
	_, err := c.deploy(opened, DeployRequest{}, asLive)
	require.ErrorAs(t, err, &refused, "a live deployment asks")

	p, err := c.open(opened).Plan(t.Context())
	require.NoError(t, err)
	require.NoError(t, p.Discard(t.Context()))
	assert.Equal(t, []bool{true}, liveOnly(p.Flags()), "the plan lists it")
	record, err := c.deploy(opened, DeployRequest{})
	require.NoError(t, err)
	assert.Equal(t, 1, record.Release)
	assert.Equal(t, []bool{true}, liveOnly(record.Stacks[0].Flags), "and so does the record")
}

func TestPermits_RehearsalAsksAfterFirstRelease(t *testing.T) {
	closed := openTo("444455556666")
	for name, test := range map[string]struct {
		before, after map[string]string // the templates of stacks
	}{
		"an existing stack opens": {map[string]string{"web": closed}, map[string]string{"web": openTo("*")}},
		"a new stack is open already": {
			map[string]string{"web": closed}, map[string]string{"web": closed, "new": openTo("*")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t)
			deployAll := func(templates map[string]string) (Record, error) {
				names := needs{}
				for stack := range templates {
					names[stack] = nil
				}
				return c.deploy(assemble(t, names, templates), DeployRequest{})
			}
			_, err := deployAll(test.before)
			require.NoError(t, err)
			record, err := deployAll(test.after)
			requireRefused(t, err)
			assert.Contains(t, err.Error(), "--allow permissions")
			for _, s := range record.Stacks {
				assert.NotContains(t, liveOnly(s.Flags), true)
			}
		})
	}
}

// A run that has made a stack and no release leaves something that can be widened.
func TestPermits_RehearsalAsksForStackThatExists(t *testing.T) {
	c := newCloud(t)
	asm := oneStack(t, openTo("444455556666"))
	plan, err := c.open(asm).Plan(t.Context())
	require.NoError(t, err)
	require.NoError(t, plan.apply(t.Context())) // no release is recorded
	_, err = c.deploy(oneStack(t, openTo("*")), DeployRequest{})
	requireRefused(t, err)
}

// What a plan file says of the permits is not believed.
func TestPermits_PlanFileIsJudgedWhenApplied(t *testing.T) {
	c := newCloud(t)
	opened := oneStack(t, openTo("*"))
	saved := c.savePlan(c.open(opened), time.Hour)
	require.Equal(t, []bool{true}, liveOnly(saved.Flags()), "the plan file lists it")
	_, err := c.deploy(opened, DeployRequest{Plan: &saved})
	require.NoError(t, err)

	live := newCloud(t)
	forged := live.savePlan(live.open(opened, asLive), time.Hour)
	forged.Targets[0].Stacks[0].Flags[0].LiveOnly = true
	p, err := live.open(opened, asLive).loadReviewedPlan(t.Context(), forged.Targets[0], ledger.Journal{})
	require.NoError(t, err)
	assert.Equal(t, []bool{false}, liveOnly(p.Flags()))
}
