package cli

import (
	"context"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"lockstep/internal/fault"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
)

// A graphResult is the result of graph.
type graphResult struct {
	report.Envelope
	Digest string          `json:"digest"`
	Steps  []pipeline.Step `json:"steps"`

	graph *pipeline.Graph
	draw  func(io.Writer, *pipeline.Graph) error
}

func (r *graphResult) WriteText(w io.Writer) error { return r.draw(w, r.graph) }

func (a *app) graphCommand() *cobra.Command {
	format := "text"
	cmd := &cobra.Command{
		Use: "graph", Short: "Show the steps, what they wait for, and the digest of it all", Args: noArgs,
		Long: `Show the whole table of steps as a graph. Its digest covers every command, declared input, output,
variable and image: two runs that print the same digest ran the same pipeline.`,
		RunE: a.inProject(func(_ context.Context, p *project) (result, error) {
			draw, ok := pipeline.DrawFuncs[format]
			if !ok {
				return nil, usagef(fault.FlagValue, "--format %s: write one of %s", format, graphFormats())
			}
			if format == "json" {
				a.json = true
			}
			g, err := p.graph()
			if err != nil {
				return nil, err
			}
			if a.env != "" {
				environments, err := p.selectEnvironments(a.env)
				if err != nil {
					return nil, err
				}
				g = g.Select(func(s pipeline.Step) bool { return belongsTo(s, environments) })
			}
			return &graphResult{Digest: g.Digest(), Steps: g.Steps(), graph: g, draw: draw}, nil
		}),
	}
	cmd.Flags().StringVar(&format, "format", format, graphFormats())
	a.addEnvFlag(cmd)
	return cmd
}

func graphFormats() string { return enumerate(slices.Sorted(maps.Keys(pipeline.DrawFuncs))) }
