// Package stages owns which stacks an environment has and in which order. It knows nothing of what is in them.
package stages

import (
	"fmt"

	"lockstep/config"
	"lockstep/infra/plugins"
	"lockstep/infra/stacks"
)

// A stage is a part of an account that is deployed completely before the next one.
type stage struct {
	name  string
	build func(*stacks.Scope) error
}

// stagesFor returns the stages of an environment, or of the tooling account, in order.
func stagesFor(c *config.Config, env config.Environment) []stage {
	if env.Name == config.ToolingEnvironment {
		return toolingStages(c)
	}
	return environmentStages
}

// environmentStages is the table of an environment's stages.
var environmentStages = []stage{
	{"artefact", buildArtefact},
	{"plugins", buildPlugins},
	{"shared", buildShared},
}

// buildArtefact adds the configuration of the platform's programs.
func buildArtefact(scope *stacks.Scope) error {
	stacks.AddArtefact(scope.NewStack("artefact", "the configuration, as SSM parameters"),
		stacks.ArtefactProps{Project: scope.Pipeline.Project, Environment: scope.Environment})
	return nil
}

// buildPlugins adds the plugins of the environment.
func buildPlugins(scope *stacks.Scope) error {
	selected, err := plugins.ForEnvironment(scope.Environment)
	if err != nil {
		return err
	}
	for _, plugin := range selected {
		if err := plugin.Build(scope); err != nil {
			return fmt.Errorf("plugin %s: %w", plugin.Name, err)
		}
	}
	return nil
}

// buildShared adds the topics that people are notified on and what monitors the account.
func buildShared(scope *stacks.Scope) error {
	env := scope.Environment
	topics := stacks.AddNotifications(scope.NewStack("notifications", "who hears of what"),
		stacks.NotificationsProps(env.Notifications))
	governance := stacks.GovernanceProps{
		Governance: env.Governance, Topics: topics, Budget: env.Budget,
		LogDays: env.LogDays, Protected: env.TerminationProtection,
		IsFurtherRegion: env.IsFurtherRegion, HasCostAnomalyDetection: config.HasCostAnomalyDetection(env.Region),
	}
	if governance.HasResources() { // CloudFormation refuses an empty stack
		stacks.AddGovernance(scope.NewStack("governance", "cost, audit and compliance of the account"), governance)
	}
	return nil
}
