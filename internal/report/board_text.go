package report

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/charmbracelet/lipgloss"

	"lockstep/internal/display"
	"lockstep/internal/utc"
)

// The columns of a terminal that a board takes.
const (
	boardWidth      = 80
	boardLabelWidth = 12
)

// A BoardRow is a line of what is known of an environment.
type BoardRow struct{ Label, Text string }

// Rows returns what is known of the environment besides its state. What there is nothing to say of is left out.
func (e BoardEntry) Rows() []BoardRow {
	var rows []BoardRow
	add := func(label string, texts ...string) {
		for _, text := range texts {
			if text != "" {
				rows = append(rows, BoardRow{label, text})
			}
		}
	}
	if e.State != BoardUnreadable || e.Release != nil {
		add("release", e.Release.String())
	}
	if r := e.Release; r != nil {
		line := fmt.Sprintf("%.12s, commit %s", r.Assembly, display.Commit(r.Commit))
		add("assembly", strings.TrimSuffix(line, ", commit "))
	}
	if len(e.Withdrawn) > 0 {
		add("withdrawn", withdrawnText(e.Withdrawn))
	}
	if e.Pending != nil {
		add("waits", e.Pending.String())
	}
	for _, p := range e.Plans {
		add("plan", p.String())
	}
	add("run", e.Run)
	if f := e.Failure; f != nil {
		text := fmt.Sprintf("%s of %s by %s", f.Command, utc.Format(f.At), callerName(f.By))
		if e.State != BoardFailed { // otherwise it is why
			text += ": " + f.Code.Prefix(f.Problem)
		}
		add("failed", text)
	}
	if e.Release != nil {
		add("health", e.Health...)
		if len(e.Health) == 0 {
			add("health", "no alarm at the release, and every stack is well")
		}
		add("drift", e.Drift.String())
	}
	if e.Figures != nil {
		add("30 days", e.Figures.String())
	}
	return rows
}

// callerName returns the ARN of a caller without what it has in common with most others.
func callerName(arn string) string {
	const parts = 6
	if fields := strings.SplitN(arn, ":", parts); len(fields) == parts && fields[0] == "arn" {
		return fields[parts-1]
	}
	return arn
}

// withdrawnText returns the newest releases that were rolled back from.
func withdrawnText(numbers []int) string {
	const maxShown = 5
	var shown []string
	for _, n := range numbers[:min(len(numbers), maxShown)] {
		shown = append(shown, strconv.Itoa(n))
	}
	text := "release " + strings.Join(shown, ", ")
	if rest := len(numbers) - len(shown); rest > 0 {
		text += fmt.Sprintf(" and %d earlier", rest)
	}
	return text
}

// String returns the release as a line.
func (r *BoardRelease) String() string {
	if r == nil {
		return "none"
	}
	text := strconv.Itoa(r.Number)
	if r.Restores > 0 {
		text += fmt.Sprintf(", back to %d,", r.Restores)
	}
	text += fmt.Sprintf(" of %s by %s", utc.Format(r.At), callerName(r.By))
	if r.SignedBy == "" {
		text += ", unsigned"
	}
	return text
}

// IsBad reports whether somebody has to do something at once.
func (s BoardState) IsBad() bool {
	switch s {
	case BoardUnreadable, BoardFailed, BoardCutOff, BoardUnwell:
		return true
	}
	return false
}

// Where returns the environment, with the account if the environment has several on the board.
func (b *Board) Where(e BoardEntry) string {
	for _, other := range b.Entries {
		if other.Environment == e.Environment && (other.Account != e.Account || other.Region != e.Region) {
			return e.Environment + " in " + e.Account + "/" + e.Region
		}
	}
	return e.Environment
}

// WriteText writes the board for a person. It uses colours if w is a terminal that has them.
func (b *Board) WriteText(w io.Writer) error {
	style := lipgloss.NewRenderer(w)
	bold := style.NewStyle().Bold(true)
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s\n", bold.Render(display.Line(b.Title())))
	for _, e := range b.Entries {
		mark := style.NewStyle().Bold(true).Foreground(lipgloss.Color(e.State.colour()))
		fmt.Fprintf(&text, "\n%s  %s\n", bold.Render(display.Line(b.Where(e))), mark.Render(string(e.State)))
		if e.Why != "" {
			writeBoardRow(&text, "why", e.Code.Prefix(e.Why))
		}
		if e.Next != "" {
			writeBoardRow(&text, "next", e.Next)
		}
		for _, row := range e.Rows() {
			if row.Text != e.Why {
				writeBoardRow(&text, row.Label, row.Text)
			}
		}
	}
	_, err := text.WriteTo(w)
	return err
}

// Class returns the class of a state in a page.
func (s BoardState) Class() string {
	switch {
	case s.IsBad():
		return "bad"
	case s == BoardWell:
		return "good"
	}
	return "other"
}

// colour returns the number of the terminal's colour for a state.
func (s BoardState) colour() string {
	return map[string]string{"bad": "1", "good": "2", "other": "3"}[s.Class()]
}

// writeBoardRow writes a label and a text, which is wrapped.
func writeBoardRow(w io.Writer, label, text string) {
	const indent = 2
	wrapped := lipgloss.NewStyle().Width(boardWidth - indent - boardLabelWidth).Render(display.Line(text))
	for line := range strings.Lines(wrapped) {
		fmt.Fprintf(w, "%*s%-*s%s\n", indent, "", boardLabelWidth, label, strings.TrimRight(line, " \n"))
		label = ""
	}
}

// Title returns the line that says what the board shows.
func (b *Board) Title() string {
	return fmt.Sprintf("%s, %s, %s: %s", b.Project, b.Mode, utc.Format(b.Time), b.Count())
}
