package diagram

import (
	"cmp"
	"slices"
	"strings"

	"lockstep/config"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/pipeline"
)

// drawAccounts draws the accounts and who may do what in them: which roles a deployment assumes, and which role
// CloudFormation gets. In a project it also shows which jobs of the pipelines assume them.
func drawAccounts(p Platform) (*Diagram, string) {
	stacks := allStacks(p.Assemblies)
	if len(stacks) == 0 {
		return nil, noAssembly
	}
	places, byPlace := stacksByPlace(stacks)
	d := &Diagram{
		Title: "Accounts and trust",
		Description: "The accounts with the roles of their bootstrap. An arrow leads from who assumes or passes a role to the " +
			"role, and from CloudFormation's role to what it creates.",
	}
	a := accountsDrawing{Diagram: d, config: p.Config, byPlace: byPlace}
	if p.Config != nil {
		a.addTooling()
	}
	for i, at := range places {
		const boxesPerPlace = 5
		if countBoxes(d.Boxes)+boxesPerPlace >= MaxBoxes && i < len(places)-1 {
			a.addRest(places[i:])
			break
		}
		a.addPlace(at)
	}
	return d, ""
}

// An accountsDrawing is the diagram of the accounts while it is made.
type accountsDrawing struct {
	*Diagram
	config  *config.Config
	byPlace map[place][]*assembly.Stack
	// people and jobs are who assumes roles; nil outside of a project. The jobs are those that reach an environment, by
	// its name.
	people *Box
	jobs   map[string][]jobBox
}

// A jobBox is the box of a job and the roles that it assumes.
type jobBox struct {
	*Box
	roles []string
}

// addTooling adds the tooling account: the jobs with permissions in other accounts, and who else deploys from there.
func (a *accountsDrawing) addTooling() {
	tooling := a.add("tooling: "+place{a.config.Pipeline.Tooling.ID, a.config.Pipeline.Tooling.Region}.String(),
		"the accounts trust its principals")
	a.people = tooling.add("people who deploy", "from the command line")
	a.jobs = map[string][]jobBox{}
	if a.config.Pipeline.Source == nil {
		return
	}
	without := 0
	for _, line := range pipeline.Pipelines(a.config) {
		for _, stage := range line.Stages {
			for _, job := range stage.Jobs {
				if job.Permission == pipeline.NoPermission {
					without++
					continue
				}
				a.addJob(tooling, line, job)
			}
		}
	}
	if without > 0 {
		tooling.add(counted(without, "job")+" of CodeBuild", "without access to any account")
	}
}

// addJob adds a job that reaches an environment. Jobs that assume the same roles of one environment share a box.
func (a *accountsDrawing) addJob(tooling *Box, line pipeline.Pipeline, job pipeline.Job) {
	label := "job " + job.Name + " of " + line.Name
	roles := job.Permission.Roles()
	for _, other := range a.jobs[job.Environment] {
		if slices.Equal(other.roles, roles) {
			other.Lines = append(other.Lines, label)
			return
		}
	}
	const maxJobBoxes = 12
	if len(tooling.Boxes) < maxJobBoxes {
		a.jobs[job.Environment] = append(a.jobs[job.Environment], jobBox{tooling.add(label), roles})
	}
}

// addPlace adds an account in a region, with its roles.
func (a *accountsDrawing) addPlace(at place) {
	stacks := a.byPlace[at]
	name, env := a.environmentAt(at)
	box := a.add(strings.TrimPrefix(name+": "+at.String(), ": "))
	deployRoles, executionRoles := rolesOf(stacks)
	created := box.add(counted(len(stacks), "stack"))
	if env.TerminationProtection {
		created.Lines = append(created.Lines, "protected from termination")
	}
	execution := a.addExecutionRole(box, executionRoles, created)
	if len(deployRoles) == 0 {
		return
	}
	roles := box.add(deployRoles...)
	a.connect(Arrow{From: roles, To: cmp.Or(execution, created), Label: "passes"})
	for _, job := range a.jobs[name] {
		a.connect(Arrow{From: job.Box, To: roles, Label: strings.Join(shortRoles(job.roles), ", ")})
	}
	if name == config.ToolingEnvironment {
		a.connect(Arrow{From: a.people, To: roles, Label: "assume"})
	}
}

// addExecutionRole adds the roles that CloudFormation gets, and what it creates with them.
func (a *accountsDrawing) addExecutionRole(box *Box, roles []string, created *Box) *Box {
	if len(roles) == 0 {
		return nil
	}
	lines := append([]string{"CloudFormation, as"}, roles...)
	if a.config != nil {
		for _, policy := range a.config.Pipeline.Bootstrap.ExecutionPolicies {
			lines = append(lines, "with "+policy[strings.LastIndex(policy, "/")+1:])
		}
	}
	execution := box.add(lines...)
	a.connect(Arrow{From: execution, To: created, Label: "creates"})
	return execution
}

// addRest adds one box for the places that are not drawn.
func (a *accountsDrawing) addRest(places []place) {
	stacks := 0
	for _, at := range places {
		stacks += len(a.byPlace[at])
	}
	a.add(counted(len(places), "more account or region"), counted(stacks, "stack"))
}

// environmentAt returns the environment that has the place, if there is one, and its name.
func (a *accountsDrawing) environmentAt(at place) (string, config.Environment) {
	if a.config == nil {
		return "", config.Environment{}
	}
	for _, env := range a.config.Targets() {
		for _, account := range env.Accounts() {
			if (place{account.ID, account.Region}) == at {
				return env.Name, env
			}
		}
	}
	return "", config.Environment{}
}

// rolesOf returns the names of the roles that a deployment of the stacks assumes, and of those that CloudFormation
// gets.
func rolesOf(stacks []*assembly.Stack) (deployRoles, executionRoles []string) {
	for _, s := range stacks {
		at := placeOf(s)
		deployRoles = appendRole(deployRoles, s.DeployRole.ARN, at)
		executionRoles = appendRole(executionRoles, s.ExecutionRoleARN, at)
		for _, asset := range s.Assets {
			deployRoles = appendRole(deployRoles, asset.Role.ARN, at)
		}
	}
	return deployRoles, executionRoles
}

// appendRole appends the name of a role, without the account and region that the CDK ends it with, unless it is there.
func appendRole(names []string, arn string, at place) []string {
	name := strings.TrimSuffix(arn[strings.LastIndex(arn, "/")+1:], "-"+at.account+"-"+at.region)
	if name == "" || slices.Contains(names, name) {
		return names
	}
	return append(names, name)
}

// shortRoles returns the names of roles without what all of them end with.
func shortRoles(roles []string) []string {
	out := make([]string, len(roles))
	for i, role := range roles {
		out[i] = strings.TrimSuffix(role, "-role")
	}
	return out
}
