package cli

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
	"lockstep/tools"
)

// doctorCheck is what the doctor found out about one thing.
type doctorCheck struct {
	What   string `json:"what"`
	OK     bool   `json:"ok"`
	Found  string `json:"found"`
	Remedy string `json:"remedy,omitempty"`
	// For says what needs it.
	For string `json:"for,omitempty"`
	// Optional says that the machine is fit without it.
	Optional bool `json:"optional,omitempty"`
}

// An requirementsError is a machine that lacks something.
type requirementsError struct{ missing []string }

func (e *requirementsError) Error() string {
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
				a.showDoctorChecks(findings)
			}
			unfit := &requirementsError{}
			for _, f := range findings {
				if !f.OK && !f.Optional {
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

// examine asks each tool of the table that the machine must bring for its version, and looks at those that are installed here and at the
// project.
func (a *app) examine(ctx context.Context) []doctorCheck {
	var findings []doctorCheck
	for _, name := range slices.Sorted(maps.Keys(pipeline.Tools)) {
		tool := pipeline.Tools[name]
		if tool.Kind != pipeline.Preinstalled {
			continue
		}
		version, err := host.ToolVersion(ctx, a.Environ, name)
		f := doctorCheck{What: name, OK: err == nil, Found: version, For: tool.Purpose, Optional: tool.Optional}
		if err != nil {
			f.Found, f.Remedy = "missing or not working", tool.Remedy
			if missing := (*host.MissingToolError)(nil); errors.As(err, &missing) && missing.Found != "" {
				f.Found = missing.Found + " is too old"
			}
		}
		findings = append(findings, f)
	}
	findings = append(findings, a.examineInstalled()...)
	p, err := a.loadProject()
	if err != nil {
		return append(findings, doctorCheck{What: "configuration", Found: err.Error(), Remedy: "mend what is named, then run `lockstep config validate`"})
	}
	return append(findings, doctorCheck{What: "configuration", OK: true, Found: enumerate(p.config.Names())})
}

// examineInstalled looks at the tools that are installed on first need. One that is not there yet is no fault of the machine.
func (a *app) examineInstalled() []doctorCheck {
	installer, err := tools.NewInstaller(a.Environ, a.printProgress)
	if err != nil {
		return []doctorCheck{{What: "tools", Found: err.Error(), Remedy: "set HOME or XDG_CACHE_HOME"}}
	}
	var findings []doctorCheck
	for _, name := range tools.InstallableNames() {
		state, dir := installer.State(name)
		f := doctorCheck{What: name, OK: true, Optional: true, For: pipeline.Tools[name].Purpose, Found: pipeline.Tools[name].Version + " in " + dir}
		switch state {
		case tools.Absent:
			f.Found = pipeline.Tools[name].Version + ", to be installed when it is first needed"
		case tools.Damaged:
			f.OK, f.Found, f.Remedy = false, "damaged in "+dir, "lockstep tools install "+name
		}
		findings = append(findings, f)
	}
	return findings
}

func (a *app) showDoctorChecks(findings []doctorCheck) {
	for _, f := range findings {
		mark := "ok     "
		switch {
		case !f.OK && f.Optional:
			mark = "absent "
		case !f.OK:
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
