package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"lockstep/internal/gate/findings"
	"lockstep/internal/report"
)

// The files that a run writes into the folder of its logs.
const (
	summaryFile  = "summary.json"
	findingsFile = "findings.sarif"
	testsFile    = "tests.xml"
)

// saveRun writes the result of a run into the folder of its logs, where report finds it.
func saveRun(dir string, s *report.Summary, gates report.GateResults) error {
	var sarif, junit, summary bytes.Buffer
	err := errors.Join(
		findings.WriteSARIF(&sarif, gates.Reports), findings.WriteJUnit(&junit, gates.Suites), s.WriteJSON(&summary))
	if err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(dir, summaryFile), summary.Bytes(), 0o644),
		os.WriteFile(filepath.Join(dir, findingsFile), sarif.Bytes(), 0o644),
		os.WriteFile(filepath.Join(dir, testsFile), junit.Bytes(), 0o644),
	)
}

// A savedRun is a run that saveRun has saved.
type savedRun struct {
	dir     string
	summary *report.Summary
	gates   report.GateResults
}

// A reportResult is the result of report in another format than JSON. JSON is the summary itself.
type reportResult struct {
	*report.Summary
	run   savedRun
	write func(io.Writer, savedRun) error
}

func (r *reportResult) WriteText(w io.Writer) error { return r.write(w, r.run) }

// reportFormats are the formats of report besides JSON.
var reportFormats = map[string]func(io.Writer, savedRun) error{
	"text":  writeReportText,
	"html":  func(w io.Writer, r savedRun) error { return report.WriteHTML(w, r.summary, r.gates) },
	"sarif": func(w io.Writer, r savedRun) error { return copyFile(w, filepath.Join(r.dir, findingsFile)) },
	"junit": func(w io.Writer, r savedRun) error { return copyFile(w, filepath.Join(r.dir, testsFile)) },
}

func (a *app) reportCommand() *cobra.Command {
	format, out := "text", ""
	cmd := &cobra.Command{
		Use: "report", Short: "Show the last run: its findings, or all of it as HTML, JUnit or SARIF", Args: noArgs,
		Long: `Show the result of the last run. As text these are all findings of its gates, the worst first; as
html one page with steps, findings and tests; as sarif the findings and as junit the tests, each merged into one
file with paths relative to the repository.`,
		RunE: a.inProject(func(_ context.Context, p *project) (result, error) {
			write, ok := reportFormats[format]
			if a.json || format == "json" {
				write, ok = func(w io.Writer, r savedRun) error { return r.summary.WriteJSON(w) }, true
				a.json = out == ""
			}
			if !ok {
				return nil, usagef("--format %s: write text, html, sarif, junit or json", format)
			}
			run, err := loadLastRun(p)
			if err != nil {
				return nil, err
			}
			if out == "" {
				return &reportResult{Summary: run.summary, run: run, write: write}, nil
			}
			var text bytes.Buffer
			if err := write(&text, run); err != nil {
				return nil, err
			}
			return nil, os.WriteFile(out, text.Bytes(), 0o644)
		}),
	}
	cmd.Flags().StringVar(&format, "format", format, "text, html, sarif, junit or json")
	cmd.Flags().StringVar(&out, "out", "", "write to this file instead of stdout")
	return cmd
}

var errNoRun = errors.New("there is no run to report: `lockstep check` makes one")

// loadLastRun returns the last run that has ended.
func loadLastRun(p *project) (savedRun, error) {
	entries, err := os.ReadDir(p.statePath("runs"))
	if errors.Is(err, fs.ErrNotExist) {
		return savedRun{}, errNoRun
	} else if err != nil {
		return savedRun{}, err
	}
	for _, entry := range slices.Backward(entries) { // their names begin with the time
		r := savedRun{dir: p.statePath("runs", entry.Name())}
		text, err := os.ReadFile(filepath.Join(r.dir, summaryFile))
		if err != nil {
			continue // it was interrupted, or has not ended yet
		}
		if err := json.Unmarshal(text, &r.summary); err != nil {
			return savedRun{}, fmt.Errorf("%s is damaged: %w", filepath.Join(r.dir, summaryFile), err)
		}
		r.gates, err = loadGateResults(r.dir)
		return r, err
	}
	return savedRun{}, errNoRun
}

// loadGateResults returns the gate results that saveRun has written into the folder.
func loadGateResults(dir string) (report.GateResults, error) {
	var gates report.GateResults
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

// writeReportText writes the gates that could not be run, all findings, and how the run ended.
func writeReportText(w io.Writer, r savedRun) error {
	for _, gate := range r.gates.Reports {
		if gate.Broken != "" {
			fmt.Fprintf(w, "%s: %s\n", gate.Gate, gate.Broken)
		}
	}
	for _, line := range r.gates.Lines(len(r.gates.Failing())) {
		fmt.Fprintln(w, line)
	}
	_, err := fmt.Fprintln(w, r.summary.LastLine())
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
