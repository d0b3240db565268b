package proof

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"lockstep/internal/gate/findings"
	"lockstep/internal/host"
	"lockstep/internal/pipeline"
)

// A Row is a defect that a gate must find, and a clean twin that it must pass.
type Row struct {
	Gate, Name string
	// files are in both repositories. defect and twin are in one each.
	files, defect, twin map[string]string
	// rule and location are those of the finding that the defect must lead to.
	rule, location string
	// FoundByLockstep is set if Lockstep itself finds the defect and does not run the gate's program for it.
	FoundByLockstep bool
	// prepareDefect and prepareTwin do to the repositories what files alone cannot. They may be nil.
	prepareDefect, prepareTwin func(testing.TB, *Project)
}

// Rows are the proofs of all gates.
var Rows = slices.Concat(qualityRows, pythonRows, testRows, securityRows)

// Clean returns a repository with the row's clean twin.
func (row Row) Clean(t testing.TB) *Project {
	t.Helper()
	p := NewProject(t, row.files, row.twin)
	if row.prepareTwin != nil {
		row.prepareTwin(t, p)
	}
	return p
}

// Prove returns an error unless the gate finds the defect, by the row's rule at its location, and passes the clean
// twin. If path is not empty, it goes before everything else on the PATH of the gate's program.
func (row Row) Prove(t testing.TB, path string) error {
	t.Helper()
	defective := NewProject(t, row.files, row.defect)
	if row.prepareDefect != nil {
		row.prepareDefect(t, defective)
	}
	defective.Path = path
	result, report, err := defective.Run(row.Gate)
	if err != nil {
		return err
	}
	found := slices.ContainsFunc(report.Findings, func(f findings.Finding) bool {
		return f.Fails() && f.Rule == row.rule && f.Location() == row.location
	})
	switch {
	case !found:
		return fmt.Errorf("the seeded defect was not found: want %s at %s, got %s", row.rule, row.location,
			Describe(result, report))
	case result.Status != pipeline.Failed:
		return fmt.Errorf("the defect was found, but the gate did not fail: %s", Describe(result, report))
	}
	clean := row.Clean(t)
	clean.Path = path
	if result, report, err = clean.Run(row.Gate); err != nil {
		return err
	}
	if result.Status != pipeline.Ran {
		return fmt.Errorf("the clean twin did not pass: %s", Describe(result, report))
	}
	return nil
}

// Describe returns the result of a gate with its findings and the end of its log.
func Describe(result pipeline.Result, report findings.Report) string {
	text := fmt.Sprintf("%v; %s %s", report.Findings, result.Status, result.Reason)
	if tail, err := host.Tail(result.Log); err == nil {
		text += "\n" + strings.Join(tail, "\n")
	}
	return text
}
