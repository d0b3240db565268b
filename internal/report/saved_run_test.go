package report

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/fault/faulttest"
	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

func TestLoadLastRun_NewestRun(t *testing.T) {
	runs := t.TempDir()
	for _, name := range []string{"1", "2"} {
		require.NoError(t, os.Mkdir(filepath.Join(runs, name), 0o755))
	}
	require.NoError(t, os.WriteFile(filepath.Join(runs, "3-no-run"), nil, 0o600))
	gates := LoadGateResults(gateReports(t), newGateGraph(t), failedSteps("lint", "unit"))
	older, newer := &Summary{}, &Summary{}
	older.Command, newer.Command = "older", "newer"
	require.NoError(t, SaveRun(filepath.Join(runs, "1"), older, GateResults{}))
	require.NoError(t, SaveRun(filepath.Join(runs, "2"), newer, gates))

	run, err := LoadLastRun(runs)
	require.NoError(t, err)
	assert.Equal(t, "newer", run.Summary.Command)
	assert.Equal(t, gates.Lines(9), run.Gates.Lines(9))
	for _, format := range Formats() {
		var out bytes.Buffer
		require.NoError(t, run.Write(&out, format), format)
		assert.NotEmpty(t, out.String(), format)
	}
	require.Error(t, run.Write(&bytes.Buffer{}, "pdf"))
}

func TestReports_CountAndListWaivedFindings(t *testing.T) {
	const why = "by owner@example.com until 2027-01-31: the caller is known"
	gates := GateResults{Reports: []findings.Report{
		{Gate: "lint", Tool: "lint", Findings: []findings.Finding{
			{Rule: "G204", Level: findings.Error, File: "a.go", Line: 3, Message: "a subprocess", Waived: why},
			{Rule: "note", Level: findings.Note, File: "a.go", Message: "worth knowing"},
		}},
		{Gate: "types", Tool: "types", Findings: []findings.Finding{
			{Rule: "E1", Level: findings.Warning, File: "b.py", Message: "a type", Waived: "by the types"},
		}},
	}}
	dir := t.TempDir()
	summary := &Summary{Waived: len(gates.Waived())}
	var out bytes.Buffer
	require.NoError(t, summary.WriteText(&out))
	assert.Contains(t, out.String(), "\n2 findings are waived; `lockstep report` lists them\n")

	require.NoError(t, os.Mkdir(filepath.Join(dir, "1"), 0o755))
	require.NoError(t, SaveRun(filepath.Join(dir, "1"), summary, gates))
	run, err := LoadLastRun(dir)
	require.NoError(t, err)
	out.Reset()
	require.NoError(t, run.Write(&out, "text"))
	assert.Contains(t, out.String(), "2 findings are waived:\n  a.go:3: G204: a subprocess (waived "+why+")\n"+
		"  b.py: E1: a type (waived by the types)\n")
	assert.NotContains(t, out.String(), "worth knowing")
}

func TestLoadLastRun_LastRunHasNoResult(t *testing.T) {
	printed := faulttest.Printed(t)
	for _, test := range []struct {
		name string
		// files are in the folder of the last run.
		files   []string
		running bool
		want    string
	}{
		{"killed as it began", nil, false, "did not end (killed?)"},
		{"killed in the middle", []string{pipeline.RunAliveFile, "build.log"}, false, "did not end (killed?)"},
		{"killed while it was saved", []string{findingsFile, testsFile}, false, "did not end (killed?)"},
		{"still at work", []string{"build.log"}, true, "has not ended yet"},
	} {
		t.Run(test.name, func(t *testing.T) {
			runs := t.TempDir()
			last := filepath.Join(runs, "2")
			require.NoError(t, os.Mkdir(filepath.Join(runs, "1"), 0o755))
			require.NoError(t, os.Mkdir(last, 0o755))
			require.NoError(t, SaveRun(filepath.Join(runs, "1"), &Summary{}, GateResults{}))
			for _, name := range test.files {
				require.NoError(t, os.WriteFile(filepath.Join(last, name), nil, 0o600))
			}
			if test.running {
				lock, err := fsx.Lock(filepath.Join(last, pipeline.RunAliveFile))
				require.NoError(t, err)
				defer lock.Close()
			}
			_, err := LoadLastRun(runs)
			var unfinished *UnfinishedRunError
			require.ErrorAs(t, printed.Error(err), &unfinished)
			assert.ErrorContains(t, printed.Error(err), test.want)
			assert.Equal(t, last, unfinished.Dir)
		})
	}
}

func TestLoadLastRun_NoneOrDamaged(t *testing.T) {
	printed := faulttest.Printed(t)
	runs := t.TempDir()
	_, err := LoadLastRun(filepath.Join(runs, "missing"))
	printed.Error(err)
	require.ErrorContains(t, err, "there is no run to report")
	_, err = LoadLastRun(runs)
	printed.Error(err)
	require.ErrorContains(t, err, "there is no run to report")

	require.NoError(t, os.Mkdir(filepath.Join(runs, "1"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(runs, "1", summaryFile), []byte("{"), 0o600))
	_, err = LoadLastRun(runs)
	printed.Error(err)
	require.ErrorContains(t, err, "is damaged")
}

func TestStepSuite_OutcomeOfEachStatus(t *testing.T) {
	suite := stepSuite([]pipeline.Result{
		{Step: "passed", Status: pipeline.Ran},
		{Step: "failed", Status: pipeline.Failed, Reason: "why"},
		{Step: "tolerated", Status: pipeline.NotRun, Reason: "why", Tolerated: true},
		{Step: "skipped", Status: pipeline.Skipped, Reason: "why"},
		{Step: "not run", Status: pipeline.NotRun, Reason: "why"},
	})
	why := &findings.Outcome{Message: "why"}
	assert.Equal(t, []findings.Case{
		{Name: "passed"},
		{Name: "failed", Failure: why},
		{Name: "tolerated", Skipped: why},
		{Name: "skipped", Skipped: why},
		{Name: "not run", Error: &findings.Outcome{Message: "not run: why"}},
	}, suite.Cases)
}
