// Package findings holds the findings of gates and the results of tests, whichever tool they come from, and reads and
// writes them as SARIF and JUnit. It knows nothing of how a tool is run.
package findings

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"

	"lockstep/internal/display"
	"lockstep/internal/text"
)

// A Level is how bad a finding is. The values are SARIF's.
type Level string

// The levels, from the worst. A note fails no gate.
const (
	Error   Level = "error"
	Warning Level = "warning"
	Note    Level = "note"
)

var levelRank = map[Level]int{Error: 0, Warning: 1, Note: 2}

// A Finding is one thing that a gate found.
type Finding struct {
	Rule    string
	Level   Level
	Message string
	// Severity is the security severity from 0 to 10, 0 if there is none.
	Severity float64
	// File is slash-separated and relative to the repository's root. It is empty if the finding has no location.
	File string
	// Line and Column count from 1. They are 0 if they are not known.
	Line, Column int
	// Waived says by whom, until when and why the finding is let through. It is empty if it is not.
	Waived string
	// Fingerprint identifies the finding across runs. It is empty if the tool reports none.
	Fingerprint string
}

// Fails reports whether the finding fails its gate.
func (f Finding) Fails() bool { return f.Waived == "" && f.Level != Note }

// Location returns FILE:LINE, or FILE if the line is not known, or "." if the file is not known either. A file's name
// may have line breaks, which would forge a line: they are escapes.
func (f Finding) Location() string {
	switch {
	case f.File == "":
		return "."
	case f.Line == 0:
		return display.Line(f.File)
	}
	return fmt.Sprintf("%s:%d", display.Line(f.File), f.Line)
}

// String returns the finding as one line: FILE:LINE: RULE: MESSAGE. A long message is cut.
func (f Finding) String() string {
	line := fmt.Sprintf("%s: %s: %s", f.Location(), display.Line(f.Rule), cut(text.OneLine(f.Message)))
	if f.Waived != "" {
		line += " (waived " + f.Waived + ")"
	}
	return line
}

// maxMessage is the length at which a message is cut, in characters.
const maxMessage = 300

// cut returns a message cut after maxMessage characters.
func cut(message string) string {
	if runes := []rune(message); len(runes) > maxMessage {
		return string(runes[:maxMessage]) + " ..."
	}
	return message
}

// A Rule is a rule of a tool.
type Rule struct {
	ID string
	// Text is a short description, empty if the tool has none.
	Text string
	// Help is the URL of a page about the rule, empty if the tool has none.
	Help string
}

// A Report is the result of one gate.
type Report struct {
	// Gate is the name of the gate's step.
	Gate string
	// Tool and Version are those of the gate's program. The version is empty if it is not known.
	Tool, Version string
	Rules         []Rule
	Findings      []Finding
	// Broken says why the findings are not a complete result. It is empty if they are.
	Broken string
}

// Failing returns the findings that fail the gate, worst first.
func (r Report) Failing() []Finding {
	failing := slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return !f.Fails() })
	Sort(failing)
	return failing
}

// Sort sorts findings by level and severity, worst first, then by location and rule.
func Sort(all []Finding) {
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(levelRank[a.Level], levelRank[b.Level]),
			cmp.Compare(b.Severity, a.Severity),
			cmp.Compare(a.File, b.File),
			cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Rule, b.Rule),
		)
	})
}

// RelativePath returns a path or file URI as a slash-separated path relative to root. The root itself is the empty
// path. A path outside of root is returned as it is.
func RelativePath(root, file string) string {
	file = path.Clean(strings.TrimPrefix(strings.ReplaceAll(file, "\\", "/"), "file://"))
	if below, ok := strings.CutPrefix(file, strings.TrimSuffix(root, "/")+"/"); ok {
		return below
	}
	if file == root || file == "." {
		return ""
	}
	return file
}
