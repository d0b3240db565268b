package proof

import (
	"strings"
	"testing"

	"lockstep/internal/pipeline"
)

// testRows are the proofs of the gates of the stage test.
var testRows = []Row{
	{
		Gate: "unit", Name: "a test that fails", files: goProject,
		defect: oneFile("internal/x/v_test.go", failingTest("x")),
		rule:   "TestSeeded", location: "internal/x/v_test.go:6",
	},
	{
		Gate: "unit", Name: "a race", files: goProject,
		defect: oneFile("internal/x/race_test.go", raceTest("n++; <-done")),
		twin:   oneFile("internal/x/race_test.go", raceTest("<-done; n++")),
		rule:   "TestRace", location: "internal/x/race_test.go:7",
	},
	{
		Gate: "infrastructure", Name: "a test that fails", files: goProject,
		defect: oneFile("infra/v_test.go", failingTest("infra")),
		rule:   "TestSeeded", location: "infra/v_test.go:6",
	},
	{
		Gate: "scripts", Name: "a test that fails", files: scriptsProject(),
		defect: oneFile("tests/v_test.go", failingTest("tests")),
		rule:   "TestSeeded", location: "tests/v_test.go:6",
	},
	{
		Gate: "documentation", Name: "a test that fails", files: goProject,
		defect: oneFile("tests/v_test.go", strings.ReplaceAll(failingTest("tests"), "TestSeeded", "TestDocumentSeeded")),
		twin: oneFile("tests/v_test.go", strings.ReplaceAll(passingTest("tests"), "TestSound", "TestDocumentSound")+
			"\nfunc TestOther(t *testing.T) { t.Error(\"not about documentation\") }\n"),
		rule: "TestDocumentSeeded", location: "tests/v_test.go:6",
	},
	{
		Gate: "coverage", Name: "less than the floor", files: goProject,
		defect:        oneFile(pipeline.CoverageFloor, "60\n"),
		twin:          oneFile(pipeline.CoverageFloor, "40\n"),
		rule:          "coverage-floor",
		location:      pipeline.CoverageFloor + ":1",
		prepareDefect: writeCoverageProfile,
		prepareTwin:   writeCoverageProfile,
	},
	{
		Gate: "coverage", Name: "a floor that was lowered", files: goProject,
		defect:        oneFile(pipeline.CoverageFloor, "40\n"),
		twin:          oneFile(pipeline.CoverageFloor, "40\n"),
		rule:          "coverage-lowered",
		location:      pipeline.CoverageFloor + ":1",
		prepareDefect: func(t testing.TB, p *Project) { changeFloor(t, p, "30\n") },
		prepareTwin:   func(t testing.TB, p *Project) { changeFloor(t, p, "45\n") },
	},
}

func passingTest(pkg string) string {
	return "package " + pkg + "\n\nimport \"testing\"\n\nfunc TestSound(t *testing.T) {}\n"
}

func failingTest(pkg string) string {
	return "package " + pkg + "\n\nimport \"testing\"\n\nfunc TestSeeded(t *testing.T) {\n\tt.Error(\"seeded\")\n}\n"
}

// raceTest returns a test in which another goroutine writes n, followed by the statements. They are on the line that
// starts the goroutine, because the race detector may report either of two lines.
func raceTest(statements string) string {
	return `package x

import "testing"

func TestRace(t *testing.T) {
	n, done := 0, make(chan bool)
	go func() { n++; done <- true }(); ` + statements + `
	_ = n
}
`
}

// writeCoverageProfile writes the profile of tests that cover half of the statements.
func writeCoverageProfile(t testing.TB, p *Project) {
	p.Write(t, pipeline.CoverageProfile, `mode: set
lockstep/internal/x/x.go:1.1,2.2 1 1
lockstep/internal/x/x.go:3.1,4.2 1 0
`)
}

// changeFloor commits the coverage floor and then changes it.
func changeFloor(t testing.TB, p *Project, floor string) {
	writeCoverageProfile(t, p)
	p.Git(t, "init", "-q")
	p.Git(t, "add", pipeline.CoverageFloor)
	p.Git(t, "commit", "-qm", "floor")
	p.Write(t, pipeline.CoverageFloor, floor)
}
