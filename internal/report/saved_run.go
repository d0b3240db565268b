package report

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"lockstep/internal/display"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
	"lockstep/internal/jsonx"
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

// maxReportBytes is more than what the gates of a large repository find.
const maxReportBytes = 512 << 20

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
		fsx.Replace(filepath.Join(dir, findingsFile), sarif.Bytes(), fsx.PrivateFile),
		fsx.Replace(filepath.Join(dir, testsFile), junit.Bytes(), fsx.PrivateFile),
		// The last one says that the run is whole.
		fsx.Replace(filepath.Join(dir, summaryFile), summary.Bytes(), fsx.PrivateFile),
	)
}

// WriteReports writes what SaveRun writes, a page, and the gates as tests, for programs that only read those.
func WriteReports(dir string, s *Summary, gates GateResults) error {
	var page, suite bytes.Buffer
	err := errors.Join(WriteHTML(&page, s, gates), findings.WriteJUnit(&suite, []findings.Suite{stepSuite(s.Steps)}))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, fsx.PrivateDir); err != nil {
		return err
	}
	return errors.Join(
		SaveRun(dir, s, gates),
		fsx.Replace(filepath.Join(dir, pageFile), page.Bytes(), fsx.PrivateFile),
		fsx.Replace(filepath.Join(dir, gatesFile), suite.Bytes(), fsx.PrivateFile),
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
			c.Failure = &findings.Outcome{Message: r.Message()}
		case r.Tolerated, r.Status == pipeline.Skipped:
			c.Skipped = &findings.Outcome{Message: r.Reason}
		default:
			c.Error = &findings.Outcome{Message: string(r.Status) + ": " + r.Message()}
		}
		suite.Cases = append(suite.Cases, c)
	}
	return suite
}

var errNoRun = fault.New(fault.NoRun, "there is no run to report: `lockstep check` makes one")

// An UnfinishedRunError is a last run that has no result, so that there is nothing to report.
type UnfinishedRunError struct {
	// Dir is the folder of the run's logs.
	Dir string
	// Running is set if the run still goes on.
	Running bool
}

func (e *UnfinishedRunError) Error() string {
	if e.Running {
		return "the last run has not ended yet: wait until it has; its logs are in " + e.Dir
	}
	return "the last run did not end (killed?), so it has no result: run it again; its logs are in " + e.Dir
}

// Code returns the code of the error.
func (e *UnfinishedRunError) Code() fault.Code { return fault.RunUnfinished }

// LoadLastRun returns the last run among the folders in dir, whose names begin with the time. The error is an
// *UnfinishedRunError if that one has not been saved, whatever there is of earlier ones.
func LoadLastRun(dir string) (SavedRun, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return SavedRun{}, errNoRun
	} else if err != nil {
		return SavedRun{}, err
	}
	entries = slices.DeleteFunc(entries, func(entry fs.DirEntry) bool { return !entry.IsDir() })
	if len(entries) == 0 {
		return SavedRun{}, errNoRun
	}
	return loadRun(filepath.Join(dir, entries[len(entries)-1].Name()))
}

// loadRun returns the run that SaveRun has saved in a folder.
func loadRun(dir string) (SavedRun, error) {
	running, err := fsx.IsLocked(filepath.Join(dir, pipeline.RunAliveFile))
	if err != nil {
		return SavedRun{}, err
	}
	text, err := fsx.ReadFile(filepath.Join(dir, summaryFile), maxReportBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return SavedRun{}, &UnfinishedRunError{Dir: dir, Running: running}
	} else if err != nil {
		return SavedRun{}, err
	}
	r := SavedRun{dir: dir}
	if err := jsonx.Unmarshal(text, &r.Summary); err != nil {
		return r, fault.Errorf(fault.RunDamaged, "%s is damaged: %w", filepath.Join(dir, summaryFile), err)
	}
	r.Gates, err = loadSavedGates(dir)
	return r, err
}

// loadSavedGates returns the gate results that SaveRun has written into the folder.
func loadSavedGates(dir string) (GateResults, error) {
	var gates GateResults
	sarif, err := fsx.ReadFile(filepath.Join(dir, findingsFile), maxReportBytes)
	if err != nil {
		return gates, err
	}
	if gates.Reports, err = findings.ReadMergedSARIF(sarif); err != nil {
		return gates, err
	}
	junit, err := fsx.ReadFile(filepath.Join(dir, testsFile), maxReportBytes)
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
	w = display.NewPlainWriter(w)
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
	return fault.Errorf(fault.FlagValue, "unknown format %s", format)
}

// writeText writes the gates that could not be run, all findings, those that are waived and their number, and how the
// run ended.
func (r SavedRun) writeText(w io.Writer) error {
	for _, gate := range r.Gates.Reports {
		if gate.Broken != "" {
			fmt.Fprintf(w, "%s: %s\n", display.Line(gate.Gate), display.Line(gate.Broken))
		}
	}
	for _, line := range r.Gates.Lines(len(r.Gates.Failing())) {
		fmt.Fprintln(w, display.Line(line))
	}
	if waived := r.Gates.Waived(); len(waived) > 0 {
		fmt.Fprintf(w, "%s:\n", waivedText(len(waived)))
		for _, f := range waived {
			fmt.Fprintln(w, "  "+display.Line(f.String()))
		}
	}
	_, err := fmt.Fprintln(w, r.Summary.LastLine())
	return err
}

// copyFile writes the content of a file to w.
func copyFile(w io.Writer, path string) error {
	text, err := fsx.ReadFile(path, maxReportBytes)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
