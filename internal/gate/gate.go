// Package gate owns how one gate comes to its verdict: it runs the gate's program, reads what it found in whichever format it tells it, holds
// that against the waivers, and leaves a report behind, whatever becomes of the program. It knows nothing of the other steps.
package gate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// A Gate is one of the table's gates, to be run in a repository.
type Gate struct {
	// Name is that of the step.
	Name string
	// Root is the repository's root, an absolute path.
	Root string
	// Format is the format of what the program prints.
	Format pipeline.Format
	// Level is how bad every finding is, for a program that does not say; empty for one that does.
	Level findings.Level
	// MinLevel is the level from which a finding counts; findings below are worth knowing and let through.
	MinLevel findings.Level
	// FilePatterns are the patterns of the files that the program is given as its last arguments; nil if it finds its files by itself.
	FilePatterns []string
	// NeedsHistory says that the program reads the commits: without them it has not looked, whatever it says.
	NeedsHistory bool
	// Argv is the program and its arguments; nil if the gate is one of this program's own.
	Argv []string
	// Settings are the arguments of a gate of this program's own.
	Settings []string
	// Log is where a person reads how it went.
	Log io.Writer
	// Now is the time, by which waivers end.
	Now func() time.Time
}

// A NotRunError says that the gate could not do its work here, for no fault of what it looks at. It never counts as passed.
type NotRunError struct{ Reason string }

func (e *NotRunError) Error() string { return e.Reason }

// A FailedError is a gate that did its work and does not let the change through, or whose program did not work.
type FailedError struct{ Reason string }

func (e *FailedError) Error() string { return e.Reason }

// Run runs the gate and leaves its report. The error is nil if it passed, or else *FailedError or *NotRunError.
func (g Gate) Run(ctx context.Context) error {
	g.Log = &syncWriter{w: g.Log}
	outcome, err := g.check(ctx)
	g.grade(&outcome.report)
	var notRun *NotRunError
	switch {
	case err == nil:
	case errors.As(err, &notRun), ctx.Err() != nil:
		outcome.report.Broken = "not run: " + err.Error()
	default:
		outcome.report.Broken = err.Error()
	}
	outcome.report.Gate = g.Name
	if outcome.report.Tool == "" {
		outcome.report.Tool = g.toolName()
	}
	g.applyWaivers(&outcome.report)
	if writing := g.writeReport(outcome); writing != nil {
		return errors.Join(&FailedError{"its report could not be written: " + writing.Error()}, err)
	}
	failing := outcome.report.Failing()
	g.printFindings(failing, outcome.report)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return err
	case len(failing) > 0:
		return &FailedError{pluralize(len(failing), g.findingNoun())}
	}
	return nil
}

// grade gives the findings of a program that does not grade them their level, and makes notes of those that do not count.
func (g Gate) grade(r *findings.Report) {
	for i := range r.Findings {
		switch level := &r.Findings[i].Level; {
		case g.Level != "":
			*level = g.Level
		case g.MinLevel == findings.Error && *level == findings.Warning:
			*level = findings.Note
		}
	}
}

// outcome is what a gate came to: a report, and the tests behind it where it runs tests.
type outcome struct {
	report findings.Report
	suites []findings.Suite
}

func (g Gate) findingNoun() string {
	if g.Format == pipeline.GoTest {
		return "failing test"
	}
	return "finding"
}

// pluralize is a number with its noun.
func pluralize(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// toolName is the program's name where its report does not say it.
func (g Gate) toolName() string {
	if len(g.Argv) > 0 {
		return filepath.Base(g.Argv[0])
	}
	return pipeline.Self
}

// check does the gate's work.
func (g Gate) check(ctx context.Context) (outcome, error) {
	if len(g.Argv) == 0 {
		return g.checkBuiltin()
	}
	if g.NeedsHistory {
		if some, err := hasCommits(ctx, g.Root); err != nil || !some {
			return outcome{}, err
		}
	}
	argv := g.Argv
	var unfit []findings.Finding
	if g.FilePatterns != nil {
		files, err := ListFiles(g.Root, g.FilePatterns)
		if err != nil {
			return outcome{}, &FailedError{err.Error()}
		}
		if len(files) == 0 {
			fmt.Fprintln(g.Log, "nothing to check: no file matches "+strings.Join(g.FilePatterns, ", "))
			return outcome{}, nil
		}
		files, unfit = filterReadable(g.Root, files, g.Format)
		if len(files) == 0 {
			return outcome{report: findings.Report{Findings: unfit}}, nil
		}
		argv = append(argv[:len(argv):len(argv)], fileArguments(files)...)
	}
	read := g.newReader()
	said, ended := g.execute(ctx, argv, read)
	if ctx.Err() != nil {
		return outcome{}, ctx.Err()
	}
	result, err := read.result(g.Root)
	err = checkOutcome(result, err, ended, said)
	result.report.Findings = append(result.report.Findings, unfit...)
	return result, err
}

// checkBuiltin runs a gate of this program's own.
func (g Gate) checkBuiltin() (outcome, error) {
	own, ok := builtinGates[builtinName(g.Name)]
	if !ok {
		return outcome{}, &FailedError{fmt.Sprintf("there is no gate %q in this program", g.Name)}
	}
	report, err := own(g)
	return outcome{report: report}, err
}

// builtinName leaves out the environment of a gate that exists once for each.
func builtinName(step string) string {
	name, _, _ := strings.Cut(step, ":")
	return name
}

// writeReport writes the report where the pipeline looks for it.
func (g Gate) writeReport(o outcome) error {
	var text bytes.Buffer
	var err error
	if g.Format == pipeline.GoTest {
		err = findings.WriteJUnit(&text, o.suites)
	} else {
		err = findings.WriteSARIF(&text, []findings.Report{o.report})
	}
	if err != nil {
		return err
	}
	path := filepath.Join(g.Root, filepath.FromSlash(pipeline.ReportFile(g.Name, g.Format)))
	return fsx.WriteFile(path, text.Bytes(), fsx.PublicFile)
}

// maxPrintedFindings is how many findings are told on the terminal.
const maxPrintedFindings = 20

// printFindings writes the worst findings for a person.
func (g Gate) printFindings(failing []findings.Finding, r findings.Report) {
	for _, f := range failing[:min(len(failing), maxPrintedFindings)] {
		fmt.Fprintln(g.Log, f)
	}
	if more := len(failing) - maxPrintedFindings; more > 0 {
		fmt.Fprintf(g.Log, "and %d more; `lockstep report` shows them all\n", more)
	}
	if waived := len(r.Findings) - len(failing); waived > 0 {
		fmt.Fprintf(g.Log, "%s let through: waived, or only worth knowing\n", pluralize(waived, "finding"))
	}
}

// settingValues are the values of an argument NAME=VALUE of a gate of this program's own.
func (g Gate) settingValues(name string) []string {
	var values []string
	for _, s := range g.Settings {
		if value, ok := strings.CutPrefix(s, name+"="); ok {
			values = append(values, value)
		}
	}
	return values
}
