package stages

import (
	"lockstep/config"
	"lockstep/infra/stacks"
	"lockstep/internal/pipeline"
)

// tooling is the table of the tooling account's stages.
func tooling(c *config.Config) []stage {
	return []stage{
		{"events", func(p *stacks.Place) error {
			stacks.Events(p.Stack("events", "who hears of the pipeline"), stacks.EventsProps{
				Owners: c.Pipeline.Owners, Project: c.Pipeline.Project, LogDays: c.Pipeline.LogDays, Lines: pipeline.Delivery(c),
			})
			return nil
		}},
		{"pipeline", func(p *stacks.Place) error {
			return stacks.Pipeline(p.Stack("pipeline", "the pipelines"), stacks.PipelineProps{Pipeline: c.Pipeline, Environments: c.Environments, Lines: pipeline.Delivery(c)})
		}},
	}
}
