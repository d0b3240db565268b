package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"lockstep/internal/deploy"
	"lockstep/internal/display"
	"lockstep/internal/fault"
	"lockstep/internal/report"
	"lockstep/internal/utc"
)

// A statusResult is the result of status.
type statusResult struct {
	report.Envelope
	Environments []deploy.Status `json:"environments"`
}

func (a *app) statusCommand() *cobra.Command {
	releases := 0
	cmd := &cobra.Command{
		Use: "status", Short: "Show what is deployed where, by whom, and who is at work", Args: noArgs,
		Long: `Show the newest release of every environment side by side, who holds its lock, and whether a run
was cut off. A release that was rolled back from is marked as withdrawn. The release records are verified: one
that was changed outside Lockstep, or is missing, is named. Ends with 1 if an account cannot be read. Nothing
is written.`,
		RunE: a.inProject(func(ctx context.Context, p *project) (result, error) {
			if releases < 0 {
				return nil, usagef(fault.FlagValue, "--releases %d: write how many earlier releases to show, 0 or more", releases)
			}
			environments, err := p.selectOrAll(a.env)
			if err != nil {
				return nil, err
			}
			statuses, err := a.session(p).Statuses(ctx, environments, releases)
			if err != nil {
				return nil, err
			}
			return newStatusResult(statuses)
		}),
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	cmd.Flags().IntVar(&releases, "releases", 0, "show so many earlier releases too")
	return cmd
}

// newStatusResult returns the result, and an error if an account could not be read, or a release record was changed or
// deleted outside Lockstep.
func newStatusResult(statuses []deploy.Status) (*statusResult, error) {
	r := &statusResult{Environments: statuses}
	var errs []error
	for _, s := range statuses {
		errs = append(errs, s.Err())
	}
	return r, errors.Join(errs...)
}

func (r *statusResult) WriteText(w io.Writer) error {
	rows := [][]string{{"environment", "account", "region", "release", "assembly", "commit", "when", "by"}}
	for _, s := range r.Environments {
		if len(s.Releases) == 0 {
			rows = append(rows, []string{s.Environment, s.Account, s.Region, "-", "-", "-", "-", "-"})
		}
		for _, release := range s.Releases {
			rows = append(rows, append([]string{s.Environment, s.Account, s.Region}, releaseCells(release)...))
		}
	}
	if err := writeLines(w, rows); err != nil {
		return err
	}
	for _, s := range r.Environments {
		for _, note := range s.Notes() {
			if _, err := fmt.Fprintf(w, "%s: %s\n", display.Line(s.Environment), display.Line(note)); err != nil {
				return err
			}
		}
	}
	return nil
}

// releaseCells returns a release's number, assembly, commit, time and caller.
func releaseCells(r deploy.ReleaseStatus) []string {
	number := fmt.Sprint(r.Number)
	if r.Restores > 0 {
		number += fmt.Sprintf(" (back to %d)", r.Restores)
	}
	if r.WithdrawnBy > 0 {
		number += fmt.Sprintf(" (withdrawn by %d)", r.WithdrawnBy)
	}
	return []string{
		number, fmt.Sprintf("%.12s", r.SynthDigest), display.Commit(orDash(r.Commit)),
		utc.Format(r.At), r.CallerARN,
	}
}
