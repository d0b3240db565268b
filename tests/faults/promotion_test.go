package faults

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/deploy/planfile"
	"lockstep/tests/harness"
)

func TestPromotion_OnlyWhatPassedDev(t *testing.T) {
	w := newTestbed(t)
	w.assembly("dev", dev, 1, "one")
	w.assembly("acc", acc, 1, "one")
	both := filepath.Join(w.dir, "assemblies")
	toAcc := []string{"deploy", "--env", "acc", "--assembly", both}

	out, status := w.run(toAcc...)
	assert.Equal(t, 3, status, out)
	assert.Contains(t, out, "a release reaches acc by way of dev, where nothing was deployed yet")
	w.deploy(both)
	out, status = w.run(toAcc...)
	require.Zero(t, status, out)

	w.assembly("acc", acc, 1, "another")
	out, status = w.run(toAcc...)
	assert.Equal(t, 3, status, out)
	assert.Regexp(t, `what passed there as release 1 is the assembly \w+, and this is \w+; deploy this to dev first`, out)
	w.deploy(both)
	out, status = w.run(toAcc...)
	require.Zero(t, status, out)
	assert.Contains(t, out, "acc  account "+acc+", eu-west-1: updated, release 2")
}

func TestApproval_OnlyApprovedPlanIsApplied(t *testing.T) {
	w := newTestbed(t)
	file := filepath.Join(w.dir, "config", "environments", "dev.yaml")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	harness.MustWriteFile(t, file, string(text)+"approval: true\n")
	dir, plan := w.assembly("dev", dev, 2, "one"), filepath.Join(w.dir, "plan.json")

	out, status := w.run("deploy", "--env", "dev", "--assembly", dir)
	assert.Equal(t, 3, status, out)
	assert.Contains(t, out, "dev takes only a plan that was approved: `lockstep plan --env dev --live --out plan.json`")
	out, status = w.run("plan", "--env", "dev", "--assembly", dir, "--out", plan)
	require.Zero(t, status, out)
	out, status = w.run("deploy", "--env", "dev", "--assembly", dir, "--plan", plan)
	assert.Equal(t, 3, status, out)
	assert.Contains(t, out, "nobody has approved the plan")
	out, status = w.run("approve", "--plan", plan, "--note", "reviewed")
	assert.Equal(t, 2, status, out)
	assert.Contains(t, out, "which plan have you read? Write --digest with its digest")
	saved, err := planfile.Read(plan)
	require.NoError(t, err)
	out, status = w.run("approve", "--plan", plan, "--note", "reviewed", "--digest", string(saved.Digest))
	require.Zero(t, status, out)
	assert.Contains(t, out, "is approved by arn:aws:iam::"+tooling+":root at ")
	out, status = w.run("deploy", "--env", "dev", "--assembly", dir, "--plan", plan)
	require.Zero(t, status, out)
	w.assertDeployed(2, "one")
	out, status = w.run("status", "--env", "dev", "--json")
	require.Zero(t, status, out)
	assert.Contains(t, out, `"note":"reviewed"`)
}
