package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/deploy"
)

func (a *app) statusCommand() *cobra.Command {
	releases := 0
	cmd := &cobra.Command{
		Use: "status", Short: "Show what is deployed where, by whom, and who is at work", Args: noArgs,
		Long: `Show the newest release of every environment side by side, who holds its lock, and whether a run was cut off. The release records are verified: one that was
changed by another hand is named. Nothing is written.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.loadProject()
			if err != nil {
				return err
			}
			envs := p.config.Environments
			if a.env != "" {
				if envs, err = a.selectedEnvironments(p); err != nil {
					return err
				}
			}
			statuses, err := a.statuses(cmd.Context(), p, envs, releases)
			if err != nil {
				return err
			}
			if a.json {
				err = json.NewEncoder(a.Stdout).Encode(map[string]any{"event": "summary", "command": "status", "mode": a.mode(), "environments": statuses})
			} else {
				a.showStatuses(statuses)
			}
			if err != nil {
				return err
			}
			for _, s := range statuses {
				if s.Tampered {
					return fmt.Errorf("%s: %s", s.Environment, s.Problem)
				}
			}
			return nil
		},
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	cmd.Flags().IntVar(&releases, "releases", 0, "show so many earlier releases too")
	return cmd
}

func (a *app) statuses(ctx context.Context, p *project, envs []config.Environment, releases int) ([]deploy.Status, error) {
	var out []deploy.Status
	if _, err := os.Stat(p.statePath("rehearsal", "state")); !a.live && err != nil {
		for _, env := range envs { // there never were any emulated accounts, and to look is no reason to make some
			out = append(out, deploy.Status{Target: target(p, env), Problem: "nothing was deployed yet"})
		}
		return out, nil
	}
	way, err := a.acquireAccess(ctx, p, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = way.release() }() // what was read was read
	for _, env := range envs {
		for _, part := range env.Accounts() {
			d, err := a.openAccount(ctx, way, p, part, "status", nil)
			if err != nil {
				return nil, err
			}
			out = append(out, d.Status(ctx, releases))
		}
	}
	return out, nil
}

func (a *app) showStatuses(statuses []deploy.Status) {
	w := tabwriter.NewWriter(a.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "environment\taccount\tregion\trelease\tassembly\tcommit\twhen\tby")
	for _, s := range statuses {
		if len(s.Releases) == 0 {
			fmt.Fprintf(w, "%s\t%s\t%s\t-\t-\t-\t-\t-\n", s.Environment, s.Account, s.Region)
		}
		for _, r := range s.Releases {
			number := fmt.Sprint(r.Number)
			if r.Restores > 0 {
				number = fmt.Sprintf("%d (back to %d)", r.Number, r.Restores)
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.12s\t%.12s\t%s\t%s\n", s.Environment, s.Account, s.Region, number, r.SynthDigest, orDash(r.Commit), r.At.Format(time.DateTime), r.CallerARN)
		}
	}
	_ = w.Flush() // who does not read on has no use for an error either
	for _, s := range statuses {
		for _, note := range s.Notes() {
			fmt.Fprintf(a.Stdout, "%s: %s\n", s.Environment, note)
		}
	}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func (a *app) unlockCommand() *cobra.Command {
	holder := ""
	cmd := &cobra.Command{
		Use: "unlock --env ENV --holder ID", Short: "Take an environment's lock away from a run that is gone for good", Args: noArgs,
		Long: `A lock needs this hardly ever: that of a run that was killed on this machine is taken over at once, and that of a run on another machine a minute after its last
sign of life. A run that is still at work notices before its next write, and stops.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.loadProject()
			if err != nil {
				return err
			}
			envs, err := a.selectedEnvironments(p)
			if err != nil {
				return err
			}
			if holder == "" {
				return usagef("whose lock? Write --holder with the id that `lockstep status --env %s` shows", a.env)
			}
			err = a.forEachAccount(cmd.Context(), p, envs, "unlock", func(_ config.EnvironmentAccount, d *deploy.Deployment) error { return d.Unlock(cmd.Context(), holder) })
			if err != nil {
				return err
			}
			return a.printResult(fmt.Sprintf("%s is unlocked", enumerate(environmentNames(envs))))
		},
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	cmd.Flags().StringVar(&holder, "holder", "", "the id of the run that holds the lock")
	return cmd
}
