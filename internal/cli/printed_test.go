package cli

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/deploy/selftest"
	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/maintain"
	"lockstep/internal/workflows"
)

func TestMaintain_CostWithoutABudgetIsNotRun(t *testing.T) {
	printed := faulttest.Printed(t)
	m := newMaintenance(t)
	m.app.live, m.environments = true, []config.Environment{{Name: "acc"}}
	_, err := m.cost(t.Context())
	assert.Equal(t, fault.MaintenanceNotRun, fault.CodeOf(printed.Error(err)), "%v", err)
}

func TestMaintain_DayWithTooManyRecords(t *testing.T) {
	printed := faulttest.Printed(t)
	folder := t.TempDir()
	done := maintain.Report{Period: maintain.Weekly, At: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}
	for i := range maxRecordsPerDay {
		require.NoError(t, os.WriteFile(filepath.Join(folder, done.RecordName(i+1)), nil, 0o600))
	}
	_, err := writeMaintenanceRecord(folder, folder, done)
	assert.Equal(t, fault.NotRecorded, fault.CodeOf(printed.Error(err)), "%v", err)
}

func TestProject_WithCommittedStateIsRefused(t *testing.T) {
	printed := faulttest.Printed(t)
	root := newProject(t)
	require.NoError(t, os.WriteFile(filepath.Join(root, ".env"), []byte("A=b\n"), 0o600))
	for _, args := range [][]string{{"init", "--quiet"}, {"add", "--force", ".env"}} {
		cmd := exec.Command("git", args...)
		cmd.Dir = root
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	a := &app{Process: Process{Environ: os.Environ()}}
	err := a.refuseCommittedState(t.Context(), &project{root: root})
	assert.Equal(t, fault.StateCommitted, fault.CodeOf(printed.Error(err)), "%v", err)
}

func TestWorkflows_OutdatedFileIsNamed(t *testing.T) {
	printed := faulttest.Printed(t)
	list := &workflowList{Files: []workflowState{
		{Path: "a.yml", State: workflows.Current}, {Path: "b.yml", State: workflows.Differs, service: workflows.GitHub},
	}}
	require.NoError(t, list.outdated(true))
	err := list.outdated(false)
	assert.Equal(t, fault.WorkflowOutdated, fault.CodeOf(printed.Error(err)), "%v", err)
}

func TestSelfTest_ContradictionOnAWSFails(t *testing.T) {
	printed := faulttest.Printed(t)
	reports := []selftest.Report{{Rows: []selftest.Row{
		{Name: "late start", Verdict: selftest.Confirmed}, {Name: "no changes", Verdict: selftest.Contradicted},
	}}}
	require.NoError(t, (&app{}).contradiction(reports), "accounts that are not AWS's may differ")
	err := (&app{live: true}).contradiction(reports)
	assert.Equal(t, fault.BehaviourDiffers, fault.CodeOf(printed.Error(err)), "%v", err)
}
