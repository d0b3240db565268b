package report

import (
	"fmt"
	"io/fs"
	"strings"

	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// GateResults is what the gates of one run found, in the graph's order.
type GateResults struct {
	Reports []findings.Report
	Suites  []findings.Suite
}

// LoadGateResults reads what each gate of a run left below the repository's root. A gate that left nothing that can be
// read, or could not be run, has its place all the same: nobody is to take its silence for a pass.
func LoadGateResults(root fs.FS, g *pipeline.Graph, results []pipeline.Result) GateResults {
	var all GateResults
	for _, r := range results {
		step, ok := g.Step(r.Step)
		file := gateReportFile(step)
		if !ok || file == "" || r.Status == pipeline.NothingToDo {
			continue
		}
		broken := ""
		if r.Status != pipeline.Ran && r.Status != pipeline.Cached && r.Status != pipeline.Failed {
			broken = strings.TrimSpace(string(r.Status) + ": " + r.Reason)
		}
		all.addReport(root, r, file, broken)
	}
	return all
}

// gateReportFile is the report among a step's outputs; empty if it is no gate.
func gateReportFile(s pipeline.Step) string {
	for _, reads := range []pipeline.Format{pipeline.SARIF, pipeline.GoTest} {
		for _, out := range s.Outputs {
			if out == pipeline.ReportFile(s.Name, reads) {
				return out
			}
		}
	}
	return ""
}

func (all *GateResults) addReport(root fs.FS, r pipeline.Result, file, broken string) {
	text, err := fs.ReadFile(root, file)
	if broken == "" && err != nil {
		broken = "it left no report: " + r.Reason
	}
	if strings.HasSuffix(file, ".xml") {
		all.addTests(r, text, broken)
		return
	}
	report := findings.Report{}
	if broken == "" {
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
	none := findings.Case{Name: r.Step, Class: r.Step}
	if r.Blocks() {
		none.Error = &findings.Outcome{Message: broken}
	} else {
		none.Skipped = &findings.Outcome{Message: broken}
	}
	all.Suites = append(all.Suites, findings.Suite{Name: r.Step, Cases: []findings.Case{none}})
}

// Failing are the findings and tests that keep gates from passing, worst first.
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

// IsUnexplained says whether a failed step has nothing among the findings that would say why.
func (all GateResults) IsUnexplained(step string, g *pipeline.Graph) bool {
	s, _ := g.Step(step)
	for _, r := range all.Reports {
		if r.Gate == step {
			return r.Broken != "" || len(r.Failing()) == 0
		}
	}
	return gateReportFile(s) == "" || strings.HasSuffix(gateReportFile(s), ".xml")
}

// MaxShownFindings is how many findings are told on the terminal.
const MaxShownFindings = 20

// Lines are the worst findings as a person reads them.
func (all GateResults) Lines(most int) []string {
	failing := all.Failing()
	var lines []string
	for _, f := range failing[:min(len(failing), most)] {
		lines = append(lines, f.String())
	}
	if more := len(failing) - len(lines); more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more; `lockstep report` shows them all", more))
	}
	return lines
}
