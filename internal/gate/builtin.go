package gate

import (
	"fmt"
	"strings"

	"lockstep/internal/fault"
	"lockstep/internal/gate/findings"
)

// builtinGates are the gates that Lockstep checks itself, without another program, by the names of their steps.
var builtinGates = map[string]func(Gate) (findings.Report, error){
	"coverage": checkCoverage,
	"images":   checkImages,
	"waivers":  checkWaivers,
}

// checkBuiltin runs the built-in gate that has the name of the step.
func (g Gate) checkBuiltin() (outcome, error) {
	check, ok := builtinGates[builtinName(g.Name)]
	if !ok {
		return outcome{}, &FailedError{
			fault.TableBroken, fmt.Sprintf("there is no built-in gate %q: name a program after --", g.Name),
		}
	}
	report, err := check(g)
	return outcome{report: report}, err
}

// builtinName returns the name of a step without its environment.
func builtinName(step string) string {
	name, _, _ := strings.Cut(step, ":")
	return name
}

// settingValues returns the values of the settings NAME=VALUE with this name.
func (g Gate) settingValues(name string) []string {
	var values []string
	for _, s := range g.Settings {
		if value, ok := strings.CutPrefix(s, name+"="); ok {
			values = append(values, value)
		}
	}
	return values
}
