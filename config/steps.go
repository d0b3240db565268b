package config

import (
	"fmt"
	"slices"
	"strconv"
)

// A Step is a step of the repository's own. It runs on this machine, in Dagger and in CodeBuild as the others do.
type Step struct {
	// Name is the name of the step, which no other step has.
	Name string `json:"name" schema:"stepName"`
	// Stage is the stage that it is a part of. A deployment to a real account waits for it.
	Stage string `json:"stage" schema:"stepStage"`
	// Summary says in a line what the step does; its command by default.
	Summary string `json:"summary,omitempty" schema:"summary"`
	// Image is the image that it runs in where steps run in containers; go by default, which has Node.js and Python if
	// the app has them.
	Image string `json:"image,omitempty" schema:"image" jsonschema:"default=go"`
	// Command is the command. A shell runs it in the repository's root, and status 0 means that it passed.
	Command string `json:"command" schema:"shellCommand"`
	// Inputs are the patterns of the files that it reads; by default those that the app reads.
	Inputs []string `json:"inputs,omitempty" schema:"filePattern" jsonschema:"minItems=1"`
	// Outputs are the files and folders that it writes, relative to the repository.
	Outputs []string `json:"outputs,omitempty" schema:"repositoryPath"`
	// Needs are the names of the steps that have to pass before it.
	Needs []string `json:"needs,omitempty" schema:"neededStep"`
	// Caches are the folders that are kept for its next run.
	Caches []string `json:"caches,omitempty" schema:"cache"`
}

// ownStepNames are the names of the steps that are no gates and belong to no environment.
var ownStepNames = []string{"config", "build", "synth"}

// checkSteps requires names that differ, and outputs in the repository.
func checkSteps(l *loader) {
	d := l.documents[pipelineFile]
	if d == nil || !d.isIntact("steps") {
		return
	}
	var names []string
	gates := gateNames()
	for i, s := range l.pipeline.Steps {
		at := []string{"steps", strconv.Itoa(i)}
		if slices.Contains(names, s.Name) {
			l.addProblem(d, append(at, "name"), fmt.Sprintf("there are two steps called %s", s.Name),
				"choose another name")
		}
		if slices.Contains(ownStepNames, s.Name) || slices.Contains(gates, s.Name) {
			l.addProblem(d, append(at, "name"), fmt.Sprintf("there is a step called %s already", s.Name),
				"choose another name")
		}
		names = append(names, s.Name)
		checkPatterns(l, d, s.Inputs, append(slices.Clone(at), "inputs")...)
		for j, output := range s.Outputs {
			checkOutputPath(l, d, output, append(slices.Clone(at), "outputs", strconv.Itoa(j))...)
		}
	}
}
