package command

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"lockstep/config"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
)

func (a *app) checkCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Run every gate: " + enumerate(stageNames(pipeline.Gates)), Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runStages(cmd, pipeline.Gates) },
	}
}

func (a *app) synthCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "synth", Short: "Synthesise the cloud assemblies, cdk-nag included", Args: noArgs,
		Long: `Build the CDK app and run it once for all environments and the tooling account. The cloud assembly of an environment is left
under ` + pipeline.AssemblyDir("ENV") + `. Nothing is built or run again whose inputs have not changed.`,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runStages(cmd, []pipeline.Stage{pipeline.Synth}) },
	}
	a.addEnv(cmd)
	return cmd
}

// runStages runs the steps of the stages that reach for no account; of those that exist per environment, the ones that --env names.
func (a *app) runStages(cmd *cobra.Command, stages []pipeline.Stage) error {
	p, err := a.open()
	if err != nil {
		return err
	}
	envs := p.config.Environments
	if cmd.Flags().Lookup("env") != nil {
		if envs, err = a.environments(p); err != nil {
			return err
		}
	}
	g, err := p.graph()
	if err != nil {
		return err
	}
	return a.runJob(cmd.Context(), job{
		command: cmd.Name(), mode: report.Local, project: p, environments: envs, graph: choose(g, stages, envs),
	})
}

// choose is the part of the graph that has the stages, and of those that exist once for each environment the named ones'.
func choose(g *pipeline.Graph, stages []pipeline.Stage, envs []config.Environment) *pipeline.Graph {
	chosen := names(envs)
	return g.Select(func(s pipeline.Step) bool {
		return slices.Contains(stages, s.Stage) && (s.Environment == "" || slices.Contains(chosen, s.Environment))
	})
}

func stageNames(stages []pipeline.Stage) []string {
	var out []string
	for _, s := range stages {
		out = append(out, fmt.Sprint(s))
	}
	return out
}
