package report

import (
	"fmt"
	"io/fs"
	"strings"

	"lockstep/internal/findings"
	"lockstep/internal/pipeline"
)

// Gates is what the gates of one run found, in the graph's order.
type Gates struct {
	Reports []findings.Report
	Suites  []findings.Suite
}

// Gather reads what each gate of a run left below the repository's root. A gate that left nothing that can be read, or could not be run, has its place
// all the same: nobody is to take its silence for a pass.
func Gather(root fs.FS, g *pipeline.Graph, results []pipeline.Result) Gates {
	var all Gates
	for _, r := range results {
		step, ok := g.Step(r.Step)
		file := reportOf(step)
		if !ok || file == "" || r.Status == pipeline.Nothing {
			continue
		}
		broken := ""
		if r.Status != pipeline.Ran && r.Status != pipeline.Cached && r.Status != pipeline.Failed {
			broken = strings.TrimSpace(string(r.Status) + ": " + r.Reason)
		}
		all.add(root, r, file, broken)
	}
	return all
}

// reportOf is the report among a step's outputs; empty if it is no gate.
func reportOf(s pipeline.Step) string {
	for _, reads := range []pipeline.Format{pipeline.SARIF, pipeline.GoTest} {
		for _, out := range s.Outputs {
			if out == pipeline.ReportFile(s.Name, reads) {
				return out
			}
		}
	}
	return ""
}

func (all *Gates) add(root fs.FS, r pipeline.Result, file, broken string) {
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

func (all *Gates) addTests(r pipeline.Result, text []byte, broken string) {
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
func (all Gates) Failing() []findings.Finding {
	var failing []findings.Finding
	for _, r := range all.Reports {
		failing = append(failing, r.Failing()...)
	}
	for _, f := range findings.Failing(all.Suites) {
		if f.File != "" {
			failing = append(failing, f)
		}
	}
	findings.Sort(failing)
	return failing
}

// Silent says whether a failed step has nothing among the findings that would say why.
func (all Gates) Silent(step string, g *pipeline.Graph) bool {
	s, _ := g.Step(step)
	for _, r := range all.Reports {
		if r.Gate == step {
			return r.Broken != "" || len(r.Failing()) == 0
		}
	}
	return reportOf(s) == "" || strings.HasSuffix(reportOf(s), ".xml")
}

// ShownFindings is how many findings are told on the terminal.
const ShownFindings = 20

// Lines are the worst findings as a person reads them.
func (all Gates) Lines(most int) []string {
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
