package diagram

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"

	"lockstep/internal/display"
	"lockstep/internal/fault"
)

// svgStart matches the start tag of an SVG that D2 has drawn.
var svgStart = regexp.MustCompile(`^<svg [^>]*viewBox="0 0 ([0-9]{1,6}) ([0-9]{1,6})"[^>]*>`)

// Annotate returns the SVG that D2 has drawn of the diagram's source with its size, a title and a description for
// screen readers, and the digest of the source.
func (d Diagram) Annotate(svg []byte) ([]byte, error) {
	start := svgStart.FindSubmatch(svg)
	if start == nil {
		return nil, fault.Errorf(fault.ToolBroken, "the drawing of %s is no SVG of D2's", d.Name)
	}
	title, description := "diagram-"+d.Name+"-title", "diagram-"+d.Name+"-description"
	head := fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" `+
		`aria-labelledby="%s %s" width="%s" height="%s" viewBox="0 0 %[3]s %[4]s" preserveAspectRatio="xMinYMin meet">`+
		"\n<!-- drawn by `lockstep diagrams`; %s -->\n<title id=\"%[1]s\">%[6]s</title>\n<desc id=\"%[2]s\">%[7]s</desc>\n",
		title, description, start[1], start[2], d.digestMark(), escapeXML(d.Title), escapeXML(d.outline()))
	return append([]byte(head), append(svg[len(start[0]):], '\n')...), nil
}

// digestMark returns the text by which IsDrawingOf recognises a drawing of the diagram.
func (d Diagram) digestMark() string {
	sum := sha256.Sum256([]byte(d.Title + "\n" + d.outline() + "\n" + d.Source()))
	return "source sha256:" + hex.EncodeToString(sum[:])
}

// IsDrawingOf reports whether the SVG is an annotated drawing of the diagram as it is now. It compares the source and
// not the drawing, because the last digits of a position differ between processors.
func IsDrawingOf(svg []byte, d Diagram) bool {
	return strings.Contains(string(svg), "; "+d.digestMark()+" -->")
}

// maxOutline is the length of a description, in characters, after which a screen reader's user has stopped listening.
const maxOutline = 3000

// outline returns the description of the diagram and the text of its boxes.
func (d Diagram) outline() string {
	text := d.Description
	for _, b := range d.Boxes {
		text += " " + b.outline() + "."
	}
	return shorten(display.Line(text), maxOutline)
}

// outline returns the text of the box and, in parentheses, of those inside.
func (b *Box) outline() string {
	text := strings.Join(b.Lines, ", ")
	var inner []string
	for _, box := range b.Boxes {
		inner = append(inner, box.outline())
	}
	if len(inner) > 0 {
		text += " (" + strings.Join(inner, "; ") + ")"
	}
	return text
}

func escapeXML(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}
