package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/display"
	"lockstep/internal/fault"
	"lockstep/internal/metrics"
	"lockstep/internal/report"
	"lockstep/internal/utc"
)

// The formats of metrics.
const (
	metricsText = "text"
	metricsJSON = "json"
	metricsOpen = "openmetrics"
)

// A metricsResult is the result of metrics.
type metricsResult struct {
	report.Envelope
	Environments []metrics.Figures `json:"environments"`
	// Published reports whether the figures were written to CloudWatch.
	Published bool `json:"published"`

	format string
}

func (a *app) metricsCommand() *cobra.Command {
	since, format := "", metricsText
	publish := false
	cmd := &cobra.Command{
		Use: "metrics", Short: "Compute the four key metrics of delivery from the release records", Args: noArgs,
		Long: `Compute lead time for changes, deployment frequency, change failure rate and failed deployment
recovery time of each environment from the release records in its accounts. Lockstep's docs/metrics.md has the
definitions. An account that cannot be read is named, its environment has no figures, and the status is 1.

--publish also writes the figures to CloudWatch in the tooling account, where the dashboard of the pipelines
draws them. Otherwise nothing is written.`,
		RunE: a.inProject(func(ctx context.Context, p *project) (result, error) {
			if a.json {
				format = metricsJSON
			}
			if !slices.Contains([]string{metricsText, metricsJSON, metricsOpen}, format) {
				return nil, usagef(fault.FlagValue, "--format %s: write text, json or openmetrics", format)
			}
			a.json = format == metricsJSON
			window, err := parseWindow(since, a.Now())
			if err != nil {
				return nil, err
			}
			environments, err := p.selectOrAll(a.env)
			if err != nil {
				return nil, err
			}
			r, err := a.computeMetrics(ctx, p, environments, window)
			r.format = format
			if publish && len(r.Environments) > 0 {
				publishErr := a.session(p).PublishMetrics(ctx, metrics.CloudWatchData(r.Environments))
				r.Published = publishErr == nil
				err = errors.Join(err, publishErr)
			}
			return r, err
		}),
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	flags := cmd.Flags()
	flags.StringVar(&since, "since", "", "count what happened since this date, time or number of days: 2026-03-01, "+
		"2026-03-01T12:00:00Z or 90d; by default since the first deployment")
	flags.StringVar(&format, "format", format, "text, json or openmetrics")
	flags.BoolVar(&publish, "publish", false, "write the figures to CloudWatch in the tooling account too")
	return cmd
}

// computeMetrics returns the figures of the environments whose accounts can all be read. The error names the others.
func (a *app) computeMetrics(
	ctx context.Context, p *project, environments []config.Environment, window metrics.Window,
) (*metricsResult, error) {
	session := a.session(p)
	histories, err := session.ReleaseHistories(ctx, environments)
	commitTime := func(commit string) time.Time { return session.CommitTime(ctx, commit) }
	return newMetricsResult(environments, histories, window, commitTime), err
}

// newMetricsResult returns the figures of the environments that have a history for each of their accounts.
func newMetricsResult(
	environments []config.Environment, histories []deploy.ReleaseHistory, window metrics.Window,
	commitTime func(string) time.Time,
) *metricsResult {
	byEnvironment := map[string][]metrics.Account{}
	for _, h := range histories {
		byEnvironment[h.Environment] = append(byEnvironment[h.Environment], metrics.Account{
			Environment: h.Environment, Releases: h.Releases, FailedRuns: h.FailedRuns,
		})
	}
	r := &metricsResult{Environments: []metrics.Figures{}}
	for _, env := range environments {
		accounts := byEnvironment[env.Name]
		if len(accounts) == len(env.Accounts()) {
			r.Environments = append(r.Environments, metrics.Compute(env.Name, accounts, window, commitTime))
		}
	}
	return r
}

// maxWindowDays is more than release records are old.
const maxWindowDays = 36500

// parseWindow returns the window from a time to now. The text is a date, a time or a number of days; empty for the
// whole past.
func parseWindow(since string, now time.Time) (metrics.Window, error) {
	w := metrics.Window{Now: now.UTC().Truncate(time.Second)}
	if since == "" {
		return w, nil
	}
	var err error
	if number, ok := strings.CutSuffix(since, "d"); ok {
		days, parseErr := strconv.Atoi(number)
		if parseErr == nil && (days < 1 || days > maxWindowDays) {
			return w, usagef(fault.FlagValue, "--since %s: write a number of days from 1 to %d", since, maxWindowDays)
		}
		w.Since, err = w.Now.AddDate(0, 0, -days), parseErr
	} else if w.Since, err = time.Parse(time.DateOnly, since); err != nil {
		w.Since, err = time.Parse(time.RFC3339, since)
	}
	switch {
	case err != nil:
		return w, usagef(fault.FlagValue,
			"--since %s: write a date like 2026-03-01, a time like 2026-03-01T12:00:00Z, or a number of days like 90d", since)
	case w.Since.After(now):
		return w, usagef(fault.FlagValue, "--since %s is in the future: it is %s", since, utc.Format(now))
	}
	return w, nil
}

// WriteText implements result.
func (r *metricsResult) WriteText(w io.Writer) error {
	if r.format == metricsOpen {
		return metrics.WriteOpenMetrics(w, r.Environments)
	}
	rows := [][]string{{
		"environment", "since", "deployments", "a day", "failed", "failure rate", "lead time", "recovery time",
	}}
	for _, f := range r.Environments {
		rows = append(rows, metricsRow(f))
	}
	if err := writeLines(w, rows); err != nil {
		return err
	}
	for _, f := range r.Environments {
		for _, note := range metricsNotes(f) {
			if _, err := fmt.Fprintf(w, "%s: %s\n", display.Line(f.Environment), display.Line(note)); err != nil {
				return err
			}
		}
	}
	if !r.Published {
		return nil
	}
	_, err := fmt.Fprintln(w, "the figures were written to CloudWatch")
	return err
}

// metricsRow returns the cells of an environment. What does not exist is a dash.
func metricsRow(f metrics.Figures) []string {
	since, perDay := "-", "-"
	if !f.From.IsZero() {
		since = f.From.Format(time.DateOnly)
	}
	if f.DeploymentsPerDay != nil {
		perDay = strconv.FormatFloat(*f.DeploymentsPerDay, 'f', 2, 64)
	}
	return []string{
		f.Environment, since, strconv.Itoa(f.Deployments), perDay, strconv.Itoa(f.Failed), f.FailureRate(),
		f.LeadTime.String(), f.RecoveryTime.String(),
	}
}

// metricsNotes returns what a reader should know of an environment's figures.
func metricsNotes(f metrics.Figures) []string {
	var out []string
	if f.Unknown > 0 {
		out = append(out, fmt.Sprintf("releases without a known lead time: %d; the commit is not in this repository, or "+
			"the files were not its own", f.Unknown))
	}
	if f.Open > 0 {
		out = append(out, fmt.Sprintf("failed deployments after which no release has ended well yet: %d", f.Open))
	}
	return append(out, f.Notes...)
}
