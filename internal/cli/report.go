package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
	"lockstep/internal/report"
)

// The files that a run leaves beside its logs.
const (
	summaryFile  = "summary.json"
	findingsFile = "findings.sarif"
	testsFile    = "tests.xml"
)

// saveRun leaves what a run came to beside its logs, where `report` finds it.
func saveRun(dir string, s *report.Summary, all report.GateResults) error {
	var sarif, junit, summary bytes.Buffer
	if err := errors.Join(findings.WriteSARIF(&sarif, all.Reports), findings.WriteJUnit(&junit, all.Suites), s.WriteJSON(&summary)); err != nil {
		return err
	}
	for name, text := range map[string]*bytes.Buffer{summaryFile: &summary, findingsFile: &sarif, testsFile: &junit} {
		if err := fsx.WriteFile(filepath.Join(dir, name), text.Bytes(), fsx.PublicFile); err != nil {
			return err
		}
	}
	return nil
}

// A pastRun is a run of the past, as it was left.
type pastRun struct {
	dir     string
	summary *report.Summary
	gates   report.GateResults
}

// reportFormats are the ways to show a run of the past.
var reportFormats = map[string]func(io.Writer, pastRun) error{
	"text":  reportText,
	"html":  func(w io.Writer, r pastRun) error { return report.WriteHTML(w, r.summary, r.gates) },
	"json":  func(w io.Writer, r pastRun) error { return r.summary.WriteJSON(w) },
	"sarif": func(w io.Writer, r pastRun) error { return copyFile(w, filepath.Join(r.dir, findingsFile)) },
	"junit": func(w io.Writer, r pastRun) error { return copyFile(w, filepath.Join(r.dir, testsFile)) },
}

func (a *app) reportCommand() *cobra.Command {
	format, out := "text", ""
	cmd := &cobra.Command{
		Use: "report", Short: "Show the last run: its findings, or all of it as HTML, JUnit or SARIF", Args: noArgs,
		Long: `Show what the last run came to. As text these are all findings of its gates, the worst first; as html one page with steps, findings and tests; as
sarif the findings and as junit the tests, each merged into one file with paths relative to the repository.`,
		RunE: func(*cobra.Command, []string) error {
			if a.json {
				format = "json"
			}
			write, ok := reportFormats[format]
			if !ok {
				return usagef("--format %s: write text, html, sarif, junit or json", format)
			}
			p, err := a.loadProject()
			if err != nil {
				return err
			}
			last, err := lastRun(p)
			if err != nil {
				return err
			}
			if out == "" {
				return write(a.Stdout, last)
			}
			var text bytes.Buffer
			if err := write(&text, last); err != nil {
				return err
			}
			return fsx.WriteFile(out, text.Bytes(), fsx.PublicFile)
		},
	}
	cmd.Flags().StringVar(&format, "format", format, "text, html, sarif, junit or json")
	cmd.Flags().StringVar(&out, "out", "", "write to this file instead of stdout")
	return cmd
}

// lastRun is the youngest run that came to an end.
func lastRun(p *project) (pastRun, error) {
	none := fmt.Errorf("there is no run to report: `lockstep check` makes one")
	entries, err := os.ReadDir(p.statePath("runs"))
	if errors.Is(err, os.ErrNotExist) {
		return pastRun{}, none
	} else if err != nil {
		return pastRun{}, err
	}
	for _, entry := range slices.Backward(entries) { // their names begin with the time
		r := pastRun{dir: p.statePath("runs", entry.Name())}
		text, err := os.ReadFile(filepath.Join(r.dir, summaryFile))
		if err != nil {
			continue // it was interrupted, or is under way
		}
		if err := json.Unmarshal(text, &r.summary); err != nil {
			return pastRun{}, fmt.Errorf("%s is damaged: %w", filepath.Join(r.dir, summaryFile), err)
		}
		r.gates, err = readGateResults(r.dir)
		return r, err
	}
	return pastRun{}, none
}

func readGateResults(dir string) (report.GateResults, error) {
	var all report.GateResults
	sarif, err := os.ReadFile(filepath.Join(dir, findingsFile))
	if err != nil {
		return all, err
	}
	if all.Reports, err = findings.ReadMergedSARIF(sarif); err != nil {
		return all, err
	}
	junit, err := os.ReadFile(filepath.Join(dir, testsFile))
	if err != nil {
		return all, err
	}
	all.Suites, err = findings.ReadJUnit(junit)
	return all, err
}

func reportText(w io.Writer, r pastRun) error {
	for _, broken := range r.gates.Reports {
		if broken.Broken != "" {
			fmt.Fprintf(w, "%s: %s\n", broken.Gate, broken.Broken)
		}
	}
	for _, line := range r.gates.Lines(1 << 20) {
		fmt.Fprintln(w, line)
	}
	_, err := fmt.Fprintln(w, r.summary.LastLine())
	return err
}

func copyFile(w io.Writer, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
