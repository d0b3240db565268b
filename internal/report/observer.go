// Package report renders what a run did, for people and for programs: the live tree of steps, plain lines, JSON events,
// the summary, plans and gate results as text, Markdown, HTML and JSON. It knows what a step, a deployment record and
// the coverage of a rehearsal are, and not how they come about.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"lockstep/internal/display"
	"lockstep/internal/pipeline"
)

// An Observer shows a run while it goes on. Close is called after the last call of Observe.
type Observer interface {
	Observe(pipeline.Event)
	Close()
}

// ProgressMode is how a run is shown.
type ProgressMode string

// The ways to show a run. Auto is a live tree on a terminal and plain lines everywhere else.
const (
	Auto  ProgressMode = "auto"
	Plain ProgressMode = "plain"
	None  ProgressMode = "none"
)

// ObserverOptions say how a run is shown.
type ObserverOptions struct {
	Mode ProgressMode
	// IsTerminal says that the writer is a terminal.
	IsTerminal bool
	// Verbose shows what every step prints. Otherwise only the output of steps that use AWS is shown: it has their plans.
	Verbose bool
	// Now returns the current time.
	Now func() time.Time
}

// NewObserver returns an observer that shows the steps of g on w. What steps print and why they failed comes from
// outside, and is shown as such.
func NewObserver(w io.Writer, g *pipeline.Graph, o ObserverOptions) Observer {
	return displayObserver{newTextObserver(w, g, o)}
}

// A displayObserver passes events on with their texts as they may be shown on a terminal.
type displayObserver struct{ Observer }

func (o displayObserver) Observe(e pipeline.Event) {
	if e.Kind == pipeline.Output {
		e.Detail = display.Output(e.Detail)
	} else {
		e.Detail = display.Line(e.Detail)
	}
	if e.Result != nil {
		result := *e.Result
		result.Reason = display.Line(result.Reason)
		e.Result = &result
	}
	o.Observer.Observe(e)
}

func newTextObserver(w io.Writer, g *pipeline.Graph, o ObserverOptions) Observer {
	isShown := func(e pipeline.Event) bool {
		if e.Kind != pipeline.Output || o.Verbose {
			return true
		}
		step, ok := g.Step(e.Step)
		return ok && step.Effect == pipeline.AWS
	}
	switch {
	case o.Mode == None:
		return discardObserver{}
	case o.Mode == Auto && o.IsTerminal:
		return newTreeObserver(display.Terminal(w), g, isShown, o.Now)
	default:
		return &syncObserver{observer: &plainObserver{w: w, isShown: isShown, width: nameWidth(g)}}
	}
}

// NewJSONObserver returns an observer that writes each event as a line of JSON.
func NewJSONObserver(w io.Writer) Observer {
	return &syncObserver{observer: &jsonObserver{enc: json.NewEncoder(w)}}
}

// syncObserver passes events on one at a time.
type syncObserver struct {
	mu       sync.Mutex
	observer Observer
}

func (o *syncObserver) Observe(e pipeline.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.observer.Observe(e)
}

func (o *syncObserver) Close() { o.observer.Close() }

type discardObserver struct{}

func (discardObserver) Observe(pipeline.Event) {}
func (discardObserver) Close()                 {}

type jsonObserver struct{ enc *json.Encoder }

func (j *jsonObserver) Observe(e pipeline.Event) {
	_ = j.enc.Encode(e) // if nobody reads the events, the run goes on without them
}

func (*jsonObserver) Close() {}

// plainObserver writes a line for each event.
type plainObserver struct {
	w       io.Writer
	isShown func(pipeline.Event) bool
	// width is the width of the column of step names. It is fixed because lines are written one at a time.
	width int
}

func (p *plainObserver) Observe(e pipeline.Event) {
	switch {
	case !p.isShown(e) || e.Kind == pipeline.Started:
	case e.Kind == pipeline.Finished:
		p.writeLine(e.Step, resultText(*e.Result))
	case e.Kind == pipeline.Output:
		p.writeLine(e.Step, "| "+e.Detail)
	default:
		p.writeLine(e.Step, e.Detail)
	}
}

func (p *plainObserver) writeLine(step, text string) {
	fmt.Fprintf(p.w, "%-*s  %s\n", p.width, step, text)
}

func (*plainObserver) Close() {}

// nameWidth returns the length of the longest name of a step.
func nameWidth(g *pipeline.Graph) int {
	width := 0
	for _, s := range g.Steps() {
		width = max(width, len(s.Name))
	}
	return width
}

// resultText returns in a few words how a step ended.
func resultText(r pipeline.Result) string {
	text := string(r.Status)
	if r.Status == pipeline.Ran || r.Status == pipeline.Failed {
		text += " in " + formatDuration(r.Millis)
	}
	if message := r.Message(); message != "" && r.Status != pipeline.Cached {
		text += ": " + message
	}
	return text
}

// formatDuration returns a number of milliseconds in the unit that suits it.
func formatDuration(millis int64) string {
	switch d := time.Duration(millis) * time.Millisecond; {
	case d < time.Second:
		return fmt.Sprintf("%d ms", millis)
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	default:
		return fmt.Sprintf("%d min %02d s", int(d.Minutes()), int(d.Seconds())%60)
	}
}

// resourceCount returns how many resources there are, in words.
func resourceCount(n int) string {
	if n == 1 {
		return "1 resource"
	}
	return fmt.Sprintf("%d resources", n)
}

// sortByStage returns the results in the order of the pipeline's stages, without those of unknown stages.
func sortByStage(results []pipeline.Result) []pipeline.Result {
	var sorted []pipeline.Result
	for _, stage := range pipeline.Stages {
		for _, r := range results {
			if r.Stage == stage {
				sorted = append(sorted, r)
			}
		}
	}
	return sorted
}
