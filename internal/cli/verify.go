package cli

import (
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"lockstep/internal/pipeline"
	"lockstep/internal/rollout"
)

// The values of --against.
const (
	againstRelease = "release"
	againstSource  = "source"
)

func (a *app) verifyCommand() *cobra.Command {
	return a.newRolloutCommand(rolloutCommand{
		stage: pipeline.Verify, stages: []pipeline.Stage{pipeline.Verify}, keepGoing: true,
		short: "Check that what is deployed is what was released",
		long: `Check that every stack of the environment exists, is in a good state and as the cloud assembly of
its newest release wants it, and that each of its resources is complete. The account itself keeps that assembly, so a
verification passes after a rollback too. Nothing is written.

With --against source, what is deployed is compared with what the files here synthesise. With --assembly it is
compared with that assembly.`,
		addFlags: func(f *rolloutFlags, flags *pflag.FlagSet) {
			flags.StringVar(&f.against, "against", "", "what to compare with: release, the newest one, which is the default, "+
				"or source, what the files here synthesise")
		},
		source: func(f *rolloutFlags) rollout.Source {
			if f.against == againstSource {
				return nil
			}
			return rollout.Deployed{}
		},
		operation: func(*rolloutFlags) rollout.Operation { return rollout.Verify{} },
	})
}
