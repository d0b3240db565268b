package gate

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"lockstep/config"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
)

// applyWaivers marks the findings that a waiver of the repository lets through. One that has ended lets nothing through, and neither does a file
// of waivers that is not right; the gate waivers says so.
func (g Gate) applyWaivers(r *findings.Report) {
	waivers, err := config.LoadWaivers(os.DirFS(filepath.Join(g.Root, "config")))
	if err != nil {
		return
	}
	today := g.Now().UTC().Format(time.DateOnly)
	for i, f := range r.Findings {
		for _, w := range waivers {
			if f.Waived == "" && w.Until >= today && waiverCovers(w, f) {
				r.Findings[i].Waived = fmt.Sprintf("by %s until %s: %s", w.Owner, w.Until, w.Reason)
			}
		}
	}
}

func waiverCovers(w config.Waiver, f findings.Finding) bool {
	return w.Rule == f.Rule && pipeline.Matches([]string{w.Path}, f.File)
}

// maxWaiverDuration is how far ahead a waiver may end.
const maxWaiverDuration = 366 * 24 * time.Hour

// checkWaivers finds those that have ended, and those that end so late that nobody would ever look at them again.
func checkWaivers(g Gate) (findings.Report, error) {
	var r findings.Report
	all, err := config.LoadWaivers(os.DirFS(filepath.Join(g.Root, "config")))
	var problems config.Problems
	switch {
	case errors.As(err, &problems):
		for _, p := range problems {
			r.Findings = append(r.Findings, findings.Finding{Rule: "waiver-invalid", Level: findings.Error, File: p.File, Line: p.Line, Column: p.Column, Message: p.Message + "; " + p.Hint})
		}
		return r, nil
	case err != nil:
		return r, &FailedError{err.Error()}
	}
	now := g.Now().UTC()
	for _, w := range all {
		f := findings.Finding{Level: findings.Error, File: config.WaiversFile, Line: w.Line}
		switch {
		case w.Until < now.Format(time.DateOnly):
			f.Rule, f.Message = "waiver-expired", fmt.Sprintf("the waiver of %s in %s ended on %s: mend what it lets through, or agree with %s on a new date", w.Rule, w.Path, w.Until, w.Owner)
		case w.Until > now.Add(maxWaiverDuration).Format(time.DateOnly):
			f.Rule, f.Message = "waiver-too-long", fmt.Sprintf("the waiver of %s in %s ends on %s: write a date within a year", w.Rule, w.Path, w.Until)
		default:
			continue
		}
		r.Findings = append(r.Findings, f)
	}
	return r, nil
}

// builtinGates are the gates of this program's own, by their name.
var builtinGates = map[string]func(Gate) (findings.Report, error){
	"waivers":  checkWaivers,
	"images":   checkImages,
	"coverage": checkCoverage,
}
