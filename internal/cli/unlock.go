package cli

import (
	"context"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/deploy"
	"lockstep/internal/fault"
)

func (a *app) unlockCommand() *cobra.Command {
	holder := ""
	cmd := &cobra.Command{
		Use: "unlock --env ENV --holder ID", Args: noArgs,
		Short: "Take an environment's lock away from a run that is gone for good",
		Long: `A lock needs this hardly ever: that of a run that was killed on this machine is taken over at
once, and that of a run on another machine a minute after its last heartbeat. A run that is still at work
notices before its next write, and stops.`,
		RunE: a.inEnvironments(func(ctx context.Context, p *project, environments []config.Environment) (result, error) {
			if holder == "" {
				return nil, usagef(fault.FlagMissing,
					"whose lock? Write --holder with the id that `lockstep status --env %s` shows", a.env)
			}
			unlock := func(d *deploy.Deployment) error { return d.Unlock(ctx, holder) }
			err := a.session(p).ForEachAccount(ctx, environments, "unlock", deploy.DeployAccess, unlock)
			if err != nil {
				return nil, err
			}
			return messagef("%s is unlocked", enumerate(environmentNames(environments))), nil
		}),
	}
	a.addEnvFlag(cmd)
	a.addLiveFlag(cmd)
	cmd.Flags().StringVar(&holder, "holder", "", "the id of the run that holds the lock")
	return cmd
}
