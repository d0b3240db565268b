package pipeline

import (
	"slices"
	"strings"

	"lockstep/config"
)

// MayBeAbsent returns a function that reports whether a run goes on without a gate that cannot run: any gate if the
// run is not strict, and otherwise those that the configuration of each of the environments allows. Such a gate has
// not passed all the same.
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
