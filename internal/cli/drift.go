package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/cfn"
)

// A DriftError is an environment in which something was changed by another hand.
type DriftError struct{ Stacks []string }

func (e *DriftError) Error() string { return "drifted: " + enumerate(e.Stacks) }

func (a *app) driftCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "drift", Short: "Show what was changed by hand in what is deployed", Args: noArgs,
		Long: `Let CloudFormation compare every stack of the newest release with what there really is, and show each resource that differs, property by property. Ends with 1
where anything differs. Nothing is written.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.loadProject()
			if err != nil {
				return err
			}
			envs, err := a.selectedEnvironments(p)
			if err != nil {
				return err
			}
			var found []cfn.Drift
			err = a.forEachAccount(cmd.Context(), p, envs, "drift", func(_ config.EnvironmentAccount, d *deploy.Deployment) error {
				drifts, err := d.Drift(cmd.Context())
				found = append(found, drifts...)
				return err
			})
			if err != nil {
				return err
			}
			return a.showDrift(found)
		},
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	return cmd
}

func (a *app) showDrift(found []cfn.Drift) error {
	drifted := &DriftError{}
	for _, d := range found {
		if d.Drifted() {
			drifted.Stacks = append(drifted.Stacks, d.Stack)
		}
	}
	if a.json {
		summary := map[string]any{"event": "summary", "command": "drift", "mode": a.mode(), "stacks": found, "drifted": drifted.Stacks}
		if err := json.NewEncoder(a.Stdout).Encode(summary); err != nil {
			return err
		}
	} else {
		for _, d := range found {
			fmt.Fprintln(a.Stdout, d)
		}
	}
	if len(drifted.Stacks) > 0 {
		return drifted
	}
	return nil
}
