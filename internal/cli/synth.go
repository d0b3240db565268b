package cli

import (
	"context"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/pipeline"
)

func (a *app) synthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "synth", Short: "Synthesise the cloud assemblies, cdk-nag included", Args: noArgs,
		Long: `Build the CDK app and run it once for all environments and the tooling account. The cloud assembly
of an environment is written to ` + pipeline.AssemblyDir("ENV") + `. Nothing is built or run again whose inputs
have not changed.`,
		RunE: a.inEnvironments(func(ctx context.Context, p *project, environments []config.Environment) (result, error) {
			return a.synthesise(ctx, p, environments)
		}),
	}
	a.addEnvFlag(cmd)
	return cmd
}
