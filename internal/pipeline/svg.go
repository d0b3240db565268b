package pipeline

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
)

// The sizes of a drawing, in pixels.
const (
	boxWidth, boxHeight = 150, 24
	columnGap, rowGap   = 70, 12
	margin              = 20
)

// A box is the column and the row of a step. A step is in a column to the right of its predecessors.
type box struct{ column, row int }

func (b box) x() int { return margin + b.column*(boxWidth+columnGap) }
func (b box) y() int { return margin + b.row*(boxHeight+rowGap) }

// drawSVG draws a box for each step and a line from each of its direct predecessors. The line is dashed for an order
// without a need.
func drawSVG(w io.Writer, g *Graph) error {
	boxes := map[string]box{}
	rows := map[int]int{} // by column
	var width, height int
	for _, s := range g.steps {
		at := box{}
		for _, other := range s.predecessors() {
			at.column = max(at.column, boxes[other].column+1)
		}
		at.row = rows[at.column]
		rows[at.column]++
		boxes[s.Name] = at
		width, height = max(width, at.x()+boxWidth+margin), max(height, at.y()+boxHeight+margin)
	}
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" `+
		`font-family="sans-serif" font-size="12">`+"\n", width, height, width, height)
	fmt.Fprintf(out, "<title>the steps of the pipeline, digest %s</title>\n", g.Digest())
	fmt.Fprintln(out, `<rect width="100%" height="100%" fill="white"/>`)
	for _, s := range g.steps {
		to := boxes[s.Name]
		for _, name := range g.DirectPredecessors(s) {
			edge(out, boxes[name], to, !slices.Contains(s.Needs, name))
		}
	}
	for _, s := range g.steps {
		at := boxes[s.Name]
		fmt.Fprintf(out, `<g><title>%s</title><rect x="%d" y="%d" width="%d" height="%d" rx="4" fill="#eef3fa" `+
			`stroke="#4a6fa5"/>`, escapeXML(s.Summary), at.x(), at.y(), boxWidth, boxHeight)
		fmt.Fprintf(out, `<text x="%d" y="%d" text-anchor="middle">%s</text></g>`+"\n", at.x()+boxWidth/2,
			at.y()+boxHeight/2+4, escapeXML(s.Name))
	}
	fmt.Fprintln(out, "</svg>")
	return out.Flush()
}

func edge(w io.Writer, from, to box, dashed bool) {
	style := ""
	if dashed {
		style = ` stroke-dasharray="4 3"`
	}
	x1, y1, x2, y2 := from.x()+boxWidth, from.y()+boxHeight/2, to.x(), to.y()+boxHeight/2
	fmt.Fprintf(w, `<path d="M%d %d C%d %d %d %d %d %d" fill="none" stroke="#9aa7b8"%s/>`+"\n", x1, y1, x1+columnGap/2,
		y1, x2-columnGap/2, y2, x2, y2, style)
}

// DirectPredecessors returns the predecessors of a step that no other predecessor waits for.
func (g *Graph) DirectPredecessors(s Step) []string {
	further := map[string]bool{}
	var follow func(name string)
	follow = func(name string) {
		for _, other := range g.Predecessors(name) {
			if !further[other] {
				further[other] = true
				follow(other)
			}
		}
	}
	waits := s.predecessors()
	for _, name := range waits {
		follow(name)
	}
	return slices.DeleteFunc(slices.Clone(waits), func(name string) bool { return further[name] })
}

func escapeXML(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}
