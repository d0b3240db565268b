package cli

import (
	"context"
	"fmt"
	"io"

	"lockstep/internal/deploy/staging"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/display"
	"lockstep/internal/fault"
	"lockstep/internal/report"
)

// A garbageResult is the result of garbage.
type garbageResult struct {
	report.Envelope
	Removed bool              `json:"removed"`
	Objects []staging.Garbage `json:"objects"`
}

// defaultReleasesKept is how many releases are kept whole.
const defaultReleasesKept = 10

func (a *app) garbageCommand() *cobra.Command {
	keep := defaultReleasesKept
	remove := false
	cmd := &cobra.Command{
		Use: "garbage", Args: noArgs,
		Short: "List what old releases have left in the account and no stack uses, or remove it",
		Long: `List the published files and kept assemblies of releases older than the newest ones that are kept,
as far as no stack in the account mentions them. --remove removes them, under the lock. Release records are
never removed, nor anything that no release of the environment ever needed.`,
		RunE: a.inEnvironments(func(ctx context.Context, p *project, environments []config.Environment) (result, error) {
			if keep < deploy.MinReleasesKept {
				return nil, usagef(fault.FlagValue,
					"--keep %d: at least %d releases are kept, because going back needs the one before",
					keep, deploy.MinReleasesKept)
			}
			r, rights := &garbageResult{Removed: remove}, deploy.ReadAccess
			if remove {
				rights = deploy.DeployAccess
			}
			err := a.session(p).ForEachAccount(ctx, environments, "garbage", rights, func(d *deploy.Deployment) error {
				list := d.Garbage
				if remove {
					list = d.DeleteGarbage
				}
				objects, err := list(ctx, keep)
				r.Objects = append(r.Objects, objects...)
				return err
			})
			if err != nil {
				return nil, err
			}
			return r, nil
		}),
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	cmd.Flags().IntVar(&keep, "keep", keep, "how many releases are kept whole")
	cmd.Flags().BoolVar(&remove, "remove", false, "remove it")
	return cmd
}

func (r *garbageResult) WriteText(w io.Writer) error {
	var bytes int64
	for _, g := range r.Objects {
		bytes += g.Size
		if _, err := fmt.Fprintf(w, "%s  %d bytes, last needed by release %d\n",
			display.Line(g.Key), g.Size, g.Release); err != nil {
			return err
		}
	}
	verb := "can be removed with --remove"
	if r.Removed {
		verb = "were removed"
	}
	_, err := fmt.Fprintf(w, "%d objects with %d bytes %s\n", len(r.Objects), bytes, verb)
	return err
}
