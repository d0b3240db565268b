package stages

import (
	"fmt"
	"slices"

	"lockstep/config"
	"lockstep/infra/stacks"
	"lockstep/internal/pipeline"
)

// lines are the pipelines: one that takes a push to every environment before the first approval, one that takes a tag to the rest, and one
// that checks what nobody has reviewed yet, with no rights at all.
func lines(c *config.Config) []stacks.Line {
	before := len(c.Environments)
	if i := slices.IndexFunc(c.Environments, func(e config.Environment) bool { return e.Approval }); i >= 0 {
		before = i
	}
	return []stacks.Line{
		{Name: "main", About: "from a push to the last environment before an approval", Starts: stacks.Push, Stages: append(checked(), promoted(c, c.Environments[:before])...)},
		{Name: "release", About: "from a tag to the environments that a person approves", Starts: stacks.Tag, Stages: append(checked(), promoted(c, c.Environments[before:])...)},
		{Name: "pull-request", About: "checks what nobody has reviewed yet", Starts: stacks.PullRequest, Stages: checked()},
	}
}

func checked() []stacks.LineStage {
	var jobs []stacks.LineJob
	for _, gate := range pipeline.Gates {
		jobs = append(jobs, job(string(gate), "dagger call "+string(gate)))
	}
	synth := job("synth", "dagger call synth --env all export --path assembly")
	synth.Outputs = []string{"assembly"}
	return []stacks.LineStage{{Name: "checks", Jobs: jobs}, {Name: "synth", Jobs: []stacks.LineJob{synth}}}
}

func promoted(c *config.Config, environments []config.Environment) []stacks.LineStage {
	var out []stacks.LineStage
	for _, env := range environments {
		deploy := job("deploy-"+env.Name, "dagger call deploy --env "+env.Name+" --assembly ../assembly")
		deploy.Inputs = append(deploy.Inputs, "assembly")
		deploy.Rights = &stacks.Rights{Environment: env, Roles: []string{"deploy-role", "file-publishing-role", "lookup-role"}}
		if before, ok := c.Environment(env.After); ok {
			deploy.Rights.Before = &before
		}
		s := stacks.LineStage{Name: env.Name, Jobs: []stacks.LineJob{deploy}}
		if env.Approval {
			plan := deploy
			plan.Name = "plan-" + env.Name
			out = append(out, stacks.LineStage{Name: "plan-" + env.Name, Jobs: []stacks.LineJob{plan}})
			s.Approval = fmt.Sprintf("Plan #{plan-%s.LOCKSTEP_PLAN_DIGEST}: #{plan-%s.LOCKSTEP_PLAN_SUMMARY}", env.Name, env.Name)
		}
		out = append(out, s)
	}
	return out
}

func job(name, command string) stacks.LineJob {
	return stacks.LineJob{
		Name: name, About: command, Privileged: true, Inputs: []string{"source"},
		Buildspec: "version: 0.2\nphases:\n  build:\n    commands:\n      - " + command + "\n",
	}
}
