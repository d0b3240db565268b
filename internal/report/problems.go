package report

import (
	"cmp"
	"fmt"
	"regexp"

	"lockstep/internal/deploy/change"
	"lockstep/internal/fault"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// A Problem is something that kept a run from passing.
type Problem struct {
	// What is wrong, Why it is, and what comes Next. Command is a command for that; empty for none.
	What    string `json:"what"`
	Why     string `json:"why"`
	Next    string `json:"next,omitempty"`
	Command string `json:"command,omitempty"`
}

// Problems returns what kept the run from passing, in the order in which it happened. What was not tried because of
// something else is none.
func (s *Summary) Problems(gates GateResults) []Problem {
	var problems []Problem
	for _, r := range s.Environments {
		if r.Outcome == change.Failed {
			problems = append(problems, s.accountProblem(r))
		}
	}
	for _, r := range s.Steps {
		if !r.Blocks() || r.Status == pipeline.Skipped {
			continue
		}
		if (r.Stage == pipeline.Deploy || r.Stage == pipeline.Plan || r.Stage == pipeline.Verify) && len(problems) > 0 {
			continue // the accounts say it better
		}
		problems = append(problems, stepProblem(r, gates))
	}
	if len(problems) == 0 && s.Error != "" {
		problems = append(problems, newProblem(s.Command, s.Error, s.Code))
	}
	return problems
}

// newProblem returns a problem with what its code says about what to do.
func newProblem(what, why string, code fault.Code) Problem {
	p := Problem{What: what, Why: code.Prefix(why)}
	if entry, ok := fault.Lookup(code); ok {
		p.Next, p.Command = plainText(entry.Remedies[0]), "lockstep explain "+string(code)
	}
	return p
}

// markup matches links and code in the table of codes, of which it captures the text.
var markup = regexp.MustCompile("\\[([^\\]]*)\\]\\([^)]*\\)|`([^`]*)`")

// plainText returns a text of the table of codes without its markup.
func plainText(text string) string { return markup.ReplaceAllString(text, "$1$2") }

// accountProblem returns the problem of an account: the first cause of its first stack that failed.
func (s *Summary) accountProblem(r AccountRecord) Problem {
	what := r.Environment + " in " + r.Account
	for _, st := range r.Stacks {
		if st.Outcome != change.Failed {
			continue
		}
		p := newProblem(what+": stack "+st.Name, st.Reason, cmp.Or(st.Code, r.Code))
		if len(st.Causes) > 0 {
			p.Command = "lockstep diagnose --env " + r.Environment
			if s.Mode == Live {
				p.Command += " --live"
			}
		}
		return p
	}
	return newProblem(what, r.Error, r.Code)
}

// stepProblem returns the problem of a step. For a gate it is the first finding or test that keeps it from passing.
func stepProblem(r pipeline.Result, gates GateResults) Problem {
	p := newProblem(r.Step+": "+string(r.Status), r.Reason, r.Code)
	for _, report := range gates.Reports {
		if failing := report.Failing(); report.Gate == r.Step && len(failing) > 0 {
			f := failing[0]
			p.Why = r.Code.Prefix(fmt.Sprintf("%s: %s (%s)%s", f.Location(), f.Message, f.Rule, furtherText(len(failing)-1)))
			return p
		}
	}
	if r.Stage == pipeline.Test {
		if c, n := firstFailure(gates.Suites); c != nil {
			p.Why = r.Code.Prefix(fmt.Sprintf("%s %s: %s%s", c.Class, c.Name, failureOf(*c).Message, furtherText(n-1)))
		}
	}
	return p
}

// furtherText returns how many more there are, as "; and 2 more".
func furtherText(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("; and %d more", n)
}

// firstFailure returns the first test that did not pass, and how many there are.
func firstFailure(suites []findings.Suite) (first *findings.Case, count int) {
	for _, suite := range suites {
		for _, c := range suite.Cases {
			if failureOf(c) == nil {
				continue
			}
			if first == nil {
				first = &c
			}
			count++
		}
	}
	return first, count
}
