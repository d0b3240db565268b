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

// treeObserver shows the steps as a tree that is drawn anew as they go on, with what a reader waits for scrolling by above it.
type treeObserver struct {
	program *tea.Program
	ended   chan struct{}
	isShown func(pipeline.Event) bool
}

func newTreeObserver(w io.Writer, g *pipeline.Graph, shows func(pipeline.Event) bool) *treeObserver {
	// The caller handles interrupts, and nothing is read from the terminal.
	l := &treeObserver{ended: make(chan struct{}), isShown: shows}
	l.program = tea.NewProgram(newTree(g, lipgloss.NewRenderer(w)), tea.WithOutput(w), tea.WithInput(nil), tea.WithoutSignalHandler())
	go func() {
		defer close(l.ended)
		_, _ = l.program.Run() // a terminal that cannot be drawn on loses the tree, not the run
	}()
	return l
}

func (l *treeObserver) Observe(e pipeline.Event) {
	switch {
	case e.Kind == pipeline.Output && l.isShown(e):
		l.program.Println(e.Detail)
	case e.Kind == pipeline.Notice:
		l.program.Println(strings.TrimSpace(e.Step + "  " + e.Detail))
	}
	l.program.Send(e)
}

func (l *treeObserver) Close() {
	l.program.Send(tea.Quit())
	<-l.ended
}

// tree is what is drawn: a line for each step that has started or ended, under its stage.
type tree struct {
	steps      []pipeline.Step
	started    map[string]time.Time
	results    map[string]pipeline.Result
	lastOutput map[string]string
	width      int
	columns    int
	spin       spinner.Model
	style      *lipgloss.Renderer
}

func newTree(g *pipeline.Graph, style *lipgloss.Renderer) tree {
	return tree{
		steps: g.Steps(), started: map[string]time.Time{}, results: map[string]pipeline.Result{}, lastOutput: map[string]string{},
		width: nameWidth(g), columns: 80, spin: spinner.New(spinner.WithSpinner(spinner.MiniDot)), style: style,
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

func (t tree) line(s pipeline.Step) string {
	if result, ok := t.results[s.Name]; ok {
		return fmt.Sprintf("  %s %-*s  %s", statusMark(t.style, result.Status), t.width, s.Name, resultText(result))
	}
	if at, ok := t.started[s.Name]; ok {
		return fmt.Sprintf("  %s %-*s  %s  %s", t.spin.View(), t.width, s.Name, formatDuration(time.Since(at).Milliseconds()), t.style.NewStyle().Faint(true).Render(t.lastOutput[s.Name]))
	}
	return t.style.NewStyle().Faint(true).Render(fmt.Sprintf("  · %-*s", t.width, s.Name))
}

// statusMark is a status as one coloured sign.
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
