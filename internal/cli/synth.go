package cli

import (
	"context"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
)

func (a *app) synthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "synth", Short: "Synthesise the cloud assemblies, cdk-nag included", Args: noArgs,
		Long: `Build the CDK app and run it once for all environments and the tooling account. The cloud assembly
of an environment is written to ` + pipeline.AssemblyDir("ENV") + `. Nothing is built or run again whose inputs
have not changed.`,
		RunE: a.inEnvironments(func(ctx context.Context, p *project, environments []config.Environment) (result, error) {
			g, err := p.graph()
			if err != nil {
				return nil, err
			}
			return a.runJob(ctx, job{
				command: "synth", mode: report.Local, project: p, environments: environments,
				graph: selectSteps(g, []pipeline.Stage{pipeline.Synth}, environments),
			})
		}),
	}
	a.addEnvFlag(cmd)
	return cmd
}
