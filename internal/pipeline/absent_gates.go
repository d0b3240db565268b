package pipeline

import (
	"slices"
	"strings"

	"lockstep/config"
)

// MayBeAbsent says which gates a run goes on without where they cannot do their work: all of them where a person tries something out, and in a strict run
// those that the configuration of every environment at hand allows to be absent. None of them counts as passed.
func MayBeAbsent(strict bool, environments []config.Environment) func(Step) bool {
	return func(s Step) bool {
		if !slices.Contains(GateStages, s.Stage) {
			return false
		}
		name, _, _ := strings.Cut(s.Name, ":")
		return !strict || len(environments) > 0 && !slices.ContainsFunc(environments, func(env config.Environment) bool {
			return !slices.Contains(env.Gates.MayBeAbsent, name)
		})
	}
}
