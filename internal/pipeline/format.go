package pipeline

import "strings"

// A Format is how a program tells what it found.
type Format string

// The formats that gates can read.
const (
	// SARIF is the Static Analysis Results Interchange Format, version 2.1.0.
	SARIF Format = "sarif"
	// GoTest is what `go test -json` prints.
	GoTest Format = "go-test"
	// DetectSecrets is that program's own format, which its baseline has too.
	DetectSecrets Format = "detect-secrets"
	// The others are findings a line, each program in its own way.
	Gofumpt    Format = "gofumpt"
	Mdformat   Format = "mdformat"
	Actionlint Format = "actionlint"
	Tidy       Format = "tidy"
	CDKNag     Format = "nag"
)

// ReportsDir is where gates leave what they found.
const ReportsDir = StateDir + "/reports"

// ReportFile is where a gate of that name leaves what it found: tests as JUnit, and everything else as SARIF.
func ReportFile(step string, reads Format) string {
	ending := ".sarif"
	if reads == GoTest {
		ending = ".xml"
	}
	return ReportsDir + "/" + strings.ReplaceAll(step, ":", "-") + ending
}

// Where tests leave what they covered of the program's statements, and what they must cover at least, in percent.
const (
	// CoverageProfile is the profile of the unit tests.
	CoverageProfile = ReportsDir + "/coverage.out"
	// ScriptsCoverageDir is a folder with profiles of the program as the scripts run it, one of each package of tests.
	ScriptsCoverageDir = ReportsDir + "/coverage-scripts"
	CoverageFloor      = "tests/coverage.floor"
)

// CoverageVariable names the folder where the scripts leave their profiles. The program under test counts its statements where it is set.
const CoverageVariable = "LOCKSTEP_COVERAGE"

// RunAliveFile is the file in the folder of a run's logs that is locked until the run has ended, however it ends.
const RunAliveFile = "alive.lock"
