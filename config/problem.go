package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/fault"
)

// A Problem is one thing that is wrong with the configuration, its position, and what to write instead.
type Problem struct {
	File string `json:"file"`
	// Line and Column count from 1; both are 0 when the problem is the file itself.
	Line    int        `json:"line"`
	Column  int        `json:"column"`
	Code    fault.Code `json:"code"`
	Message string     `json:"message"`
	Hint    string     `json:"hint,omitempty"`
}

func (p Problem) String() string {
	text := p.File
	if p.Line > 0 {
		text += fmt.Sprintf(":%d:%d", p.Line, p.Column)
	}
	text += fmt.Sprintf(": %s: %s", p.Code, p.Message)
	if p.Hint != "" {
		text += "; " + p.Hint
	}
	return text
}

// ValidationErrors is everything that is wrong with a configuration. As an error it is a line for each, sorted by
// position.
type ValidationErrors []Problem

func (p ValidationErrors) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.String()
	}
	return strings.Join(lines, "\n")
}

// Code returns the code of the first problem.
func (p ValidationErrors) Code() fault.Code {
	if len(p) == 0 {
		return ""
	}
	return p[0].Code
}

func (p ValidationErrors) sort() {
	slices.SortStableFunc(p, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column),
			cmp.Compare(a.Message, b.Message))
	})
}

// An UnknownEnvironmentError is the name of an environment that no file configures.
type UnknownEnvironmentError struct {
	Name  string
	Known []string
	// Reason says why there is none of that name; empty if the name may be mistyped.
	Reason string
}

func (e *UnknownEnvironmentError) Error() string {
	if e.Reason != "" {
		return fmt.Sprintf("there is no environment %q: %s", e.Name, e.Reason)
	}
	text := fmt.Sprintf("there is no environment %q; config/environments has %s", e.Name, strings.Join(e.Known, ", "))
	if near := closestMatch(e.Name, e.Known); near != "" {
		text += fmt.Sprintf(": did you mean %s?", near)
	}
	return text
}

// Code returns the code of the error.
func (e *UnknownEnvironmentError) Code() fault.Code { return fault.UnknownEnvironment }

// closestMatch returns the candidate that is nearest to a mistyped name, or nothing if none is near.
func closestMatch(name string, candidates []string) string {
	best := ""
	least := max(2, len(name)/3) + 1
	for _, c := range candidates {
		if d := editDistance(strings.ToLower(name), strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	return best
}

// editDistance returns the Levenshtein distance in bytes: how many to add, drop or change.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			keep := before
			if a[i-1] != b[j-1] {
				keep++
			}
			before = row[j]
			row[j] = min(keep, row[j]+1, row[j-1]+1)
		}
	}
	return row[len(b)]
}
