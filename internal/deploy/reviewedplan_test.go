package deploy

import (
	"cmp"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// savePlan keeps a plan, as `plan --out` does.
func (c *cloud) savePlan(d *Deployment, goodFor time.Duration) PlanFile {
	c.t.Helper()
	_, part, err := d.SavePlan(c.t.Context(), goodFor)
	require.NoError(c.t, err)
	file, err := d.NewPlanFile([]TargetPlan{part}, goodFor)
	require.NoError(c.t, err)
	require.NoError(c.t, d.RegisterPlan(c.t.Context(), file))
	return file
}

func TestReviewedPlan_AppliedExactlyOrRefused(t *testing.T) {
	live := func(o *Options) { o.Run.Mode = Live }
	approval := func(o *Options) { o.RequiresApproval = true }
	for name, c := range map[string]struct {
		// before is what happens between the plan and its application.
		before  func(t *testing.T, c *cloud, f *PlanFile)
		goodFor time.Duration // an hour unless told
		apply   []func(*Options)
		asm     string // the template that is applied, where it is another one
		want    string // empty for an application
	}{
		"nothing has happened":     {},
		"another assembly":         {asm: topics(3), want: "another cloud assembly"},
		"another configuration":    {apply: []func(*Options){func(o *Options) { o.ConfigurationDigest = "other" }}, want: "another configuration"},
		"a rehearsal's plan, live": {apply: []func(*Options){live}, want: "another mode"},
		"an approval is missing":   {apply: []func(*Options){approval}, want: "nobody has approved the plan"},
		"the plan is too old":      {goodFor: -2 * time.Second, want: "was good until"},
		"the stack was changed since": {before: func(t *testing.T, c *cloud, _ *PlanFile) {
			_, err := c.deploy(oneStack(t, topics(4)), DeployRequest{})
			require.NoError(t, err)
		}, want: "the stack was changed since the plan was made"},
		"its change set is gone": {before: func(t *testing.T, c *cloud, f *PlanFile) {
			d := c.open(oneStack(t, topics(2)))
			client, err := d.cloudFormation(t.Context(), d.assembly.Stacks[0])
			require.NoError(t, err)
			set := changeSet{id: f.Targets[0].Stacks[0].ChangeSet, stackID: f.Targets[0].Stacks[0].StackID}
			require.NoError(t, set.discard(t.Context(), client))
		}, want: "its change set is gone"},
		"the plan was dropped": {before: func(t *testing.T, c *cloud, f *PlanFile) {
			require.NoError(t, c.open(oneStack(t, topics(2))).DeletePlan(t.Context(), *f))
			assert.Empty(t, c.stack("web").ChangeSets)
		}, want: "was dropped"},
		"the plan was edited and given a new digest": {before: func(t *testing.T, _ *cloud, f *PlanFile) {
			f.Targets[0].Stacks[0].Changes = nil
			require.NoError(t, f.setDigest())
		}, want: "does not know the plan"},
		"the plan was applied already": {before: func(t *testing.T, c *cloud, f *PlanFile) {
			_, err := c.deploy(oneStack(t, topics(2)), DeployRequest{Plan: f})
			require.NoError(t, err)
		}, want: "was applied by run"},
		"the plan of another account": {before: func(t *testing.T, _ *cloud, f *PlanFile) {
			f.Targets[0].Account = "999900001111"
		}, want: "of other accounts than"},
		"approved, and it needs to be": {apply: []func(*Options){approval}, before: func(t *testing.T, c *cloud, f *PlanFile) {
			d := c.open(oneStack(t, topics(2)))
			a, err := d.Approve(t.Context(), *f, "looks good", nil)
			require.NoError(t, err)
			assert.Equal(t, d.callerARN, a.ApproverARN)
			_, err = d.Approve(t.Context(), *f, "", nil)
			require.ErrorContains(t, err, "was approved already")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			cl := newCloud(t)
			_, err := cl.deploy(oneStack(t, topics(1)), DeployRequest{})
			require.NoError(t, err)
			asm := oneStack(t, topics(2))
			file := cl.savePlan(cl.open(asm), cmp.Or(c.goodFor, time.Hour))
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
				assert.Equal(t, Updated, record.Outcome)
				assert.Equal(t, topics(2), cl.stack("web").Body)
				return
			}
			var refusal *Refusal
			require.True(t, errors.As(err, &refusal), "%v", err)
			assert.Contains(t, err.Error(), c.want)
			assert.Equal(t, before, cl.stack("web"), "nothing was done")
		})
	}
}

func TestReviewedPlan_UsesApproversPermits(t *testing.T) {
	c := newCloud(t)
	_, err := c.deploy(oneStack(t, `{"Resources":{"Data":{"Type":"AWS::DynamoDB::Table"},"Topic0":{"Type":"AWS::SNS::Topic"}}}`), DeployRequest{})
	require.NoError(t, err)
	asm := oneStack(t, topics(1))
	file := c.savePlan(c.open(asm), time.Hour)
	require.Len(t, file.Flags(), 1)
	_, err = c.deploy(asm, DeployRequest{Plan: &file})
	require.ErrorContains(t, err, "--allow data-loss")
	assert.NotEmpty(t, c.stack("web").ChangeSets, "the plan is still there")
	_, err = c.open(asm).Approve(t.Context(), file, "the table is empty", []Permit{DataLoss})
	require.NoError(t, err)
	_, err = c.deploy(asm, DeployRequest{Plan: &file})
	require.NoError(t, err)
}

func TestReviewedPlan_DeferredStackMayOnlyAdd(t *testing.T) {
	c := newCloud(t)
	_, err := c.deploy(assemble(t, needs{"app": nil}, map[string]string{"app": `{"Resources":{"Topic0":{"Type":"AWS::SNS::Topic","Properties":{"A":1}}}}`}), DeployRequest{})
	require.NoError(t, err)
	both := assemble(t, needs{"net": nil, "app": {"net"}}, map[string]string{
		"net": exportingTemplate("net"), "app": `{"Resources":{"Topic0":{"Type":"AWS::SNS::Topic","Properties":{"A":2,"B":{"Fn::ImportValue":"net:Name"}}}}}`,
	})
	file := c.savePlan(c.open(both), time.Hour)
	record, err := c.deploy(both, DeployRequest{Plan: &file})
	require.ErrorContains(t, err, "would now do more than add resources (~ Topic0")
	assert.Equal(t, map[string]Outcome{"net": Created, "app": Failed}, outcomes(record))
	assert.Empty(t, c.stack("app").ChangeSets)

	file = c.savePlan(c.open(both), time.Hour)
	_, err = c.deploy(both, DeployRequest{Plan: &file})
	require.NoError(t, err, "the second plan shows it")
}

func TestReadPlan_RefusesAlteredFile(t *testing.T) {
	c := newCloud(t)
	file := c.savePlan(c.open(oneStack(t, topics(1))), time.Hour)
	path := filepath.Join(t.TempDir(), "sub", "plan.json")
	require.NoError(t, WritePlan(path, file, "# Plan\n"))
	read, err := ReadPlan(path)
	require.NoError(t, err)
	assert.Equal(t, file.Digest, read.Digest)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		text, want string
	}{
		"cut in half":                         {string(text[:len(text)/2]), "is no plan, or only a part of one"},
		"empty":                               {"", "is no plan, or only a part of one"},
		"another account written in":          {strings.ReplaceAll(string(text), testAccount, "999900001111"), "was changed after it was made"},
		"a change taken out":                  {strings.Replace(string(text), `"logicalId": "Topic0"`, `"logicalId": "Topic9"`, 1), "was changed after it was made"},
		"a digest of something else":          {strings.Replace(string(text), string(file.Digest), strings.Repeat("0", 64), 1), "was changed after it was made"},
		"another version of the format":       {strings.Replace(string(text), PlanFormat, "lockstep/plan/99", 1), "is of the format lockstep/plan/99"},
		"a key that is not known":             {strings.Replace(string(text), `"mode"`, `"moda"`, 1), "is no plan as Lockstep writes one"},
		"something else altogether":           {`{"a": 1}`, "is of the format <nil>"},
		"a list":                              {`[1]`, "is of the format <nil>"},
		"what a spreadsheet makes of numbers": {strings.Replace(string(text), `"`+testAccount+`"`, testAccount, 1), "is no plan as Lockstep writes one"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "plan.json")
			require.NoError(t, os.WriteFile(path, []byte(c.text), 0o644))
			_, err := ReadPlan(path)
			var refusal *Refusal
			require.True(t, errors.As(err, &refusal), "%v", err)
			assert.Contains(t, err.Error(), c.want)
		})
	}
	_, err = ReadPlan(filepath.Join(t.TempDir(), "none.json"))
	require.ErrorContains(t, err, "there is no plan")
}

func TestPlanJSONSchema_MatchesPlanFile(t *testing.T) {
	var schema struct {
		Properties map[string]any
		Required   []string
	}
	require.NoError(t, json.Unmarshal(PlanJSONSchema(), &schema))
	c := newCloud(t)
	data, err := json.Marshal(c.savePlan(c.open(oneStack(t, topics(1))), time.Hour))
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(data, &fields))
	for name := range fields {
		assert.Contains(t, schema.Properties, name, "run `go generate ./internal/deploy`")
	}
}

func TestDisplayValue_HidesSecrets(t *testing.T) {
	for name, c := range map[string]struct{ property, value, want string }{
		"an ordinary value":          {"DelaySeconds", "7", "7"},
		"a password by its name":     {"MasterUserPassword", "hunter2", "(hidden)"},
		"a password within a value":  {"Environment", `{"DB_PASSWORD":"hunter2"}`, "(hidden)"},
		"a value longer than a page": {"Policy", strings.Repeat("x", 500), strings.Repeat("x", maxValueLength) + "..."},
		"no value":                   {"Policy", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, displayValue(c.property, &c.value))
		})
	}
	assert.Empty(t, displayValue("a", nil))
}
