package report

import (
	_ "embed"
	"html/template"
	"io"

	"lockstep/internal/display"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
	"lockstep/internal/utc"
)

//go:embed report.html
var pageSource string

//go:embed board.html
var boardSource string

// pageStyle is the style of every page, which a browser shows in light or dark as its user wants.
//
//go:embed page.css
var pageStyle string

var boardTemplate = template.Must(template.New("board").Funcs(template.FuncMap{
	"when": utc.Format, "style": style,
}).Parse(boardSource))

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"style":    style,
	"duration": formatDuration,
	"passed":   func(r pipeline.Result) bool { return r.Passed() },
	"failing":  func(r findings.Report) []findings.Finding { return r.Failing() },
	"waived":   waivedFindings,
	"bad":      failureOf,
	"when":     utc.Format,
}).Parse(pageSource))

// style returns the style of a page.
func style() template.CSS { return template.CSS(pageStyle) }

// WriteHTML writes the board as one HTML page that needs no other file.
func (b *Board) WriteHTML(w io.Writer) error {
	return boardTemplate.Execute(display.NewPlainWriter(w), b)
}

// waivedFindings returns the findings that do not keep their gate from passing.
func waivedFindings(r findings.Report) []findings.Finding {
	var waived []findings.Finding
	for _, f := range r.Findings {
		if !f.Fails() {
			waived = append(waived, f)
		}
	}
	return waived
}

// failureOf returns why a test did not pass; nil if it did.
func failureOf(c findings.Case) *findings.Outcome {
	if c.Error != nil {
		return c.Error
	}
	return c.Failure
}

// WriteHTML writes a run as one HTML page that needs no other file.
func WriteHTML(w io.Writer, s *Summary, all GateResults) error {
	return pageTemplate.Execute(display.NewPlainWriter(w), map[string]any{
		"Summary": s, "Gates": all, "Problems": s.Problems(all),
	})
}
