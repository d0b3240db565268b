// Package report shows a run to people and to programs: the live tree of steps, plain lines, JSON events, and the summary. It knows
// what a step, a deployment record and a rehearsal's coverage are, and nothing of how they come about.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"lockstep/internal/pipeline"
)

// An Observer is shown a run while it goes on. Observe may be called from anywhere; Close when there are no more events.
type Observer interface {
	Observe(pipeline.Event)
	Close()
}

// ProgressMode is how a run is shown.
type ProgressMode string

// The ways to show a run: Auto is a live tree on a terminal and plain lines elsewhere.
const (
	Auto  ProgressMode = "auto"
	Plain ProgressMode = "plain"
	None  ProgressMode = "none"
)

// NewObserver shows the steps of g on w. With verbose, what every step prints is shown, and else only what those
// print that reach AWS: their plan is what a reader waits for.
func NewObserver(progress ProgressMode, w io.Writer, isTerminal, verbose bool, g *pipeline.Graph) Observer {
	shows := func(e pipeline.Event) bool {
		if e.Kind != pipeline.Output || verbose {
			return true
		}
		step, ok := g.Step(e.Step)
		return ok && step.Effect == pipeline.AWS
	}
	switch {
	case progress == None:
		return discardObserver{}
	case progress == Auto && isTerminal:
		return newTreeObserver(w, g, shows)
	default:
		return &syncObserver{observer: &plainObserver{w: w, isShown: shows, width: nameWidth(g)}}
	}
}

// NewJSONObserver writes each event as a line of JSON.
func NewJSONObserver(w io.Writer) Observer {
	return &syncObserver{observer: &jsonObserver{enc: json.NewEncoder(w)}}
}

// syncObserver lets a run and what goes on beside it share an observer.
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
	_ = j.enc.Encode(e) // who does not read on has no use for an error either
}

func (*jsonObserver) Close() {}

// plainObserver writes a line for each thing that happens.
type plainObserver struct {
	w       io.Writer
	isShown func(pipeline.Event) bool
	width   int
}

func (p *plainObserver) Observe(e pipeline.Event) {
	switch {
	case !p.isShown(e) || e.Kind == pipeline.Started:
	case e.Kind == pipeline.Finished:
		fmt.Fprintf(p.w, "%-*s  %s\n", p.width, e.Step, resultText(*e.Result))
	case e.Kind == pipeline.Output:
		fmt.Fprintf(p.w, "%-*s  | %s\n", p.width, e.Step, e.Detail)
	default:
		fmt.Fprintf(p.w, "%-*s  %s\n", p.width, e.Step, e.Detail)
	}
}

func (*plainObserver) Close() {}

func nameWidth(g *pipeline.Graph) int {
	width := 0
	for _, s := range g.Steps() {
		width = max(width, len(s.Name))
	}
	return width
}

// resultText says in a few words how a step ended.
func resultText(r pipeline.Result) string {
	parts := []string{string(r.Status)}
	if r.Status == pipeline.Ran || r.Status == pipeline.Failed {
		parts[0] += " in " + formatDuration(r.Millis)
	}
	if r.Reason != "" && r.Status != pipeline.Cached {
		parts = append(parts, r.Reason)
	}
	return strings.Join(parts, ": ")
}

// formatDuration is a time as a person would say it.
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

// plural is a count with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// groupByStage groups results by their stage, stages in the pipeline's order.
func groupByStage(results []pipeline.Result) [][]pipeline.Result {
	groups := make([][]pipeline.Result, len(pipeline.Stages))
	for _, r := range results {
		if i := slices.Index(pipeline.Stages, r.Stage); i >= 0 {
			groups[i] = append(groups[i], r)
		}
	}
	return slices.DeleteFunc(groups, func(g []pipeline.Result) bool { return len(g) == 0 })
}
