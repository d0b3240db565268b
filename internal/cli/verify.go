package cli

import (
	"github.com/spf13/cobra"

	"lockstep/internal/pipeline"
	"lockstep/internal/rollout"
)

func (a *app) verifyCommand() *cobra.Command {
	return a.newRolloutCommand(rolloutCommand{
		stage: pipeline.Verify, stages: []pipeline.Stage{pipeline.Verify},
		short: "Check that what is deployed is what the assembly holds",
		long: `Check that every stack of the environment exists, is in a good state and as the assembly wants it,
and that each of its resources is complete. Nothing is written.`,
		operation: func(*rolloutFlags) rollout.Operation { return rollout.Verify{} },
	})
}
