package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"lockstep/internal/gate"
	"lockstep/internal/pipeline"
	"lockstep/internal/report"
)

func (a *app) fixCommand() *cobra.Command {
	rebase := false
	cmd := &cobra.Command{
		Use: "fix", Short: "Mend what gates find and a program can mend", Args: noArgs,
		Long: `Give Go code and Markdown their form, make go.mod say what is imported, let golangci-lint mend what it can, and raise the coverage floor to what the
last run of the unit tests covered. It changes files: look at them before you commit. The waivers are yours to change.

With --baseline it does one thing only: it takes everything that looks like a secret now into .secrets.baseline. Look through what that changes.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.loadProject()
			if err != nil {
				return err
			}
			steps := pipeline.FixSteps()
			if rebase {
				steps = pipeline.UpdateBaselineSteps()
			}
			g, err := pipeline.NewGraph(steps)
			if err != nil {
				return err
			}
			if err := a.raiseCoverageFloor(p); err != nil {
				return err
			}
			return a.runJob(cmd.Context(), job{command: "fix", mode: report.Local, project: p, environments: p.config.Environments, graph: g})
		},
	}
	cmd.Flags().BoolVar(&rebase, "baseline", false, "take what looks like a secret now into the baseline, and mend nothing")
	return cmd
}

// floorMargin is how much better the coverage must be, in percent of the statements, before the floor is raised: it varies a little from run to run.
const floorMargin = 0.5

// raiseCoverageFloor raises the coverage floor to what the tests last covered. It never lowers it.
func (a *app) raiseCoverageFloor(p *project) error {
	covered, err := gate.CoveragePercent(p.root)
	if err != nil {
		return nil //nolint:nilerr // the tests have not been run here, so there is nothing to learn from them
	}
	file := filepath.Join(p.root, filepath.FromSlash(pipeline.CoverageFloor))
	text, err := os.ReadFile(file)
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
	return os.WriteFile(file, fmt.Appendf(nil, "%.1f\n", covered-floorMargin), 0o644)
}
