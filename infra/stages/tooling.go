package stages

import (
	"lockstep/config"
	"lockstep/infra/stacks"
	"lockstep/internal/pipeline"
)

// toolingStages returns the table of the tooling account's stages: the pipelines, or the roles of those in another
// service.
func toolingStages(c *config.Config) []stage {
	if c.Pipeline.Workflows != nil {
		return []stage{{"workflows", func(scope *stacks.Scope) error {
			stacks.AddWorkflows(scope.NewStack("workflows", "the roles of the jobs of "+c.Pipeline.Workflows.Service),
				stacks.WorkflowsProps{
					Pipeline: c.Pipeline, Environments: c.Environments, Pipelines: pipeline.WorkflowPipelines(c),
				})
			return nil
		}}}
	}
	return []stage{
		{"events", func(scope *stacks.Scope) error {
			stacks.AddEvents(scope.NewStack("events", "who hears of the pipeline"), stacks.EventsProps{
				Owners: c.Pipeline.Owners, Project: c.Pipeline.Project, LogDays: c.Pipeline.LogDays,
				Pipelines: pipeline.Pipelines(c), Environments: c.Names(),
			})
			return nil
		}},
		{"pipeline", func(scope *stacks.Scope) error {
			return stacks.AddPipelines(scope.NewStack("pipeline", "the pipelines"),
				stacks.PipelinesProps{Pipeline: c.Pipeline, Environments: c.Environments, Pipelines: pipeline.Pipelines(c)})
		}},
	}
}
