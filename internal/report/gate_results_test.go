package report

import (
	"bytes"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// newGateGraph returns a graph of a gate with findings, a gate with tests, and a step that is no gate.
func newGateGraph(t *testing.T) *pipeline.Graph {
	t.Helper()
	step := func(name string, outputs ...string) pipeline.Step {
		return pipeline.Step{
			Name: name, Stage: pipeline.Quality, Image: pipeline.ImageGo, Command: []string{"x"}, Outputs: outputs,
		}
	}
	g, err := pipeline.NewGraph([]pipeline.Step{
		step("lint", pipeline.ReportFile("lint", pipeline.SARIF)),
		step("unit", pipeline.ReportFile("unit", pipeline.GoTest), pipeline.CoverageProfile),
		step("build", "out"),
	})
	require.NoError(t, err)
	return g
}

func gateReports(t *testing.T) fstest.MapFS {
	t.Helper()
	var sarif, junit bytes.Buffer
	require.NoError(t, findings.WriteSARIF(&sarif, []findings.Report{{
		Gate: "lint", Tool: "linter", Findings: []findings.Finding{
			{Rule: "b", Level: findings.Warning, File: "b.go", Line: 2, Message: "m"},
			{Rule: "a", Level: findings.Error, File: "a.go", Line: 1, Message: "m"},
			{Rule: "n", Level: findings.Note, File: "n.go", Message: "m"},
		},
	}}))
	failure := &findings.Outcome{Message: "want 1", Text: "<all>"}
	require.NoError(t, findings.WriteJUnit(&junit, []findings.Suite{{Name: "x", Cases: []findings.Case{
		{Name: "TestGood"}, {Name: "TestBad", File: "x_test.go", Line: 3, Failure: failure},
	}}}))
	return fstest.MapFS{
		pipeline.ReportFile("lint", pipeline.SARIF):  {Data: sarif.Bytes()},
		pipeline.ReportFile("unit", pipeline.GoTest): {Data: junit.Bytes()},
	}
}

// failedSteps returns the results of steps that failed.
func failedSteps(names ...string) []pipeline.Result {
	var results []pipeline.Result
	for _, name := range names {
		results = append(results, pipeline.Result{Step: name, Status: pipeline.Failed})
	}
	return results
}

func TestLoadGateResults_WorstFindingFirst(t *testing.T) {
	g := newGateGraph(t)
	all := LoadGateResults(gateReports(t), g, failedSteps("lint", "unit", "build"))
	assert.Equal(t, []string{"a.go:1: a: m", "x_test.go:3: TestBad: want 1", "b.go:2: b: m"}, all.Lines(9))
	assert.Equal(t, []string{"a.go:1: a: m", "and 2 more; `lockstep report` shows them all"}, all.Lines(1))
	assert.False(t, all.IsUnexplained("lint", g))
	assert.True(t, all.IsUnexplained("unit", g), "what a failed test printed is worth seeing")
	assert.True(t, all.IsUnexplained("build", g))
}

func TestLoadGateResults_MissingReportIsBroken(t *testing.T) {
	for _, test := range []struct {
		name      string
		status    pipeline.Status
		tolerated bool
		files     fstest.MapFS
		want      string
	}{
		{"killed", pipeline.Failed, false, fstest.MapFS{}, "it wrote no report: why"},
		{"not run, with a report of an earlier run", pipeline.NotRun, false, gateReports(t), "not run: why"},
		{"not run, and tolerated", pipeline.NotRun, true, gateReports(t), "not run: why"},
		{"interrupted", pipeline.Interrupted, false, gateReports(t), "interrupted: why"},
		{"damaged report", pipeline.Failed, false, fstest.MapFS{
			pipeline.ReportFile("lint", pipeline.SARIF):  {Data: []byte("oops")},
			pipeline.ReportFile("unit", pipeline.GoTest): {Data: []byte("oops")},
		}, "its report cannot be read"},
	} {
		t.Run(test.name, func(t *testing.T) {
			g := newGateGraph(t)
			all := LoadGateResults(test.files, g, []pipeline.Result{
				{Step: "lint", Status: test.status, Reason: "why", Tolerated: test.tolerated},
				{Step: "unit", Status: test.status, Reason: "why", Tolerated: test.tolerated},
			})
			require.Len(t, all.Reports, 1)
			assert.Contains(t, all.Reports[0].Broken, test.want)
			assert.Equal(t, "lint", all.Reports[0].Gate)
			require.Len(t, all.Suites, 1)
			outcome := all.Suites[0].Cases[0].Error
			if test.tolerated {
				outcome = all.Suites[0].Cases[0].Skipped
			}
			require.NotNil(t, outcome)
			assert.Contains(t, outcome.Message, test.want)
			assert.True(t, all.IsUnexplained("lint", g))
		})
	}
}

func TestLoadGateResults_NothingToDoIsNoReport(t *testing.T) {
	results := []pipeline.Result{{Step: "lint", Status: pipeline.NothingToDo}}
	all := LoadGateResults(fstest.MapFS{}, newGateGraph(t), results)
	assert.Empty(t, all.Reports)
}

func TestWriteHTML_ShowsAllAndEscapesScripts(t *testing.T) {
	s := &Summary{Envelope: Envelope{Command: "check", Result: Failed}, Steps: []pipeline.Result{
		{Step: "lint", Status: pipeline.Failed, Reason: "<script>alert(1)</script>"},
	}}
	all := LoadGateResults(gateReports(t), newGateGraph(t), failedSteps("lint", "unit"))
	all.Reports = append(all.Reports, findings.Report{Gate: "osv", Broken: "not run: no network"})
	var out bytes.Buffer
	require.NoError(t, WriteHTML(&out, s, all))
	for _, want := range []string{
		"<code>a.go:1</code>", "not run: no network", "TestBad: want 1", "&lt;all&gt;", "&lt;script&gt;",
	} {
		assert.Contains(t, out.String(), want)
	}
	assert.NotContains(t, out.String(), "<script>")
}

func TestLastLine_NamesToleratedGates(t *testing.T) {
	s := &Summary{Envelope: Envelope{Command: "check", Result: Passed, Mode: Local}, Steps: []pipeline.Result{
		{Step: "lint", Status: pipeline.Ran},
		{Step: "osv", Status: pipeline.NotRun, Tolerated: true},
		{Step: "unit", Status: pipeline.NotRun},
	}}
	assert.Equal(t, "check passed in 0 ms; not run here, and no pass elsewhere: osv", s.LastLine())
}

func TestWriteText_BlockingNotRunGateShowsRemedy(t *testing.T) {
	for _, tolerated := range []bool{false, true} {
		s := &Summary{Steps: []pipeline.Result{{Step: "osv", Status: pipeline.NotRun, Tolerated: tolerated}}}
		var out bytes.Buffer
		require.NoError(t, s.WriteText(&out))
		assert.Equal(t, !tolerated, strings.Contains(out.String(), "gates.mayBeAbsent"), "tolerated: %v", tolerated)
	}
}
