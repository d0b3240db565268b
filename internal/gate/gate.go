// Package gate runs one gate. It runs the gate's program, reads its findings, applies the waivers and always writes a
// report, however the program ends. It knows nothing of the other steps.
package gate

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
	"lockstep/internal/project"
)

// A Gate is one gate of the table of steps, to be run in a repository.
type Gate struct {
	// Name is the name of the gate's step.
	Name string
	// Root is the repository's root, an absolute path.
	Root string
	// Format is the format of the program's output.
	Format pipeline.Format
	// Level is the level of every finding, for a program that does not report levels. Empty means that it does.
	Level findings.Level
	// MinLevel is the lowest level that fails the gate. Findings below it become notes.
	MinLevel findings.Level
	// FilePatterns select the files that are the program's last arguments. Nil means that the program finds its files
	// by itself.
	FilePatterns []string
	// OnlyWith is the path of a file, absolute or relative to Root. Where it does not exist there is nothing to check;
	// empty means that there always is.
	OnlyWith string
	// NeedsHistory is set if the program reads the commits. Without the whole history the gate is then not run.
	NeedsHistory bool
	// Argv is the program and its arguments. It is empty for a built-in gate.
	Argv []string
	// IfThere are arguments FILE=ARGUMENT, which come first if the repository has the file.
	IfThere []string
	// ProgramSettings are patterns of files from which the program takes settings by itself: PATTERN, or PATTERN=TEXT
	// where only files with the text have such settings.
	ProgramSettings []string
	// Comments is a regular expression of the comments by which the program lets findings through; empty for none. They
	// count in the files that CommentFiles select, or else FilePatterns.
	Comments     string
	CommentFiles []string
	// Skips are patterns of files that the program does not look at.
	Skips []string
	// Settings are the settings NAME=VALUE of a built-in gate.
	Settings []string
	// Log receives the output for people.
	Log io.Writer
	// Now returns the current time, by which waivers expire.
	Now func() time.Time
}

// A FailedError is returned by a gate that has findings, or whose program failed.
type FailedError struct {
	code   fault.Code
	Reason string
}

func (e *FailedError) Error() string { return e.Reason }

// Code returns the code of the error. It is empty if the gate has findings other than waivers that have ended: whoever
// runs the step knows its stage, and so what kind of gate it is.
func (e *FailedError) Code() fault.Code { return e.code }

// asFailed returns an error as that of a gate that failed, with the same code and message.
func asFailed(err error) *FailedError { return &FailedError{fault.CodeOf(err), err.Error()} }

// Run runs the gate and writes its report. The error is nil if the gate passed, the context's error if it was
// interrupted, and otherwise *FailedError, *pipeline.NotRunError or *pipeline.NothingToDoError.
func (g Gate) Run(ctx context.Context) error {
	g.Log = &syncWriter{w: g.Log}
	result, err := g.check(ctx)
	g.grade(&result.report)
	notes, listErr := g.overrides()
	result.report.Findings = append(result.report.Findings, notes...)
	err = cmp.Or(err, listErr)
	var notRun *pipeline.NotRunError
	var nothing *pipeline.NothingToDoError
	switch {
	case err == nil, errors.As(err, &nothing):
	case errors.As(err, &notRun), ctx.Err() != nil:
		result.report.Broken = "not run: " + err.Error()
	default:
		result.report.Broken = err.Error()
	}
	result.report.Gate = g.Name
	if result.report.Tool == "" {
		result.report.Tool = g.toolName()
	}
	g.applyWaivers(&result.report)
	if writeErr := g.writeReport(result); writeErr != nil {
		code := fault.CodeOf(fsx.Explain(writeErr))
		return errors.Join(&FailedError{code, "its report could not be written: " + writeErr.Error()}, err)
	}
	failing := result.report.Failing()
	g.printFindings(failing, result.report)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && nothing == nil:
		return err
	case len(failing) > 0:
		return g.failure(failing)
	}
	return err
}

// failure returns the error of a gate that found something: how much it is, or which waivers have ended if it found
// nothing else.
func (g Gate) failure(failing []findings.Finding) *FailedError {
	var ended []string
	for _, f := range failing {
		if f.Rule != ruleWaiverExpired {
			return &FailedError{Reason: pluralize(len(failing), g.findingNoun())}
		}
		ended = append(ended, f.Message)
	}
	return &FailedError{fault.WaiverExpired, strings.Join(ended, "; ")}
}

// grade sets the level of findings from a program that reports none, and turns findings below the minimum into notes.
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

// An outcome is the result of a gate: its report, and the tests that ran if it runs tests.
type outcome struct {
	report findings.Report
	suites []findings.Suite
}

func (g Gate) findingNoun() string {
	if g.Format.IsTests() {
		return "failing test"
	}
	return "finding"
}

// pluralize returns a number with its noun.
func pluralize(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// toolName returns the name of the gate's program, for a report that does not name it.
func (g Gate) toolName() string {
	if len(g.Argv) > 0 {
		return filepath.Base(g.Argv[0])
	}
	return pipeline.Self
}

// check runs the gate's program and reads its findings.
func (g Gate) check(ctx context.Context) (outcome, error) {
	if len(g.Argv) == 0 {
		return g.checkBuiltin(ctx)
	}
	if g.NeedsHistory {
		if hasHistory, err := hasCommits(ctx, g.Root); err != nil || !hasHistory {
			return outcome{}, err
		}
	}
	if !g.applies() {
		fmt.Fprintln(g.Log, "nothing to check: there is no "+g.OnlyWith)
		return outcome{}, nil
	}
	argv := g.argv()
	var unreadable []findings.Finding
	if g.FilePatterns != nil {
		files, err := ListFiles(g.Root, g.FilePatterns)
		if err != nil {
			return outcome{}, asFailed(err)
		}
		if len(files) == 0 {
			fmt.Fprintln(g.Log, "nothing to check: no file matches "+strings.Join(g.FilePatterns, ", "))
			return outcome{}, nil
		}
		files, unreadable = filterReadable(g.Root, files, g.Format)
		if len(files) == 0 {
			return outcome{report: findings.Report{Findings: unreadable}}, nil
		}
		argv = slices.Concat(argv, fileArguments(files))
	}
	if endless := g.endlessFiles(); len(endless) > 0 {
		return outcome{report: findings.Report{Findings: endless}}, nil
	}
	reader := g.newReader()
	stderr, runErr := g.execute(ctx, program{argv: argv}, reader)
	if ctx.Err() != nil {
		return outcome{}, ctx.Err()
	}
	result, readErr := reader.result(g.Root)
	err := checkOutcome(result, readErr, runErr, stderr)
	if g.Format == pipeline.GoTest && !hasTests(result.suites) && isEmptyRun(err, stderr) {
		err = g.explainNoTest(ctx, project.GoTests)
	}
	result.report.Findings = append(result.report.Findings, unreadable...)
	return result, err
}

// argv returns the program and its arguments, with those of files that are there.
func (g Gate) argv() []string {
	argv := []string{g.Argv[0]}
	for _, pair := range g.IfThere {
		file, argument, _ := strings.Cut(pair, "=")
		if _, err := os.Stat(filepath.Join(g.Root, filepath.FromSlash(file))); err == nil {
			argv = append(argv, argument)
		}
	}
	return append(argv, g.Argv[1:]...)
}

// applies reports whether the repository has the file that the gate is only run with.
func (g Gate) applies() bool {
	if g.OnlyWith == "" {
		return true
	}
	name := g.OnlyWith
	if !filepath.IsAbs(name) {
		name = filepath.Join(g.Root, name)
	}
	_, err := os.Stat(name)
	return !errors.Is(err, os.ErrNotExist) // any other error is the program's to report
}

// writeReport writes the report to the file that the table of steps declares as the gate's output.
func (g Gate) writeReport(o outcome) error {
	var text bytes.Buffer
	var err error
	if g.Format.IsTests() {
		err = findings.WriteJUnit(&text, o.suites)
	} else {
		err = findings.WriteSARIF(&text, []findings.Report{o.report})
	}
	if err != nil {
		return err
	}
	return fsx.WriteBelow(g.Root, pipeline.ReportFile(g.Name, g.Format), text.Bytes(), fsx.PublicFile)
}

// maxPrintedFindings is how many findings are printed. The report has all of them.
const maxPrintedFindings = 20

// printFindings prints the worst findings that fail the gate, and how many findings do not.
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
