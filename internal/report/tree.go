package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/charmbracelet/bubbles/spinner"
	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"

	"lockstep/internal/pipeline"
)

// treeObserver draws the steps as a tree and redraws it with every event. Output scrolls by above the tree.
type treeObserver struct {
	program *tea.Program
	ended   chan struct{}
	isShown func(pipeline.Event) bool
}

func newTreeObserver(
	w io.Writer, g *pipeline.Graph, isShown func(pipeline.Event) bool, now func() time.Time,
) *treeObserver {
	o := &treeObserver{ended: make(chan struct{}), isShown: isShown}
	// The caller handles interrupts, and nothing is read from the terminal.
	o.program = tea.NewProgram(newTree(g, lipgloss.NewRenderer(w), now),
		tea.WithOutput(w), tea.WithInput(nil), tea.WithoutSignalHandler())
	go func() {
		defer close(o.ended)
		_, _ = o.program.Run() // if the terminal cannot be drawn on, the run goes on without the tree
	}()
	return o
}

func (o *treeObserver) Observe(e pipeline.Event) {
	switch {
	case e.Kind == pipeline.Output && o.isShown(e):
		o.printLine(e.Detail)
	case e.Kind == pipeline.Notice:
		o.printLine(strings.TrimSpace(e.Step + "  " + e.Detail))
	}
	o.program.Send(e)
}

// printLine prints a line above the tree. The program's own Println waits for ever once the tree has ended, because its
// terminal was closed for example.
func (o *treeObserver) printLine(text string) { o.program.Send(tea.Println(text)()) }

func (o *treeObserver) Close() {
	o.program.Send(tea.Quit())
	<-o.ended
}

// tree is the model that is drawn: each stage, with a line for each of its steps.
type tree struct {
	steps      []pipeline.Step
	started    map[string]time.Time
	results    map[string]pipeline.Result
	lastOutput map[string]string
	width      int
	columns    int
	spin       spinner.Model
	style      *lipgloss.Renderer
	now        func() time.Time
}

func newTree(g *pipeline.Graph, style *lipgloss.Renderer, now func() time.Time) tree {
	return tree{
		steps:      g.Steps(),
		started:    map[string]time.Time{},
		results:    map[string]pipeline.Result{},
		lastOutput: map[string]string{},
		width:      nameWidth(g),
		columns:    80,
		spin:       spinner.New(spinner.WithSpinner(spinner.MiniDot)),
		style:      style,
		now:        now,
	}
}

func (t tree) Init() tea.Cmd { return t.spin.Tick }

func (t tree) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		t.columns = msg.Width
	case spinner.TickMsg:
		var cmd tea.Cmd
		t.spin, cmd = t.spin.Update(msg)
		return t, cmd
	case pipeline.Event:
		switch msg.Kind {
		case pipeline.Started:
			t.started[msg.Step] = msg.Time
		case pipeline.Output:
			t.lastOutput[msg.Step] = msg.Detail
		case pipeline.Finished:
			t.results[msg.Step] = *msg.Result
		}
	}
	return t, nil
}

func (t tree) View() string {
	var b strings.Builder
	stage := pipeline.Stage("")
	for _, s := range t.steps {
		if s.Stage != stage {
			stage = s.Stage
			b.WriteString(t.style.NewStyle().Bold(true).Render(string(stage)) + "\n")
		}
		b.WriteString(t.style.NewStyle().MaxWidth(t.columns).Render(t.line(s)) + "\n")
	}
	return b.String()
}

// line returns the line of a step: how it ended, or how long it has run and what it printed last, or that it waits.
func (t tree) line(s pipeline.Step) string {
	faint := t.style.NewStyle().Faint(true)
	if result, ok := t.results[s.Name]; ok {
		return fmt.Sprintf("  %s %-*s  %s", statusMark(t.style, result.Status), t.width, s.Name, resultText(result))
	}
	if started, ok := t.started[s.Name]; ok {
		elapsed := formatDuration(t.now().Sub(started).Milliseconds())
		output := faint.Render(t.lastOutput[s.Name])
		return fmt.Sprintf("  %s %-*s  %s  %s", t.spin.View(), t.width, s.Name, elapsed, output)
	}
	return faint.Render(fmt.Sprintf("  · %-*s", t.width, s.Name))
}

// statusMark returns the colored sign of a status.
func statusMark(style *lipgloss.Renderer, status pipeline.Status) string {
	sign, colour := "✗", "1"
	switch status {
	case pipeline.Ran, pipeline.Cached:
		sign, colour = "✓", "2"
	case pipeline.NothingToDo:
		sign, colour = "·", "8"
	case pipeline.Skipped, pipeline.NotRun, pipeline.Interrupted:
		sign, colour = "-", "3"
	}
	return style.NewStyle().Foreground(lipgloss.Color(colour)).Render(sign)
}
