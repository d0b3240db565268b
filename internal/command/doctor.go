package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"lockstep/internal/host"
	"lockstep/internal/pipeline"
)

// finding is what the doctor found out about one thing.
type finding struct {
	What   string `json:"what"`
	OK     bool   `json:"ok"`
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty"`
	// For says what needs it.
	For string `json:"for,omitempty"`
}

// An unfitError is a machine that lacks something.
type unfitError struct{ missing []string }

func (e *unfitError) Error() string {
	return fmt.Sprintf("this machine lacks %s", enumerate(e.missing))
}

func (a *app) doctorCommand() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Show what this machine lacks, and the one thing that mends each", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			findings := a.examine(cmd.Context())
			if a.json {
				if err := json.NewEncoder(a.Stdout).Encode(findings); err != nil {
					return err
				}
			} else {
				a.showFindings(findings)
			}
			unfit := &unfitError{}
			for _, f := range findings {
				if !f.OK {
					unfit.missing = append(unfit.missing, f.What)
				}
			}
			if len(unfit.missing) > 0 {
				return unfit
			}
			return nil
		},
	}
}

// examine asks each tool of the table for its version, and looks at the project and its emulator.
func (a *app) examine(ctx context.Context) []finding {
	var findings []finding
	for _, name := range slices.Sorted(maps.Keys(pipeline.Tools)) {
		tool := pipeline.Tools[name]
		version, err := host.Version(ctx, a.Environ, name)
		f := finding{What: name, OK: err == nil, Found: version, For: tool.For}
		if err != nil {
			f.Found, f.Remedy = "missing or not working", tool.Remedy
			if missing := (*host.MissingToolError)(nil); errors.As(err, &missing) && missing.Found != "" {
				f.Found = missing.Found + " is too old"
			}
		}
		findings = append(findings, f)
	}
	p, err := a.open()
	if err != nil {
		return append(findings, finding{What: "configuration", Found: err.Error(), Remedy: "mend what is named, then run `lockstep config validate`"})
	}
	return append(findings, finding{What: "configuration", OK: true, Found: enumerate(p.config.Names())})
}

func (a *app) showFindings(findings []finding) {
	for _, f := range findings {
		mark := "ok     "
		if !f.OK {
			mark = "missing"
		}
		fmt.Fprintf(a.Stdout, "%s  %-14s %s\n", mark, f.What, f.Found)
		if !f.OK {
			if f.For != "" {
				fmt.Fprintf(a.Stdout, "         needed for %s\n", f.For)
			}
			fmt.Fprintf(a.Stdout, "         to mend it: %s\n", f.Remedy)
		}
	}
}
