package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"lockstep/internal/deploy"
	"lockstep/internal/deploy/readiness"
	"lockstep/internal/fault"
	"lockstep/internal/fsx"
	"lockstep/internal/host"
	"lockstep/internal/pipeline"
	"lockstep/internal/repo"
	"lockstep/internal/report"
	"lockstep/tools"
)

// A doctorCheck is the result of checking one thing that this machine needs.
type doctorCheck struct {
	What  string `json:"what"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`
	// Remedy says how to fix it.
	Remedy string `json:"remedy,omitempty"`
	// For says what needs it.
	For string `json:"for,omitempty"`
	// Optional says that Lockstep works without it.
	Optional bool `json:"optional,omitempty"`
}

// A diagnosis is the result of doctor.
type diagnosis struct {
	report.Envelope
	Checks []doctorCheck `json:"checks"`
	// Accounts are the answers of the checks of accounts, with --live.
	Accounts []readiness.Answer `json:"accounts,omitempty"`
}

// A requirementsError is a machine that lacks something that Lockstep needs.
type requirementsError struct{ missing []string }

func (e *requirementsError) Error() string {
	return fmt.Sprintf("this machine lacks %s", enumerate(e.missing))
}

// Code returns the code of the error.
func (e *requirementsError) Code() fault.Code { return fault.MachineLacks }

func (a *app) doctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "doctor", Short: "Show what this machine lacks, and how to fix it", Args: noArgs,
		Long: `Check the tools, the configuration and the folders of this machine.

With --live, check the accounts too, those of --env or all of them: whose credentials you have, whether the roles can
be assumed, the version of the bootstrap and the rights of the deploy role, and what each account has of the resources
that it can have only once. What cannot be read is listed as not checked. Nothing is written.`,
		Annotations: map[string]string{localWithoutLive: ""},
		RunE: func(cmd *cobra.Command, _ []string) error {
			d := a.diagnose(cmd.Context())
			return a.finish(d, errors.Join(d.err(), a.checkAccounts(cmd.Context(), d)))
		},
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	return cmd
}

// checkAccounts checks the accounts on AWS, with --live.
func (a *app) checkAccounts(ctx context.Context, d *diagnosis) error {
	if !a.live {
		if a.env != "" {
			return usagef(fault.FlagConflict, "--env names accounts, which are checked with --live only: write both")
		}
		return nil
	}
	p, err := a.loadProject()
	if err != nil {
		return nil // the check of the configuration says it
	}
	environments, err := p.selectEnvironments(cmp.Or(a.env, "all"))
	if err != nil {
		return err
	}
	check := func(account *deploy.Deployment) error {
		answers, err := account.CheckAccount(ctx)
		d.Accounts = append(d.Accounts, answers...)
		return err
	}
	return a.session(p).ForEachAccount(ctx, environments, "doctor", deploy.ReadAccess, check)
}

// diagnose checks all that this machine needs.
func (a *app) diagnose(ctx context.Context) *diagnosis {
	return &diagnosis{Checks: slices.Concat(a.checkPreinstalled(ctx), a.checkInstalled(), a.checkProject())}
}

// err returns a requirementsError if something is missing that is not optional.
func (d *diagnosis) err() error {
	var missing []string
	for _, c := range d.Checks {
		if !c.OK && !c.Optional {
			missing = append(missing, c.What)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &requirementsError{missing}
}

// WriteText writes a line for each check, and below each that failed what needs it and how to fix it.
func (d *diagnosis) WriteText(w io.Writer) error {
	var rows [][]string
	for _, c := range d.Checks {
		mark := "ok"
		switch {
		case !c.OK && c.Optional:
			mark = "absent"
		case !c.OK:
			mark = "missing"
		}
		rows = append(rows, []string{mark, c.What, c.Found})
		if c.OK {
			continue
		}
		if c.For != "" {
			rows = append(rows, []string{"", "", "needed for " + c.For})
		}
		rows = append(rows, []string{"", "", "to fix it: " + c.Remedy})
	}
	for _, answer := range d.Accounts {
		rows = append(rows, accountRows(answer)...)
	}
	return writeLines(w, rows)
}

// accountRows returns the lines of a check of an account.
func accountRows(a readiness.Answer) [][]string {
	mark, found := string(a.State), a.Reason
	switch a.State {
	case readiness.Passed:
		mark = "ok"
	case readiness.Unreadable, readiness.NotHere:
		mark = "?"
		found = cmp.Or(found, string(a.State))
	}
	if len(a.Findings) > 0 {
		mark = "note"
	}
	rows := [][]string{{mark, a.Check, "account " + a.Account + " in " + a.Region + ": " + cmp.Or(found, string(a.State))}}
	if len(a.Findings) > 0 {
		rows[0][2] = "account " + a.Account + " in " + a.Region
	}
	for _, f := range a.Findings {
		rows = append(rows, []string{"", "", f.Problem + ": " + f.Remedy})
	}
	return rows
}

// checkPreinstalled checks the tools that the user has to install.
func (a *app) checkPreinstalled(ctx context.Context) []doctorCheck {
	var checks []doctorCheck
	for _, name := range slices.Sorted(maps.Keys(pipeline.Tools)) {
		tool := pipeline.Tools[name]
		if tool.Kind != pipeline.Preinstalled {
			continue
		}
		version, err := host.ToolVersion(ctx, a.Environ, name)
		c := doctorCheck{What: name, OK: err == nil, Found: version, For: tool.Purpose, Optional: tool.Optional}
		if err != nil {
			c.Found, c.Remedy = "missing or not working", tool.Remedy
			var missing *host.MissingToolError
			if errors.As(err, &missing) && missing.Found != "" {
				c.Found = missing.Found + " is too old"
			}
		}
		checks = append(checks, c)
	}
	return checks
}

// checkInstalled checks the tools that Lockstep installs when a step first needs them. One that is not installed is not
// missing.
func (a *app) checkInstalled() []doctorCheck {
	installer, err := tools.NewInstaller(a.Environ, a.printProgress)
	if err != nil {
		return []doctorCheck{{What: "tools", Found: err.Error(), Remedy: "set HOME or XDG_CACHE_HOME"}}
	}
	var checks []doctorCheck
	for _, name := range tools.InstallableNames() {
		state, dir := installer.State(name)
		tool := pipeline.Tools[name]
		c := doctorCheck{What: name, OK: true, Optional: true, For: tool.Purpose, Found: tool.Version + " in " + dir}
		switch state {
		case tools.Absent:
			c.Found = tool.Version + ", to be installed when it is first needed"
		case tools.Damaged:
			c.OK, c.Found, c.Remedy = false, "damaged in "+dir, "lockstep tools install "+name
		}
		checks = append(checks, c)
	}
	return checks
}

// checkProject checks the project's configuration.
func (a *app) checkProject() []doctorCheck {
	c := doctorCheck{What: "configuration"}
	p, err := a.loadProject()
	if err != nil {
		c.Found, c.Remedy = err.Error(), "fix what is named, then run `lockstep config validate`"
		return []doctorCheck{c}
	}
	c.OK, c.Found = true, enumerate(p.config.Names())
	_ = repo.MakeState(p.root) // the check says what is wrong with the folder
	return []doctorCheck{c, checkStateDir(p.statePath())}
}

// checkStateDir checks that files can be written in the project's state folder, which it creates, and in the folders
// that are in it. Another user may own them: root in a container, for example.
func checkStateDir(dir string) doctorCheck {
	c := doctorCheck{What: "writable .lockstep", OK: true, Found: dir, For: "logs, the cache and the emulated accounts"}
	if err := tryWriteBelow(dir); err != nil {
		c.OK, c.Found = false, err.Error()
		c.Remedy = "make it writable, or remove " + dir + ": it holds nothing of what is deployed"
	}
	return c
}

// tryWriteBelow returns an error if no file can be created in a folder, which need not exist, or in one of the folders
// in it.
func tryWriteBelow(dir string) error {
	if err := os.MkdirAll(dir, fsx.PrivateDir); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !entry.IsDir() {
			continue
		}
		if err := tryWrite(filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return tryWrite(dir)
}

// tryWrite returns an error if no file can be created in a folder.
func tryWrite(dir string) error {
	file, err := os.CreateTemp(dir, ".doctor-")
	if err != nil {
		return err
	}
	return errors.Join(file.Close(), os.Remove(file.Name()))
}
