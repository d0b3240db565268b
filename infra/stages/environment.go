// Package stages owns which stacks an environment has and in which order they come. It knows nothing of what is in them.
package stages

import (
	"fmt"

	"lockstep/config"
	"lockstep/infra/plugins"
	"lockstep/infra/stacks"
)

// A stage is a part of an account that is deployed whole before the next one begins.
type stage struct {
	name  string
	build func(*stacks.Place) error
}

// of are the stages of an environment, or of the tooling account, in their order.
func of(c *config.Config, env config.Environment) []stage {
	if env.Name == config.Tooling {
		return tooling(c)
	}
	return environment
}

// environment is the table of an environment's stages.
var environment = []stage{
	{"artefact", artefact},
	{"plugins", wantedPlugins},
	{"shared", shared},
}

// artefact is what the platform's programs are configured by.
func artefact(p *stacks.Place) error {
	stacks.Artefact(p.Stack("artefact", "the configuration, as SSM parameters"), stacks.ArtefactProps{Project: p.Pipeline.Project, Environment: p.Environment})
	return nil
}

// wantedPlugins are the parts that this environment's configuration names.
func wantedPlugins(p *stacks.Place) error {
	wanted, err := plugins.Wanted(p.Environment)
	if err != nil {
		return err
	}
	for _, plugin := range wanted {
		if err := plugin.Build(p); err != nil {
			return fmt.Errorf("plugin %s: %w", plugin.Name, err)
		}
	}
	return nil
}

// shared is what watches all the rest, and whom it tells.
func shared(p *stacks.Place) error {
	env := p.Environment
	topics := stacks.Notifications(p.Stack("notifications", "who hears of what"), stacks.NotificationsProps(env.Notifications))
	governance := stacks.GovernanceProps{Governance: env.Governance, Topics: topics, Budget: env.Budget, LogDays: env.LogDays, Protected: env.TerminationProtection}
	if governance.Any() { // CloudFormation takes no empty stack
		stacks.Governance(p.Stack("governance", "cost, audit and compliance of the account"), governance)
	}
	return nil
}
