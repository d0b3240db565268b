package cli

import (
	"context"

	"github.com/spf13/cobra"

	cdkapp "lockstep/internal/app"
	"lockstep/internal/display"
)

// runAppName is the name of the command that runs the CDK app.
const runAppName = "run-app"

// runAppCommand returns the command with which the step synth runs the CDK app, on this machine and in a container.
func (a *app) runAppCommand() *cobra.Command {
	out := ""
	var runner cdkapp.App
	cmd := &cobra.Command{
		Use: runAppName + " --out FOLDER [-- COMMAND]", Hidden: true,
		Short: "Run the CDK app for every environment", Args: numberOfArgs(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.inProject(func(ctx context.Context, p *project) (result, error) {
				runner.Root, runner.Environ, runner.Log = p.root, a.Environ, display.Terminal(a.Stdout)
				if len(args) > 0 {
					runner.Command = args[0]
				}
				return nil, runner.Synthesise(ctx, p.config, out)
			})(cmd, args)
		},
	}
	flags := cmd.Flags()
	addPathFlag(flags, &out, "out", "the folder of the cloud assemblies")
	flags.StringVar(&runner.Folder, "folder", "", "where the app is, relative to the repository")
	flags.StringVar(&runner.Language, "language", "", "the language of the app")
	flags.StringVar(&runner.Install, "install", "", "the command that installs its dependencies")
	flags.BoolVar(&runner.Once, "once", false, "one run writes the assemblies of all environments")
	return cmd
}
