// Package findings owns what a gate found, whichever tool found it: findings with their place, tests with their outcome, and the two
// formats in which other programs read them, SARIF and JUnit. It knows nothing of how a tool is run.
package findings

import (
	"cmp"
	"fmt"
	"path"
	"slices"
	"strings"
)

// A Level says how bad a finding is.
type Level string

// The levels, from the worst. A note is worth knowing and fails no gate.
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
	// Severity is a vulnerability's or weakness's score from 0 to 10, 0 if there is none.
	Severity float64
	// File is slash-separated and relative to the repository's root; empty if the finding has no place.
	File string
	// Line and Column count from 1 and are 0 where they are not known.
	Line, Column int
	// Waived says by whom, until when and why the finding is let through; empty if it is not.
	Waived string
	// Fingerprint tells two findings of the same rule in one file apart across runs, where the tool gives one.
	Fingerprint string
}

// Fails says whether the finding keeps its gate from passing.
func (f Finding) Fails() bool { return f.Waived == "" && f.Level != Note }

// Location is FILE:LINE, as far as it is known.
func (f Finding) Location() string {
	switch {
	case f.File == "":
		return "."
	case f.Line == 0:
		return f.File
	}
	return fmt.Sprintf("%s:%d", f.File, f.Line)
}

// String is the finding as a line: file:line: rule: message.
func (f Finding) String() string {
	text := fmt.Sprintf("%s: %s: %s", f.Location(), f.Rule, oneLine(f.Message))
	if f.Waived != "" {
		text += " (waived " + f.Waived + ")"
	}
	return text
}

// maxMessage is how much of a message fits a line that people still read.
const maxMessage = 300

func oneLine(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxMessage {
		return string(runes[:maxMessage]) + " ..."
	}
	return text
}

// A Rule is what a finding breaks, as far as its tool describes it.
type Rule struct {
	ID   string
	Text string
	// Help is the address of a page about the rule.
	Help string
}

// A Report is what one gate has to say.
type Report struct {
	// Gate is the name of the step, and Tool and Version those of the program behind it.
	Gate, Tool, Version string
	Rules               []Rule
	Findings            []Finding
	// Broken says why the gate came to no result that counts; empty if it did.
	Broken string
}

// Failing are the findings that keep the gate from passing, worst first.
func (r Report) Failing() []Finding {
	failing := slices.DeleteFunc(slices.Clone(r.Findings), func(f Finding) bool { return !f.Fails() })
	Sort(failing)
	return failing
}

// Sort puts the worst first: by level, by score, then by place.
func Sort(all []Finding) {
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(levelRank[a.Level], levelRank[b.Level]), cmp.Compare(b.Severity, a.Severity),
			cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Rule, b.Rule),
		)
	})
}

// RelativePath is a path or file URI as a slash-separated path relative to root; what lies outside of it stays as it is.
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
