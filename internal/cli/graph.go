package cli

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"lockstep/internal/pipeline"
)

func (a *app) graphCommand() *cobra.Command {
	format := "text"
	cmd := &cobra.Command{
		Use: "graph", Short: "Show the steps, what they wait for, and the digest of it all", Args: noArgs,
		Long: `Show the whole table of steps as a graph. Its digest covers every command, declared input, output, variable and image: two
runs that print the same digest ran the same pipeline.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if a.json {
				format = "json"
			}
			draw, ok := pipeline.DrawFuncs[format]
			if !ok {
				return usagef("--format %s: write one of %s", format, graphFormats())
			}
			p, err := a.loadProject()
			if err != nil {
				return err
			}
			g, err := p.graph()
			if err != nil {
				return err
			}
			if a.env != "" {
				envs, err := a.selectedEnvironments(p)
				if err != nil {
					return err
				}
				chosen := environmentNames(envs)
				g = g.Select(func(s pipeline.Step) bool { return s.Environment == "" || slices.Contains(chosen, s.Environment) })
			}
			return draw(a.Stdout, g)
		},
	}
	cmd.Flags().StringVar(&format, "format", format, graphFormats())
	a.addEnvFlag(cmd)
	return cmd
}

func graphFormats() string { return enumerate(slices.Sorted(maps.Keys(pipeline.DrawFuncs))) }
