package gate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"lockstep/config"
	"lockstep/internal/fsx"
	"lockstep/internal/gate/findings"
	"lockstep/internal/pipeline"
	"lockstep/internal/repo"
)

// loadWaivers reads the waivers of the repository.
func (g Gate) loadWaivers() ([]config.Waiver, error) {
	return config.LoadWaivers(fsx.Dir(filepath.Join(g.Root, "config")))
}

// today returns the time by which waivers end: that of the clock, or that of the commit that is checked out where the
// clock is behind it. A clock that was set back makes no waiver valid again.
func (g Gate) today() time.Time {
	now := g.Now().UTC()
	out, err := repo.New(g.Root, os.Environ()).Git(context.Background(), "log", "-1", "--format=%ct")
	if err != nil {
		return now // there is no commit
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(out), 10, 64)
	if commit := time.Unix(seconds, 0).UTC(); err == nil && commit.After(now) {
		return commit
	}
	return now
}

// applyWaivers marks the findings that a waiver lets through. An expired waiver lets nothing through. Neither does a
// file of waivers that is invalid, which the gate `waivers` reports.
func (g Gate) applyWaivers(r *findings.Report) {
	waivers, err := g.loadWaivers()
	if err != nil {
		return
	}
	today := g.today().Format(time.DateOnly)
	for _, w := range waivers {
		if w.Until < today || w.Gate != withoutEnvironment(g.Name) {
			continue
		}
		used := false
		for i, f := range r.Findings {
			if !waiverCovers(w, f) {
				continue
			}
			used = true
			if f.Waived == "" {
				r.Findings[i].Waived = fmt.Sprintf("by %s until %s: %s", w.Owner, w.Until, w.Reason)
			}
		}
		if !used && r.Broken == "" && g.judges(w) {
			r.Findings = append(r.Findings, findings.Finding{
				Rule: "waiver-unused", Level: findings.Error, File: config.WaiversFile, Line: w.Line,
				Message: fmt.Sprintf("the waiver of %s in %s lets nothing through: remove it, or what is put there later passes",
					w.Rule, w.Path),
			})
		}
	}
}

// waiverCovers reports whether a waiver has the finding's rule and matches its file.
func waiverCovers(w config.Waiver, f findings.Finding) bool {
	return w.Rule == f.Rule && pipeline.Matches([]string{w.Path}, f.File)
}

// ruleWaiverExpired is the rule of a waiver that has ended.
const ruleWaiverExpired = "waiver-expired"

// judges reports whether the gate has looked at what a waiver names, so that a waiver that was not needed is needed no
// more. The gate of one environment does not see what the waiver lets through in another, and a gate that is given
// files looks at those alone.
func (g Gate) judges(w config.Waiver) bool {
	_, environment, isOfEnvironment := strings.Cut(g.Name, ":")
	isElsewhere := isOfEnvironment && !strings.HasPrefix(w.Path, pipeline.AssemblyDir(environment)+"/")
	if len(g.Argv) == 0 || !g.applies() || isElsewhere {
		return false
	}
	if g.FilePatterns == nil {
		return true
	}
	files, err := ListFiles(g.Root, g.FilePatterns)
	isNamed := func(name string) bool { return pipeline.Matches([]string{w.Path}, name) }
	return err == nil && slices.ContainsFunc(files, isNamed)
}

// maxWaiverDuration is how far ahead a waiver may expire.
const maxWaiverDuration = 366 * 24 * time.Hour

// checkWaivers finds waivers that are invalid, that have expired, or that expire in more than a year.
func checkWaivers(g Gate) (findings.Report, error) {
	var r findings.Report
	waivers, err := g.loadWaivers()
	var problems config.ValidationErrors
	switch {
	case errors.As(err, &problems):
		for _, p := range problems {
			r.Findings = append(r.Findings, findings.Finding{
				Rule: "waiver-invalid", Level: findings.Error, File: p.File, Line: p.Line, Column: p.Column,
				Message: p.Message + "; " + p.Hint,
			})
		}
		return r, nil
	case err != nil:
		return r, asFailed(err)
	}
	now := g.today()
	for _, w := range waivers {
		f := findings.Finding{Level: findings.Error, File: config.WaiversFile, Line: w.Line}
		switch {
		case w.Until < now.Format(time.DateOnly):
			f.Rule = ruleWaiverExpired
			f.Message = fmt.Sprintf(
				"the waiver of %s in %s ended on %s: fix what it lets through, or agree with %s on a new date",
				w.Rule, w.Path, w.Until, w.Owner)
		case w.Until > now.Add(maxWaiverDuration).Format(time.DateOnly):
			f.Rule = "waiver-too-long"
			f.Message = fmt.Sprintf("the waiver of %s in %s ends on %s: write a date within a year",
				w.Rule, w.Path, w.Until)
		default:
			continue
		}
		r.Findings = append(r.Findings, f)
	}
	return r, nil
}
