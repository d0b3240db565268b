package report

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"lockstep/internal/deploy/change"

	"github.com/charmbracelet/lipgloss"

	"lockstep/internal/deploy"
	"lockstep/internal/pipeline"
	"lockstep/internal/rehearsal"
)

// Mode is what a command worked on.
type Mode string

// The modes. Local commands never reach for an account.
const (
	Rehearsal Mode = "rehearsal"
	Live      Mode = "live"
	Local     Mode = "local"
)

// Verdict is how a command ended.
type Verdict string

// The verdicts.
const (
	Passed      Verdict = "passed"
	Failed      Verdict = "failed"
	Refused     Verdict = "refused"
	Interrupted Verdict = "interrupted"
)

// An AccountRecord is what a step that reaches AWS leaves behind: what it did, and how much of it was rehearsed.
type AccountRecord struct {
	deploy.Record
	Mode     Mode                `json:"mode"`
	Coverage *rehearsal.Coverage `json:"coverage,omitempty"`
	// OtherAccounts are the same environment's in its other accounts and regions.
	OtherAccounts []AccountRecord `json:"others,omitempty"`
}

// A Summary is the last thing that a command says.
type Summary struct {
	Time    time.Time `json:"time"`
	Event   string    `json:"event"` // always "summary"
	Command string    `json:"command"`
	Result  Verdict   `json:"result"`
	Mode    Mode      `json:"mode"`
	Millis  int64     `json:"ms"`
	// Digest is that of the graph.
	Digest string            `json:"digest"`
	Steps  []pipeline.Result `json:"steps"`
	// Stacks are those of all environments, in the order in which they were deployed.
	Stacks []deploy.StackRecord `json:"stacks"`
	// Coverage is that of all environments together; nil unless something was rehearsed.
	Coverage *rehearsal.Coverage `json:"coverage,omitempty"`
	// NotRehearsed says what a rehearsal leaves out besides the resources that were stood in for.
	NotRehearsed []string        `json:"notRehearsed,omitempty"`
	Environments []AccountRecord `json:"environments,omitempty"`
	// Findings are the worst of what keeps gates from passing, a line each.
	Findings []string `json:"findings,omitempty"`
	// Logs is the folder of the run's logs.
	Logs  string `json:"logs,omitempty"`
	Error string `json:"error,omitempty"`
}

// Add takes an environment's report into the summary, in each of its accounts.
func (s *Summary) Add(e AccountRecord) {
	others := e.OtherAccounts
	e.OtherAccounts = nil
	s.Environments = append(s.Environments, e)
	s.Stacks = append(s.Stacks, e.Stacks...)
	if e.Coverage != nil {
		if s.Coverage == nil {
			s.Coverage = &rehearsal.Coverage{}
		}
		s.Coverage.Add(*e.Coverage)
	}
	for _, other := range others {
		s.Add(other)
	}
}

// WriteJSON writes the summary as one line.
func (s *Summary) WriteJSON(w io.Writer) error {
	s.Event = "summary"
	if s.Steps == nil {
		s.Steps = []pipeline.Result{}
	}
	if s.Stacks == nil {
		s.Stacks = []deploy.StackRecord{}
	}
	return json.NewEncoder(w).Encode(s)
}

// WriteText writes the summary for a person.
func (s *Summary) WriteText(w io.Writer) {
	style := lipgloss.NewRenderer(w)
	bold := style.NewStyle().Bold(true)
	if len(s.Steps) > 0 {
		fmt.Fprintln(w, "\n"+bold.Render("steps"))
		s.writeSteps(w, style)
	}
	if len(s.Findings) > 0 {
		fmt.Fprintln(w, "\n"+bold.Render("findings"))
	}
	for _, line := range s.Findings {
		fmt.Fprintln(w, "  "+line)
	}
	for _, e := range s.Environments {
		fmt.Fprintf(w, "\n%s  account %s, %s: %s%s\n", bold.Render(e.Environment), e.Account, e.Region, e.Outcome, releaseSuffix(e.Release))
		writeStacks(w, e.Stacks)
		for _, name := range e.OrphanedStacks {
			fmt.Fprintf(w, "  left behind: %s, which the assembly has no more and nothing removes\n", name)
		}
		if e.Error != "" && !slices.ContainsFunc(e.Stacks, func(st deploy.StackRecord) bool { return st.Outcome == change.Failed && st.Reason != "" }) {
			fmt.Fprintf(w, "  %s\n", e.Error)
		}
	}
	if s.Error != "" && len(s.Environments) == 0 {
		fmt.Fprintf(w, "\n%s\n", s.Error)
	}
	s.writeCoverage(w)
	if s.Logs != "" {
		fmt.Fprintf(w, "\nlogs    %s\n", s.Logs)
	}
	if s.Digest != "" {
		fmt.Fprintf(w, "digest  %s\n", s.Digest)
	}
	fmt.Fprintln(w, "\n"+bold.Render(s.LastLine()))
}

// releaseSuffix tells the number of the release that was recorded.
func releaseSuffix(number int) string {
	if number == 0 {
		return ""
	}
	return fmt.Sprintf(", release %d", number)
}

func (s *Summary) writeSteps(w io.Writer, style *lipgloss.Renderer) {
	width := 0
	for _, r := range s.Steps {
		width = max(width, len(r.Step))
	}
	for _, group := range groupByStage(s.Steps) {
		for _, r := range group {
			time := ""
			if r.Status == pipeline.Ran || r.Status == pipeline.Failed {
				time = formatDuration(r.Millis)
			}
			line := fmt.Sprintf("  %s %-*s  %-11s %9s  %s", statusMark(style, r.Status), width, r.Step, r.Status, time, r.Reason)
			fmt.Fprintln(w, strings.TrimRight(line, " "))
		}
	}
	if slices.ContainsFunc(s.Steps, func(r pipeline.Result) bool { return r.Status == pipeline.NotRun && r.Blocks() }) {
		fmt.Fprintln(w, "\n"+absenceRemedy)
	}
}

// absenceRemedy says what to do about gates that could not do their work where that counts as a failure.
const absenceRemedy = "a gate that cannot be run does not pass here: mend what stands in its way, name a copy of the database that it cannot reach\n" +
	"(gates.goVulnerabilities, gates.osvDatabases in config/pipeline.yaml), or let it be absent (gates.mayBeAbsent in config/environments); see docs/gates.md"

// writeStacks says of each stack what happened to it and, where it changed, to what in it.
func writeStacks(w io.Writer, stacks []deploy.StackRecord) {
	width := 0
	for _, st := range stacks {
		width = max(width, len(st.Name))
	}
	for _, st := range stacks {
		fmt.Fprintf(w, "  %-*s  %s%s\n", width, st.Name, st.Outcome, changeCounts(st.Changes))
		if st.Reason != "" {
			fmt.Fprintf(w, "    %s\n", st.Reason)
		}
		for _, key := range slices.Sorted(maps.Keys(st.Outputs)) {
			fmt.Fprintf(w, "    %s = %s\n", key, st.Outputs[key])
		}
	}
}

// changeCounts says how many resources are treated in each way.
func changeCounts(changes []change.Change) string {
	var parts []string
	for _, action := range []change.Action{change.Add, change.Modify, change.Replace, change.ReplaceMaybe, change.Remove} {
		n := 0
		for _, c := range changes {
			if c.Action == action {
				n++
			}
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", n, action))
		}
	}
	if len(parts) == 0 {
		return ""
	}
	return ": " + strings.Join(parts, ", ")
}

func (s *Summary) writeCoverage(w io.Writer) {
	if s.Coverage == nil {
		return
	}
	c := s.Coverage
	fmt.Fprintf(w, "\nrehearsed %d of %s (%.0f %%)\n", c.Resources-len(c.StandIns), plural(c.Resources, "resource"), 100*c.Ratio)
	for _, in := range c.StandIns {
		fmt.Fprintf(w, "  not rehearsed: %s %s in %s\n", in.Type, in.LogicalID, in.Stack)
	}
	for _, a := range c.MissingAttributes {
		fmt.Fprintf(w, "  not rehearsed: the value %s of %s in %s\n", a.Name, a.LogicalID, a.Stack)
	}
	for _, what := range s.NotRehearsed {
		fmt.Fprintf(w, "  not rehearsed: %s\n", what)
	}
}

// FirstLine says what a command is about to work on.
func FirstLine(mode Mode, environments []string) string {
	names := strings.Join(environments, ", ")
	switch mode {
	case Rehearsal:
		return fmt.Sprintf("rehearsal of %s on emulated accounts: nothing reaches AWS", names)
	case Live:
		return fmt.Sprintf("live: %s on AWS", names)
	}
	return ""
}

// LastLine says how it went, and on what.
func (s *Summary) LastLine() string {
	line := fmt.Sprintf("%s %s in %s", s.Command, s.Result, formatDuration(s.Millis))
	switch {
	case s.Mode == Rehearsal && s.isUnchanged():
		line += ": nothing changed on the emulated accounts, nothing was touched, nothing reached AWS"
	case s.Mode == Rehearsal:
		line += ": a rehearsal on emulated accounts, nothing reached AWS"
	case s.Mode == Live && s.isUnchanged():
		line += ": nothing changed, nothing was touched"
	case s.Mode == Live:
		line += ": live on AWS"
	}
	if absent := s.toleratedGates(); len(absent) > 0 {
		line += fmt.Sprintf("; not run here, and no pass elsewhere: %s", strings.Join(absent, ", "))
	}
	return line
}

// toleratedGates are the gates that could not be run and did not stop the run.
func (s *Summary) toleratedGates() []string {
	var names []string
	for _, r := range s.Steps {
		if r.Tolerated && !r.Passed() {
			names = append(names, r.Step)
		}
	}
	return names
}

// isUnchanged says whether every stack was found as it should be.
func (s *Summary) isUnchanged() bool {
	return len(s.Stacks) > 0 && s.Result == Passed &&
		!slices.ContainsFunc(s.Stacks, func(st deploy.StackRecord) bool { return st.Outcome != change.Unchanged }) &&
		!slices.ContainsFunc(s.Environments, func(e AccountRecord) bool { return e.Release != 0 })
}
