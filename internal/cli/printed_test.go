package cli

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/config"
	"lockstep/internal/deploy/cfn"
	"lockstep/internal/deploy/selftest"
	"lockstep/internal/fault"
	"lockstep/internal/fault/faulttest"
	"lockstep/internal/maintain"
	"lockstep/internal/pipeline"
	"lockstep/internal/workflows"
)

func TestExecute_CommandLineThatIsNotUnderstood(t *testing.T) {
	printed := faulttest.Printed(t)
	_, err := runCommand(t, "deploi")
	assert.Equal(t, fault.UnknownCommand, fault.CodeOf(printed.Error(err)), "%v", err)
	_, err = runCommand(t, "-C", t.TempDir(), "config", "validate")
	assert.Equal(t, fault.NoProject, fault.CodeOf(printed.Error(err)), "%v", err)
}

func TestStepsError_HasTheCodeOfTheFirstStep(t *testing.T) {
	printed := faulttest.Printed(t)
	for _, code := range []fault.Code{fault.StepFailed, fault.TestsFailed} {
		err := newStepsError([]pipeline.Result{
			{Step: "config", Status: pipeline.Ran},
			{Step: "a", Status: pipeline.Failed, Code: code},
			{Step: "b", Status: pipeline.Skipped},
		}, nil)
		assert.Equal(t, code, fault.CodeOf(printed.Error(err)))
		assert.EqualError(t, err, "did not pass: a")
	}
}

func TestDoctor_MachineWithoutPrograms(t *testing.T) {
	printed := faulttest.Printed(t)
	_, err := runCommand(t, "-C", newProject(t), "doctor")
	assert.Equal(t, fault.MachineLacks, fault.CodeOf(printed.Error(err)), "%v", err)
}

func TestHooks_NeedARepositoryOfTheirOwn(t *testing.T) {
	printed := faulttest.Printed(t)
	install := func(root string) error {
		return Execute(t.Context(), []string{"-C", root, "hooks", "install"}, Process{
			Stdout: io.Discard, Stderr: io.Discard, Environ: os.Environ(), Now: fixedTime,
		})
	}
	root := newProject(t)
	err := install(root)
	assert.Equal(t, fault.NoRepository, fault.CodeOf(printed.Error(err)), "%v", err)
	within := filepath.Join(t.TempDir(), "within")
	require.NoError(t, os.CopyFS(within, os.DirFS(root)))
	runGit(t, filepath.Dir(within), "init", "--quiet")
	err = install(within)
	assert.Equal(t, fault.HooksNotInstalled, fault.CodeOf(printed.Error(err)), "%v", err)
	runGit(t, root, "init", "--quiet")
	hook := filepath.Join(root, ".git", "hooks", "pre-commit")
	require.NoError(t, os.MkdirAll(filepath.Dir(hook), 0o755))
	require.NoError(t, os.WriteFile(hook, []byte("#!/bin/sh\n"), 0o755))
	err = install(root)
	assert.Equal(t, fault.HooksNotInstalled, fault.CodeOf(printed.Error(err)), "%v", err)
}

// runGit runs a command of Git in a folder.
func runGit(t *testing.T, dir string, args ...string) {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

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
	runGit(t, root, "init", "--quiet")
	runGit(t, root, "add", "--force", ".env")
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

func TestDrift_ChangedStacksAreNamed(t *testing.T) {
	printed := faulttest.Printed(t)
	_, err := newDriftResult([]cfn.Drift{{Stack: "web", IsMissing: true}, {Stack: "data"}})
	assert.Equal(t, fault.Drifted, fault.CodeOf(printed.Error(err)), "%v", err)
}
