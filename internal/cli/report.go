package cli

import (
	"bytes"
	"context"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/report"
)

// A reportResult is the result of report. As JSON it is the summary of the run.
type reportResult struct {
	*report.Summary
	run    report.SavedRun
	format string
}

func (r *reportResult) WriteText(w io.Writer) error { return r.run.Write(w, r.format) }

// outKindOf is the kind of file that each format is.
var outKindOf = map[string]outKind{
	"text": textOut, "html": pageOut, "sarif": sarifOut, "junit": junitOut, "json": summaryOut,
}

func (a *app) reportCommand() *cobra.Command {
	format := "text"
	out := ""
	cmd := &cobra.Command{
		Use: "report", Short: "Show the last run: its findings, or all of it as HTML, JUnit or SARIF", Args: noArgs,
		Long: `Show the result of the last run. As text these are all findings of its gates, the worst first; as html one page
with steps, findings and tests; as sarif the findings and as junit the tests, each merged into one file with paths
relative to the repository.`,
		RunE: a.inProject(func(_ context.Context, p *project) (result, error) {
			if a.json {
				format = "json"
			}
			if !slices.Contains(report.Formats(), format) {
				return nil, usagef(fault.FlagValue, "--format %s: write text, html, sarif, junit or json", format)
			}
			run, err := report.LoadLastRun(p.statePath("runs"))
			if err != nil {
				return nil, err
			}
			if out == "" {
				a.json = format == "json"
				return &reportResult{Summary: run.Summary, run: run, format: format}, nil
			}
			if err := checkOutFiles(outFile{"--out", out, outKindOf[format], p.root}); err != nil {
				return nil, err
			}
			var text bytes.Buffer
			if err := run.Write(&text, format); err != nil {
				return nil, err
			}
			return nil, fsx.WriteFile(p.root, out, text.Bytes(), fsx.PrivateFile)
		}),
	}
	cmd.Flags().StringVar(&format, "format", format, "text, html, sarif, junit or json")
	addPathFlag(cmd.Flags(), &out, "out", "write to this file instead of stdout")
	return cmd
}
