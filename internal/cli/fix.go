package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"lockstep/internal/fsx"
	"lockstep/internal/gate"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
)

func (a *app) fixCommand() *cobra.Command {
	updateBaseline := false
	cmd := &cobra.Command{
		Use: "fix", Short: "Fix what gates find and a program can fix", Args: noArgs,
		Long: `Format Go code and Markdown, make go.mod say what is imported, let golangci-lint fix what it can,
and raise the coverage floor to what the last run of the unit tests covered. It changes files: look at them
before you commit. The waivers are yours to change.

With --baseline it does one thing only: it takes everything that looks like a secret now into .secrets.baseline.
Look through what that changes.`,
		RunE: a.inProject(func(ctx context.Context, p *project) (result, error) {
			steps := pipeline.UpdateBaselineSteps()
			if !updateBaseline {
				steps = pipeline.FixSteps()
				if err := a.raiseCoverageFloor(p); err != nil {
					return nil, err
				}
			}
			g, err := pipeline.NewGraph(steps)
			if err != nil {
				return nil, err
			}
			return a.runJob(ctx, job{
				command: "fix", mode: report.Local, project: p, environments: p.config.Environments, graph: g,
			})
		}),
	}
	cmd.Flags().BoolVar(&updateBaseline, "baseline", false,
		"take what looks like a secret now into the baseline, and fix nothing")
	return cmd
}

// floorMargin is how far the coverage floor stays below the coverage, in percent of the statements: the coverage varies
// a little from run to run.
const floorMargin = 0.5

// maxFloorBytes is more than a percentage and its comment.
const maxFloorBytes = 64 << 10

// raiseCoverageFloor raises the coverage floor to what the tests last covered. It never lowers it.
func (a *app) raiseCoverageFloor(p *project) error {
	covered, err := gate.CoveragePercent(p.root)
	if err != nil {
		return nil //nolint:nilerr // the tests have not been run here
	}
	file := p.path(pipeline.CoverageFloor)
	text, err := fsx.ReadFile(file, maxFloorBytes)
	if err != nil {
		return err
	}
	floor, err := gate.ParseFloor(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", pipeline.CoverageFloor, err)
	}
	if covered-floorMargin <= floor {
		return nil
	}
	a.printProgress(fmt.Sprintf("the coverage floor rises from %.1f %% to %.1f %%", floor, covered-floorMargin))
	return fsx.WriteBelow(p.root, pipeline.CoverageFloor, fmt.Appendf(nil, "%.1f\n", covered-floorMargin), fsx.PublicFile)
}
