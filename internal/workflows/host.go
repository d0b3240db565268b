package workflows

import (
	"path"
	"slices"

	"lockstep/internal/pipeline"
)

// hostCommands returns the commands that do on the machine itself what a call does in containers.
func hostCommands(job pipeline.Job, call pipeline.Call) []string {
	switch call.Function {
	case "report": // the gates' own call writes it
		return nil
	case string(pipeline.Quality), string(pipeline.Test), string(pipeline.Security):
		return gateCommands(call.Function, job.ReportsFolder)
	case string(pipeline.Synth):
		return []string{
			"lockstep synth --env all",
			pipeline.QuoteCommand([]string{"cp", "-R", pipeline.AssembliesDir, call.Export}),
		}
	case "digests": // they are read when they are exported
		return nil
	}
	argv := append([]string{"lockstep"}, hostCommand(call.Function)...)
	argv = append(argv, withoutArguments(call.Arguments, "--commit", "--author")...)
	if call.Credentials {
		argv = append(argv, "--live")
	}
	if call.Export == "" {
		return []string{pipeline.QuoteCommand(argv)}
	}
	return []string{
		pipeline.QuoteCommand([]string{"mkdir", "-p", call.Export}),
		pipeline.QuoteCommand(append(argv, "--out", call.Export+"/"+pipeline.PlanFile)),
	}
}

// hostCommand returns the command of any other function of the module. The commit and its author are those of the
// clone.
func hostCommand(function string) []string {
	switch function {
	case "plan-file":
		return []string{"plan"}
	case "publish-metrics":
		return []string{"metrics", "--publish"}
	}
	return []string{function}
}

// gateCommands run the gates of a stage, and write the report whether they pass or not.
func gateCommands(stage, reports string) []string {
	report := func(format, file string) string {
		return pipeline.QuoteCommand([]string{"lockstep", "report", "--format", format, "--out", reports + "/" + file})
	}
	return []string{
		"status=0",
		"lockstep " + stage + " || status=$?",
		pipeline.QuoteCommand([]string{"mkdir", "-p", reports}),
		report("junit", "gates.xml") + ` || [ "$status" -ne 0 ]`,
		report("sarif", "findings.sarif") + ` || [ "$status" -ne 0 ]`,
		`[ "$status" -eq 0 ] || exit "$status"`,
	}
}

// commentCommand returns the command that comments the plans among a job's inputs.
func commentCommand(job pipeline.Job) string {
	argv := []string{"lockstep", "comment", "--request", "$" + requestVariable}
	for _, artifact := range job.Inputs[1:] {
		argv = append(argv, artifact+"/"+pipeline.PlanFile)
	}
	return pipeline.QuoteCommand(argv)
}

// hostExport returns the command that prints what a job exports from a file of the module's results.
func hostExport(job pipeline.Job, file string) []string {
	if job.Permission == pipeline.PlanPermission {
		return []string{"lockstep", "digest", "--plan", job.OutputFolder + "/" + pipeline.PlanFile}
	}
	return []string{"lockstep", "digest", "--assembly", job.OutputFolder, "--env", path.Base(file)}
}

// withoutArguments returns arguments without some flags and their values.
func withoutArguments(arguments []string, flags ...string) []string {
	var out []string
	for i := 0; i < len(arguments); i++ {
		if slices.Contains(flags, arguments[i]) {
			i++
			continue
		}
		out = append(out, arguments[i])
	}
	return out
}
