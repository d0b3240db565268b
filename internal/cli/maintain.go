package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"lockstep/internal/display"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/maintain"
	"lockstep/internal/report"
)

// A maintainResult is the result of maintain.
type maintainResult struct {
	report.Envelope
	maintain.Report
	// Record is the path of the record that was written.
	Record string `json:"record"`
}

func (a *app) maintainCommand() *cobra.Command {
	var commands []*cobra.Command
	for _, period := range maintain.Periods() {
		commands = append(commands, a.maintainPeriod(period))
	}
	return newCommandGroup(&cobra.Command{
		Use: "maintain", Short: "Do what is due every week, month, quarter, half year or year",
		Long: `Do what a program can do of the maintenance that is due, show what there is to do, and say what a
person has to do. Lockstep's docs/maintenance.md has the schedule.`,
	}, commands...)
}

func (a *app) maintainPeriod(period maintain.Period) *cobra.Command {
	folder := ""
	cmd := &cobra.Command{
		Use: string(period), Short: fmt.Sprintf("Do the %s maintenance", period), Args: noArgs,
		Long: fmt.Sprintf(`Do the %s maintenance, and write a record into the folder %s, to be committed.

A task that cannot be done is not run, with the reason, and never counts as done. What looks into accounts needs
--live. Ends with 1 if there is something to do or a task was not run.`, period, maintain.RecordDir),
		RunE: a.inProject(func(ctx context.Context, p *project) (result, error) {
			environments, err := p.selectOrAll(a.env)
			if err != nil {
				return nil, err
			}
			if folder == "" {
				folder = p.path(maintain.RecordDir)
			}
			if err := fsx.MakeDir(p.root, folder, 0o755); err != nil {
				return nil, fmt.Errorf("the record cannot be written: %w", err)
			}
			m := maintenance{app: a, project: p, environments: environments}
			done, err := maintain.Run(ctx, period, a.Now(), m.checks())
			var incomplete *maintain.IncompleteError
			if err != nil && !errors.As(err, &incomplete) {
				return nil, err
			}
			r := &maintainResult{Report: done}
			var writeErr error
			r.Record, writeErr = writeMaintenanceRecord(p.root, folder, done)
			return r, errors.Join(err, writeErr)
		}),
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	addPathFlag(cmd.Flags(), &folder, "record", "the folder that the record is written to; by default "+
		maintain.RecordDir+" in the project")
	return cmd
}

// maxRecordsPerDay is more than anybody runs.
const maxRecordsPerDay = 1000

// writeMaintenanceRecord writes the record into a folder, under a name that no file has yet, and returns its path.
func writeMaintenanceRecord(project, folder string, done maintain.Report) (string, error) {
	for number := range maxRecordsPerDay {
		path := filepath.Join(folder, done.RecordName(number+1))
		_, err := os.Lstat(path)
		switch {
		case err == nil:
			continue // a person may have written into it
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		}
		record, err := done.Record()
		if err != nil {
			return "", err
		}
		return path, fsx.WriteFile(project, path, record, 0o644)
	}
	return "", fault.Errorf(fault.NotRecorded, "%s has %d records of this day already: remove some", folder,
		maxRecordsPerDay)
}

// WriteText implements result.
func (r *maintainResult) WriteText(w io.Writer) error {
	for _, task := range r.Results {
		if _, err := fmt.Fprintf(w, "%s: %s\n", task.Check, task.Status); err != nil {
			return err
		}
		var lines []string
		if task.Reason != "" {
			lines = append(lines, "not run: "+task.Reason)
		}
		lines = append(lines, task.Found...)
		if len(task.Found) > 0 && task.Command != "" {
			lines = append(lines, "with: "+task.Command)
		}
		for _, line := range append(lines, "a person: "+task.Person) {
			if _, err := fmt.Fprintln(w, "  "+display.Line(line)); err != nil {
				return err
			}
		}
	}
	if r.Record == "" {
		return nil
	}
	_, err := fmt.Fprintf(w, "the record is %s: commit it\n", display.Line(r.Record))
	return err
}
