package stages

import (
	"lockstep/config"
	"lockstep/infra/stacks"
	"lockstep/internal/pipeline"
)

// toolingStages returns the table of the tooling account's stages.
func toolingStages(c *config.Config) []stage {
	return []stage{
		{"events", func(p *stacks.Scope) error {
			stacks.AddEvents(p.NewStack("events", "who hears of the pipeline"), stacks.EventsProps{
				Owners: c.Pipeline.Owners, Project: c.Pipeline.Project, LogDays: c.Pipeline.LogDays, Pipelines: pipeline.Pipelines(c),
			})
			return nil
		}},
		{"pipeline", func(p *stacks.Scope) error {
			return stacks.AddPipelines(p.NewStack("pipeline", "the pipelines"), stacks.PipelinesProps{Pipeline: c.Pipeline, Environments: c.Environments, Pipelines: pipeline.Pipelines(c)})
		}},
	}
}
