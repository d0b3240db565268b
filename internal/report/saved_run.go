package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// The files that a run writes into the folder of its logs.
const (
	summaryFile  = "summary.json"
	findingsFile = "findings.sarif"
	testsFile    = "tests.xml"
)

// The files that WriteReports adds to those.
const (
	pageFile  = "report.html"
	gatesFile = "gates.xml"
)

// A SavedRun is a run that SaveRun has saved.
type SavedRun struct {
	dir     string
	Summary *Summary
	Gates   GateResults
}

// SaveRun writes the result of a run into a folder, from which LoadLastRun reads it.
func SaveRun(dir string, s *Summary, gates GateResults) error {
	var sarif, junit, summary bytes.Buffer
	err := errors.Join(
		findings.WriteSARIF(&sarif, gates.Reports), findings.WriteJUnit(&junit, gates.Suites), s.WriteJSON(&summary))
	if err != nil {
		return err
	}
	return errors.Join(
		fsx.WriteFile(filepath.Join(dir, summaryFile), summary.Bytes(), fsx.PublicFile),
		fsx.WriteFile(filepath.Join(dir, findingsFile), sarif.Bytes(), fsx.PublicFile),
		fsx.WriteFile(filepath.Join(dir, testsFile), junit.Bytes(), fsx.PublicFile),
	)
}

// WriteReports writes what SaveRun writes, a page, and the gates as tests, for programs that only read those.
func WriteReports(dir string, s *Summary, gates GateResults) error {
	var page, suite bytes.Buffer
	err := errors.Join(WriteHTML(&page, s, gates), findings.WriteJUnit(&suite, []findings.Suite{stepSuite(s.Steps)}))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return errors.Join(
		SaveRun(dir, s, gates),
		fsx.WriteFile(filepath.Join(dir, pageFile), page.Bytes(), fsx.PublicFile),
		fsx.WriteFile(filepath.Join(dir, gatesFile), suite.Bytes(), fsx.PublicFile),
	)
}

// stepSuite returns the steps as tests.
func stepSuite(results []pipeline.Result) findings.Suite {
	suite := findings.Suite{Name: "gates"}
	for _, r := range results {
		c := findings.Case{Name: r.Step, Class: string(r.Stage), Seconds: float64(r.Millis) / 1000}
		switch {
		case r.Passed():
		case r.Status == pipeline.Failed:
			c.Failure = &findings.Outcome{Message: r.Reason}
		case r.Tolerated, r.Status == pipeline.Skipped:
			c.Skipped = &findings.Outcome{Message: r.Reason}
		default:
			c.Error = &findings.Outcome{Message: string(r.Status) + ": " + r.Reason}
		}
		suite.Cases = append(suite.Cases, c)
	}
	return suite
}

var errNoRun = errors.New("there is no run to report: `lockstep check` makes one")

// LoadLastRun returns the last saved run among the folders in dir, whose names begin with the time.
func LoadLastRun(dir string) (SavedRun, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return SavedRun{}, errNoRun
	} else if err != nil {
		return SavedRun{}, err
	}
	for _, entry := range slices.Backward(entries) {
		run := filepath.Join(dir, entry.Name())
		text, err := os.ReadFile(filepath.Join(run, summaryFile))
		if err != nil {
			continue // it was interrupted, or has not ended yet
		}
		r := SavedRun{dir: run}
		if err := json.Unmarshal(text, &r.Summary); err != nil {
			return r, fmt.Errorf("%s is damaged: %w", filepath.Join(run, summaryFile), err)
		}
		r.Gates, err = loadSavedGates(run)
		return r, err
	}
	return SavedRun{}, errNoRun
}

// loadSavedGates returns the gate results that SaveRun has written into the folder.
func loadSavedGates(dir string) (GateResults, error) {
	var gates GateResults
	sarif, err := os.ReadFile(filepath.Join(dir, findingsFile))
	if err != nil {
		return gates, err
	}
	if gates.Reports, err = findings.ReadMergedSARIF(sarif); err != nil {
		return gates, err
	}
	junit, err := os.ReadFile(filepath.Join(dir, testsFile))
	if err != nil {
		return gates, err
	}
	gates.Suites, err = findings.ReadJUnit(junit)
	return gates, err
}

// Formats returns the formats that Write knows.
func Formats() []string { return []string{"text", "html", "sarif", "junit", "json"} }

// Write writes the run in one of the Formats.
func (r SavedRun) Write(w io.Writer, format string) error {
	switch format {
	case "text":
		return r.writeText(w)
	case "html":
		return WriteHTML(w, r.Summary, r.Gates)
	case "sarif":
		return copyFile(w, filepath.Join(r.dir, findingsFile))
	case "junit":
		return copyFile(w, filepath.Join(r.dir, testsFile))
	case "json":
		return r.Summary.WriteJSON(w)
	}
	return fmt.Errorf("unknown format %s", format)
}

// writeText writes the gates that could not be run, all findings, and how the run ended.
func (r SavedRun) writeText(w io.Writer) error {
	for _, gate := range r.Gates.Reports {
		if gate.Broken != "" {
			fmt.Fprintf(w, "%s: %s\n", gate.Gate, gate.Broken)
		}
	}
	for _, line := range r.Gates.Lines(len(r.Gates.Failing())) {
		fmt.Fprintln(w, line)
	}
	_, err := fmt.Fprintln(w, r.Summary.LastLine())
	return err
}

// copyFile writes the content of a file to w.
func copyFile(w io.Writer, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
