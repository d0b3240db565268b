package gate

import (
	"context"
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

// projectGates are the gates that run what the settings and the packages of a repository say, by the names of their
// steps.
var projectGates = map[string]func(context.Context, Gate) (outcome, error){
	"java-packages":   installJava,
	"java-tests":      checkJavaTests,
	"node-format":     checkNodeFormat,
	"node-lint":       checkNodeLint,
	"node-packages":   installNode,
	"node-tests":      checkNodeTests,
	"node-types":      checkNodeTypes,
	"python-packages": installPython,
	"python-shed":     checkShed,
	"python-tests":    checkPythonTests,
}

// checkBuiltin runs the built-in gate that has the name of the step.
func (g Gate) checkBuiltin(ctx context.Context) (outcome, error) {
	if check, ok := projectGates[g.Name]; ok {
		result, err := check(ctx, g)
		result.report.Findings = append(result.report.Findings, findings.TestFailures(result.suites)...)
		return result, err
	}
	check, ok := builtinGates[withoutEnvironment(g.Name)]
	if !ok {
		return outcome{}, &FailedError{
			fault.TableBroken, fmt.Sprintf("there is no built-in gate %q: name a program after --", g.Name),
		}
	}
	report, err := check(g)
	return outcome{report: report}, err
}

// withoutEnvironment returns the name of a step without its environment. Waivers have that name for the gate of each.
func withoutEnvironment(step string) string {
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
