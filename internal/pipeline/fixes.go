package pipeline

// FixSteps returns the steps that fix findings of gates. They are not part of the pipeline. They change the same
// files, so each comes after the one before it.
func FixSteps() []Step {
	onFiles := func(patterns []string, argv ...string) []string {
		command := []string{Self, "on-files"}
		for _, pattern := range patterns {
			command = append(command, "--files", pattern)
		}
		return append(append(command, "--"), argv...)
	}
	steps := []Step{
		{
			Name: "tidy", Summary: "make go.mod and go.sum say what is imported", Image: ImageGo,
			Command: []string{"go", "mod", "tidy"}, TriggerPaths: goModule, Tools: []string{ToolGo},
		},
		{
			Name: "lint", Summary: "fix what golangci-lint can", Image: ImageGo,
			Command: []string{
				"golangci-lint", "run", "--allow-parallel-runners", "--issues-exit-code=0", "--fix",
				"./...",
			},
			TriggerPaths: goModule, Tools: []string{ToolGo, ToolGolangciLint},
		},
		{
			Name: "format", Summary: "give Go code gofumpt's form", Image: ImageGo,
			Command: onFiles(ownGoFiles, "gofumpt", "-w"), TriggerPaths: ownGoFiles, Tools: []string{ToolGofumpt},
		},
		{
			Name: "markdown", Summary: "give Markdown mdformat's form", Image: ImagePython,
			Command: onFiles(markdownFiles, "mdformat"), TriggerPaths: markdownFiles, Tools: []string{ToolMdformat},
		},
	}
	return chainSteps(steps)
}

// UpdateBaselineSteps returns the step that writes all findings of detect-secrets into its baseline, for a person to
// review the difference.
func UpdateBaselineSteps() []Step {
	command := []string{Self, "on-files", "--out", secretsBaseline}
	for _, pattern := range secretScanFiles {
		command = append(command, "--files", pattern)
	}
	return chainSteps([]Step{{
		Name: "baseline", Summary: "take what looks like a secret now into the baseline", Image: ImagePython,
		Command: append(command, "--", "detect-secrets", "scan", "--no-verify"), Tools: []string{ToolDetectSecrets},
	}})
}

// chainSteps makes each step come after the one before it.
func chainSteps(steps []Step) []Step {
	var before []string
	for i, s := range steps {
		s.Stage, s.Effect, s.After = Quality, EditFiles, before
		steps[i], before = s, []string{s.Name}
	}
	return steps
}
