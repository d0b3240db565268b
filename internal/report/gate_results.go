package report

import (
	"fmt"
	"io/fs"
	"strings"

	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// GateResults is what the gates of one run found, in the graph's order.
type GateResults struct {
	Reports []findings.Report
	Suites  []findings.Suite
}

// LoadGateResults reads the report of each gate of a run, below the repository's root. A gate without a readable report
// has a report that says so: a missing report is not a pass.
func LoadGateResults(root fs.FS, g *pipeline.Graph, results []pipeline.Result) GateResults {
	var all GateResults
	for _, r := range results {
		step, ok := g.Step(r.Step)
		file := gateReportFile(step)
		if !ok || file == "" || r.Status == pipeline.NothingToDo {
			continue
		}
		text, broken := readReport(root, r, file)
		if isTestReport(file) {
			all.addTests(r, text, broken)
		} else {
			all.addFindings(r, text, broken)
		}
	}
	return all
}

// gateReportFile returns the report among a step's outputs; empty if the step is no gate.
func gateReportFile(s pipeline.Step) string {
	for _, format := range []pipeline.Format{pipeline.SARIF, pipeline.GoTest} {
		for _, out := range s.Outputs {
			if out == pipeline.ReportFile(s.Name, format) {
				return out
			}
		}
	}
	return ""
}

// isTestReport reports whether a gate's report holds tests, as JUnit, instead of findings.
func isTestReport(file string) bool { return strings.HasSuffix(file, ".xml") }

// readReport returns a gate's report, or why there is none. The report of a gate that has not run is from an earlier
// run.
func readReport(root fs.FS, r pipeline.Result, file string) (text []byte, broken string) {
	if r.Status != pipeline.Ran && r.Status != pipeline.Cached && r.Status != pipeline.Failed {
		return nil, strings.TrimSpace(string(r.Status) + ": " + r.Reason)
	}
	text, err := fsx.ReadFileFS(root, file, fsx.MaxText)
	if err != nil {
		return nil, "it wrote no report: " + r.Reason
	}
	return text, ""
}

func (all *GateResults) addFindings(r pipeline.Result, text []byte, broken string) {
	var report findings.Report
	if broken == "" {
		var err error
		if report, err = findings.ReadSARIF(text, ""); err != nil {
			broken = "its report cannot be read: " + err.Error()
		}
	}
	report.Gate = r.Step
	if report.Tool == "" {
		report.Tool = r.Step
	}
	if broken != "" {
		report.Broken = broken
	}
	all.Reports = append(all.Reports, report)
}

func (all *GateResults) addTests(r pipeline.Result, text []byte, broken string) {
	if broken == "" {
		suites, err := findings.ReadJUnit(text)
		switch {
		case err != nil:
			broken = "its report cannot be read: " + err.Error()
		case len(suites) == 0:
			broken = "no test ran: " + r.Reason
		default:
			all.Suites = append(all.Suites, suites...)
			return
		}
	}
	test := findings.Case{Name: r.Step, Class: r.Step}
	if r.Blocks() {
		test.Error = &findings.Outcome{Message: broken}
	} else {
		test.Skipped = &findings.Outcome{Message: broken}
	}
	all.Suites = append(all.Suites, findings.Suite{Name: r.Step, Cases: []findings.Case{test}})
}

// Failing returns the findings and tests that keep gates from passing, the worst first.
func (all GateResults) Failing() []findings.Finding {
	var failing []findings.Finding
	for _, r := range all.Reports {
		failing = append(failing, r.Failing()...)
	}
	for _, f := range findings.TestFailures(all.Suites) {
		if f.File != "" {
			failing = append(failing, f)
		}
	}
	findings.Sort(failing)
	return failing
}

// Waived returns the findings that somebody lets through, in a waiver or in the code, the worst first.
func (all GateResults) Waived() []findings.Finding {
	var waived []findings.Finding
	for _, r := range all.Reports {
		for _, f := range r.Findings {
			if f.Waived != "" {
				waived = append(waived, f)
			}
		}
	}
	findings.Sort(waived)
	return waived
}

// IsUnexplained reports whether no finding says why a step failed.
func (all GateResults) IsUnexplained(step string, g *pipeline.Graph) bool {
	for _, r := range all.Reports {
		if r.Gate == step {
			return r.Broken != "" || len(r.Failing()) == 0
		}
	}
	s, _ := g.Step(step)
	file := gateReportFile(s)
	return file == "" || isTestReport(file)
}

// MaxShownFindings is how many findings are shown on the terminal.
const MaxShownFindings = 20

// Lines returns a line for each of the worst findings, at most limit, and one that says how many are left out.
func (all GateResults) Lines(limit int) []string {
	failing := all.Failing()
	var lines []string
	for _, f := range failing[:min(len(failing), limit)] {
		lines = append(lines, f.String())
	}
	if more := len(failing) - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more; `lockstep report` shows them all", more))
	}
	return lines
}
