package cli

import (
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/deploy/staging"
)

func (a *app) garbageCommand() *cobra.Command {
	keep, remove := 10, false
	cmd := &cobra.Command{
		Use: "garbage", Short: "List what old releases have left in the account and no stack uses, or remove it", Args: noArgs,
		Long: `List the published files and kept assemblies of releases older than the newest ones that are kept, as far as no stack in the account mentions them. --remove
removes them, under the lock. Release records are never removed, nor anything that no release of the environment ever needed.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.loadProject()
			if err != nil {
				return err
			}
			envs, err := a.selectedEnvironments(p)
			if err != nil {
				return err
			}
			if keep < deploy.MinReleasesKept {
				return usagef("--keep %d: at least %d releases are kept, because going back needs the one before", keep, deploy.MinReleasesKept)
			}
			var found []staging.Garbage
			err = a.forEachAccount(cmd.Context(), p, envs, "garbage", func(_ config.EnvironmentAccount, d *deploy.Deployment) error {
				list := d.Garbage
				if remove {
					list = d.DeleteGarbage
				}
				some, err := list(cmd.Context(), keep)
				found = append(found, some...)
				return err
			})
			if err != nil {
				return err
			}
			return a.showGarbage(found, remove)
		},
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	cmd.Flags().IntVar(&keep, "keep", keep, "how many releases are kept whole")
	cmd.Flags().BoolVar(&remove, "remove", false, "remove it")
	return cmd
}

func (a *app) showGarbage(found []staging.Garbage, removed bool) error {
	if a.json {
		return json.NewEncoder(a.Stdout).Encode(map[string]any{"event": "summary", "command": "garbage", "mode": a.mode(), "removed": removed, "objects": found})
	}
	var size int64
	for _, g := range found {
		size += g.Size
		fmt.Fprintf(a.Stdout, "%s  %d bytes, last needed by release %d\n", g.Key, g.Size, g.Release)
	}
	verb := "can be removed with --remove"
	if removed {
		verb = "were removed"
	}
	_, err := fmt.Fprintf(a.Stdout, "%d objects with %d bytes %s\n", len(found), size, verb)
	return err
}
