package diagram

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"lockstep/internal/display"
)

// The longest line of a label, in characters, and the most lines that a label has.
const (
	maxLineLength = 72
	maxLines      = 16
)

// The space between the boxes of a grid, and the radius of an event's corners, in pixels.
const (
	gridGap     = 24
	eventRadius = 16
)

// Source returns the diagram in the language D2 (https://d2lang.com). The names of its boxes are made from their
// positions, so that no text from outside is more than a label.
func (d Diagram) Source() string {
	w := &sourceWriter{paths: map[*Box]string{}}
	if d.LeftToRight {
		w.linef(0, "direction: right")
	}
	w.grid(0, d.Columns)
	w.boxes(0, "", d.Boxes)
	for _, a := range d.Arrows {
		w.arrow(a)
	}
	return w.String()
}

// A sourceWriter writes D2.
type sourceWriter struct {
	strings.Builder
	// paths are the names of the boxes, each with the names of those that it is in.
	paths map[*Box]string
}

func (w *sourceWriter) linef(depth int, format string, args ...any) {
	fmt.Fprintf(w, strings.Repeat("  ", depth)+format+"\n", args...)
}

func (w *sourceWriter) grid(depth, columns int) {
	if columns > 0 {
		w.linef(depth, "grid-columns: %d", columns)
		w.linef(depth, "grid-gap: %d", gridGap)
	}
}

func (w *sourceWriter) boxes(depth int, parent string, boxes []*Box) {
	for i, b := range boxes {
		name := fmt.Sprintf("b%d", i)
		w.paths[b] = parent + name
		w.linef(depth, "%s: %s {", name, quoteLabel(b.Lines...))
		switch b.Shape {
		case Rectangle:
		case Event:
			w.linef(depth+1, "style.border-radius: %d", eventRadius)
		default:
			w.linef(depth+1, "shape: %s", b.Shape)
		}
		if len(b.Boxes) == 0 {
			w.linef(depth+1, "style.bold: false")
		} else {
			w.linef(depth+1, "style.font-size: 20")
		}
		w.grid(depth+1, b.Columns)
		w.boxes(depth+1, parent+name+".", b.Boxes)
		w.linef(depth, "}")
	}
}

func (w *sourceWriter) arrow(a Arrow) {
	style := ""
	if a.Dashed {
		style = " { style.stroke-dash: 4 }"
	}
	w.linef(0, "%s -> %s: %s%s", w.paths[a.From], w.paths[a.To], quoteLabel(a.Label), style)
}

// inLines returns names as lines of a label, three in each.
func inLines(names []string) []string {
	var lines []string
	for some := range slices.Chunk(names, 3) {
		lines = append(lines, strings.Join(some, ", "))
	}
	return lines
}

// quoteLabel returns the lines as a quoted string of D2. Control characters and those that change the direction of text
// are shown as escapes.
func quoteLabel(lines ...string) string {
	if len(lines) > maxLines {
		rest := len(lines) - maxLines + 1
		lines = append(lines[:maxLines-1:maxLines-1], fmt.Sprintf("and %d more", rest))
	}
	shown := make([]string, len(lines))
	for i, line := range lines {
		shown[i] = labelEscaper.Replace(shorten(display.Line(line), maxLineLength))
	}
	return `"` + strings.Join(shown, `\n`) + `"`
}

// labelEscaper escapes what means something in a quoted string of D2: its end, escapes and substitutions.
var labelEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`)

// shorten returns a text of at most n characters.
func shorten(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n-1]) + "…"
}
