package stages

import (
	"lockstep/config"
	"lockstep/infra/stacks"
)

// tooling is the table of the tooling account's stages.
func tooling(c *config.Config) []stage {
	return []stage{
		{"pipeline", func(p *stacks.Place) error {
			stacks.Events(p.Stack("events", "who hears of the pipeline"), stacks.EventsProps{
				Owners: c.Pipeline.Owners, Project: c.Pipeline.Project, LogDays: c.Pipeline.LogDays,
			})
			return nil
		}},
	}
}
