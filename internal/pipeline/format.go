package pipeline

import "strings"

// A Format is the format of a program's findings.
type Format string

// The formats that gates can read.
const (
	// SARIF is the Static Analysis Results Interchange Format, version 2.1.0.
	SARIF Format = "sarif"
	// GoTest is the output of `go test -json`.
	GoTest Format = "go-test"
	// JUnit are reports of tests that the gate's program leaves in files.
	JUnit Format = "junit"
	// DetectSecrets is that program's own format, which its baseline has too.
	DetectSecrets Format = "detect-secrets"
	// Vale is the JSON that the program of that name prints.
	Vale Format = "vale"
	// The programs of these formats print a finding a line, each in its own way.
	Gofumpt    Format = "gofumpt"
	Mdformat   Format = "mdformat"
	Actionlint Format = "actionlint"
	Tidy       Format = "tidy"
	MkDocs     Format = "mkdocs"
	CDKNag     Format = "nag"
	RuffFormat Format = "ruff-format"
	Mypy       Format = "mypy"
	Xenon      Format = "xenon"
	Bandit     Format = "bandit"
	Ssort      Format = "ssort"
	// PipelineFiles is what the command workflows of this program prints.
	PipelineFiles Format = "pipeline-files"
)

// ReportsDir is the folder of the gates' reports.
const ReportsDir = StateDir + "/reports"

// IsTests reports whether the format is one of tests, of which the report is JUnit.
func (f Format) IsTests() bool { return f == GoTest || f == JUnit }

// ReportFile returns the path of a gate's report: JUnit for tests, and SARIF for everything else.
func ReportFile(step string, reads Format) string {
	ending := ".sarif"
	if reads.IsTests() {
		ending = ".xml"
	}
	return ReportsDir + "/" + strings.ReplaceAll(step, ":", "-") + ending
}

// The files of the coverage gate: what the unit tests covered, and the least percentage that all
// tests have to cover.
const (
	// CoverageProfile is the profile of the unit tests.
	CoverageProfile = ReportsDir + "/coverage.out"
	// ScriptsCoverageDir is a folder with profiles of the program as the scripts run it, one of each package of tests.
	ScriptsCoverageDir = ReportsDir + "/coverage-scripts"
	CoverageFloor      = "tests/coverage.floor"
)

// CoverageVariable names the folder where the scripts leave their profiles. The program under test counts its
// statements where it is set.
const CoverageVariable = "LOCKSTEP_COVERAGE"

// RunAliveFile is the file in the folder of a run's logs that is locked until the run has ended, however it ends.
const RunAliveFile = "alive.lock"
