package report

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/charmbracelet/lipgloss"

	"lockstep/internal/deploy"
	"lockstep/internal/deploy/change"
	"lockstep/internal/display"
	"lockstep/internal/pipeline"
	"lockstep/internal/rehearsal"
)

// An AccountRecord is what a step that uses AWS records of one account: what it did, and how much of it was rehearsed.
type AccountRecord struct {
	deploy.Record
	Mode Mode `json:"mode"`
	// Endpoint is the endpoint that took the place of AWS in a live run; empty for AWS itself.
	Endpoint string              `json:"endpoint,omitempty"`
	Coverage *rehearsal.Coverage `json:"coverage,omitempty"`
	// OtherAccounts are the records of the environment's other accounts and regions.
	OtherAccounts []AccountRecord `json:"others,omitempty"`
}

// A Summary is the result of a command that runs steps or deploys.
type Summary struct {
	Envelope
	// Digest is the digest of the graph.
	Digest string            `json:"digest"`
	Steps  []pipeline.Result `json:"steps"`
	// Stacks are the stacks of all environments, in the order in which they were deployed.
	Stacks []deploy.StackRecord `json:"stacks"`
	// Coverage is the coverage of all environments together; nil unless something was rehearsed.
	Coverage *rehearsal.Coverage `json:"coverage,omitempty"`
	// NotRehearsed names what a rehearsal leaves out besides the resources that it replaces by stand-ins.
	NotRehearsed []string        `json:"notRehearsed,omitempty"`
	Environments []AccountRecord `json:"environments,omitempty"`
	// Findings are the worst findings of the gates that do not pass, a line each.
	Findings []string `json:"findings,omitempty"`
	// Waived is how many findings of the gates are let through.
	Waived int `json:"waived,omitempty"`
	// Logs is the folder of the run's logs.
	Logs string `json:"logs,omitempty"`
}

// Add adds the record of an environment, in each of its accounts.
func (s *Summary) Add(record AccountRecord) {
	others := record.OtherAccounts
	record.OtherAccounts = nil
	s.Environments = append(s.Environments, record)
	s.Stacks = append(s.Stacks, record.Stacks...)
	if record.Coverage != nil {
		if s.Coverage == nil {
			s.Coverage = &rehearsal.Coverage{}
		}
		s.Coverage.Add(*record.Coverage)
	}
	for _, other := range others {
		s.Add(other)
	}
}

// WriteJSON writes the summary as one line of JSON, with empty lists instead of null.
func (s *Summary) WriteJSON(w io.Writer) error {
	if s.Steps == nil {
		s.Steps = []pipeline.Result{}
	}
	if s.Stacks == nil {
		s.Stacks = []deploy.StackRecord{}
	}
	return WriteJSON(w, s)
}

// WriteText writes the summary for a person. It uses colors if w is a terminal that has them.
func (s *Summary) WriteText(w io.Writer) error {
	style := lipgloss.NewRenderer(w)
	bold := style.NewStyle().Bold(true)
	var text bytes.Buffer
	if len(s.Steps) > 0 {
		fmt.Fprintln(&text, "\n"+bold.Render("steps"))
		s.writeSteps(&text, style)
	}
	if len(s.Findings) > 0 {
		fmt.Fprintln(&text, "\n"+bold.Render("findings"))
	}
	for _, line := range s.Findings {
		fmt.Fprintln(&text, "  "+display.Line(line))
	}
	if s.Waived > 0 {
		fmt.Fprintf(&text, "\n%s; `lockstep report` lists them\n", waivedText(s.Waived))
	}
	for _, record := range s.Environments {
		writeRecord(&text, bold, record)
	}
	if s.Error != "" && len(s.Environments) == 0 {
		fmt.Fprintf(&text, "\n%s\n", display.Lines(s.Code.Prefix(s.Error)))
	}
	s.writeCoverage(&text)
	if s.Logs != "" {
		fmt.Fprintf(&text, "\nlogs    %s\n", display.Line(s.Logs))
	}
	if s.Digest != "" {
		fmt.Fprintf(&text, "digest  %s\n", display.Line(s.Digest))
	}
	fmt.Fprintln(&text, "\n"+bold.Render(s.LastLine()))
	_, err := text.WriteTo(w)
	return err
}

// waivedText says how many findings are let through.
func waivedText(count int) string {
	if count == 1 {
		return "1 finding is waived"
	}
	return fmt.Sprintf("%d findings are waived", count)
}

func (s *Summary) writeSteps(w io.Writer, style *lipgloss.Renderer) {
	var rows [][]string
	for _, r := range sortByStage(s.Steps) {
		elapsed := ""
		if r.Status == pipeline.Ran || r.Status == pipeline.Failed {
			elapsed = formatDuration(r.Millis)
		}
		rows = append(rows, []string{
			"  " + statusMark(style, r.Status) + " " + display.Line(r.Step), string(r.Status), fmt.Sprintf("%9s", elapsed),
			display.Line(r.Message()),
		})
	}
	for _, line := range AlignColumns(rows) {
		fmt.Fprintln(w, line)
	}
	if slices.ContainsFunc(s.Steps, func(r pipeline.Result) bool { return r.Status == pipeline.NotRun && r.Blocks() }) {
		fmt.Fprintln(w, "\n"+absenceRemedy)
	}
}

// absenceRemedy says what to do about a gate that could not be run where that is a failure.
const absenceRemedy = "a gate that cannot be run does not pass here: fix what keeps it from running, " +
	"name a copy of the database that it cannot reach\n" +
	"(gates.goVulnerabilities, gates.osvDatabases in config/pipeline.yaml), " +
	"or let it be absent (gates.mayBeAbsent in config/environments); see Lockstep's docs/gates.md"

// writeRecord writes what happened in one account.
func writeRecord(w io.Writer, bold lipgloss.Style, r AccountRecord) {
	release := ""
	if r.Release != 0 {
		release = fmt.Sprintf(", release %d, %s", r.Release, deploy.SignatureText(r.SignedBy))
	}
	fmt.Fprintf(w, "\n%s  account %s, %s: %s%s\n", bold.Render(display.Line(r.Environment)), display.Line(r.Account),
		display.Line(r.Region), display.Line(string(r.Outcome)), release)
	writeStacks(w, r.Stacks)
	for _, name := range r.OrphanedStacks {
		fmt.Fprintf(w, "  orphaned: %s, which the assembly no longer has and nothing removes\n", display.Line(name))
	}
	hasReason := func(st deploy.StackRecord) bool { return st.Outcome == change.Failed && st.Reason != "" }
	if r.Error != "" && !slices.ContainsFunc(r.Stacks, hasReason) {
		fmt.Fprintf(w, "  %s\n", strings.ReplaceAll(display.Lines(r.Code.Prefix(r.Error)), "\n", "\n  "))
	}
}

// writeStacks writes what happened to each stack, and its outputs.
func writeStacks(w io.Writer, stacks []deploy.StackRecord) {
	var rows [][]string
	for _, st := range stacks {
		outcome := string(st.Outcome)
		if counts := countActions(st.Changes); counts != "" {
			outcome += ": " + counts
		}
		if st.Outcome == change.Deferred && st.UnseenResources > 0 {
			outcome += fmt.Sprintf(": %s not seen", resourceCount(st.UnseenResources))
		}
		rows = append(rows, []string{"  " + display.Line(st.Name), display.Line(outcome)})
	}
	lines := AlignColumns(rows)
	for i, st := range stacks {
		fmt.Fprintln(w, lines[i])
		if st.Reason != "" {
			fmt.Fprintf(w, "    %s\n", display.Line(st.Code.Prefix(st.Reason)))
		}
		writeLiveFlags(w, st.Flags)
		for i, cause := range st.Causes {
			if i > 0 { // the first one is the reason
				fmt.Fprintf(w, "    also %s\n", display.Line(cause.String()))
			}
		}
		for _, note := range st.Notes {
			fmt.Fprintf(w, "    %s\n", display.Line(note))
		}
		for _, key := range slices.Sorted(maps.Keys(st.Outputs)) {
			fmt.Fprintf(w, "    %s = %s\n", display.Line(key), display.Line(st.Outputs[key]))
		}
	}
}

// writeLiveFlags writes the flags that only a live deployment asks a permit for.
func writeLiveFlags(w io.Writer, flags []change.Flag) {
	for _, f := range flags {
		if f.LiveOnly {
			fmt.Fprintf(w, "    %s: %s %s\n", f.Permit, display.Line(f.LogicalID), display.Line(f.Reason()))
		}
	}
}

// countActions returns how many resources each action is for, as "1 to add, 2 to modify"; empty if nothing changes.
func countActions(changes []change.Change) string {
	count := map[change.Action]int{}
	for _, c := range changes {
		count[c.Action]++
	}
	var parts []string
	for _, action := range []change.Action{change.Add, change.Modify, change.Replace, change.ReplaceMaybe, change.Remove} {
		if count[action] > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", count[action], action))
		}
	}
	return strings.Join(parts, ", ")
}

func (s *Summary) writeCoverage(w io.Writer) {
	c := s.Coverage
	if c == nil {
		return
	}
	fmt.Fprintf(w, "\nrehearsed %d of %s (%.0f %%)\n", c.Rehearsed(), resourceCount(c.Resources), 100*c.Ratio)
	if c.NotReached > 0 {
		fmt.Fprintf(w, "  not rehearsed: %s of stacks that the run did not come to, or did not finish\n",
			resourceCount(c.NotReached))
	}
	for _, in := range c.StandIns {
		fmt.Fprintf(w, "  not rehearsed: %s %s in %s\n",
			display.Line(in.Type), display.Line(in.LogicalID), display.Line(in.Stack))
	}
	for _, a := range c.MissingAttributes {
		fmt.Fprintf(w, "  not rehearsed: the value %s of %s in %s\n",
			display.Line(a.Name), display.Line(a.LogicalID), display.Line(a.Stack))
	}
	for _, p := range c.Parameters {
		fmt.Fprintf(w, "  not rehearsed: the SSM parameter %s, which %s reads and nothing here makes: it is %s\n",
			display.Line(p.Name), display.Line(p.Stack), display.Line(p.Value))
	}
	for _, key := range c.Lookups {
		fmt.Fprintf(w, "  not rehearsed: the look-up %s, for which a placeholder is deployed\n", display.Line(key))
	}
	for _, i := range c.Images {
		fmt.Fprintf(w, "  not rehearsed: the image %s of %s: %s\n",
			display.Line(i.Name), display.Line(i.Stack), display.Line(i.Reason))
	}
	for _, what := range s.NotRehearsed {
		fmt.Fprintf(w, "  not rehearsed: %s\n", what)
	}
}

// FirstLine returns the line that says what a command is about to work on; empty for a local command. The endpoint is
// what takes the place of AWS in a live run; empty for AWS itself.
func FirstLine(mode Mode, environments []string, endpoint string) string {
	names := strings.Join(environments, ", ")
	switch mode {
	case Rehearsal:
		return fmt.Sprintf("rehearsal of %s on emulated accounts: nothing reaches AWS", names)
	case Live:
		return fmt.Sprintf("live: %s on %s", names, liveOn(endpoint))
	}
	return ""
}

// liveOn returns what a live run works on: AWS, or the endpoint that takes its place.
func liveOn(endpoint string) string {
	if endpoint == "" {
		return "AWS"
	}
	return endpoint + ", which is not AWS"
}

// LastLine returns the line that says how the command ended, and on what it worked.
func (s *Summary) LastLine() string {
	line := fmt.Sprintf("%s %s in %s", s.Command, s.Result, formatDuration(s.Millis))
	switch {
	case s.Mode == Rehearsal && s.isUnchanged():
		line += ": nothing changed on the emulated accounts, nothing was touched, nothing reached AWS"
	case s.Mode == Rehearsal:
		line += ": a rehearsal on emulated accounts, nothing reached AWS"
	case s.Mode == Live && s.isUnchanged():
		line += ": nothing changed, nothing was touched"
		if s.LiveEndpoint != "" {
			line += " on " + liveOn(s.LiveEndpoint)
		}
	case s.Mode == Live:
		line += ": live on " + liveOn(s.LiveEndpoint)
	}
	if absent := s.toleratedGates(); len(absent) > 0 {
		line += "; not run here, and no pass elsewhere: " + strings.Join(absent, ", ")
	}
	return line
}

// toleratedGates returns the names of the gates that could not be run and did not stop the run.
func (s *Summary) toleratedGates() []string {
	var names []string
	for _, r := range s.Steps {
		if r.Tolerated && !r.Passed() {
			names = append(names, r.Step)
		}
	}
	return names
}

// isUnchanged reports whether every stack was already as the assembly wants it.
func (s *Summary) isUnchanged() bool {
	hasChanged := func(st deploy.StackRecord) bool { return st.Outcome != change.Unchanged }
	hasRelease := func(r AccountRecord) bool { return r.Release != 0 }
	return s.Result == Passed && len(s.Stacks) > 0 &&
		!slices.ContainsFunc(s.Stacks, hasChanged) && !slices.ContainsFunc(s.Environments, hasRelease)
}
