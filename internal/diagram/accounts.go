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
		LeftToRight: true,
		Title:       "Accounts and trust",
		Description: "The accounts with the roles of their bootstrap. Who deploys assumes the first roles of an account, " +
			"which pass the next one to CloudFormation, which creates the stacks with it.",
	}
	a := accountsDrawing{Diagram: d, config: p.Config, byPlace: byPlace}
	if p.Config != nil {
		a.addTooling()
	} else {
		const columns = 3
		d.LeftToRight, d.Columns = false, columns // there is no arrow between accounts
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
	// tooling is the account whose principals assume roles; nil outside of a project. The jobs are those that reach an
	// environment, by its name.
	tooling *Box
	jobs    map[string]*Box
}

// addTooling adds the tooling account: the jobs with permissions in other accounts, and who else deploys from there.
func (a *accountsDrawing) addTooling() {
	at := place{a.config.Pipeline.Tooling.ID, a.config.Pipeline.Tooling.Region}
	a.tooling = a.add(config.ToolingEnvironment, at.String(), "all roles trust its principals")
	a.jobs = map[string]*Box{}
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
				a.addJob(line, job)
			}
		}
	}
	if without > 0 {
		a.tooling.Lines = append(a.tooling.Lines, counted(without, "more job")+" may assume none")
	}
}

// maxJobBoxes is the number of environments whose jobs have a box.
const maxJobBoxes = 6

// addJob adds a job that reaches an environment to the box of that environment's jobs.
func (a *accountsDrawing) addJob(line pipeline.Pipeline, job pipeline.Job) {
	box := a.jobs[job.Environment]
	if box == nil && len(a.jobs) == maxJobBoxes {
		return
	}
	if box == nil {
		box = a.tooling.add()
		a.jobs[job.Environment] = box
	}
	var roles []string
	for _, role := range job.Permission.Roles() {
		roles = append(roles, strings.TrimSuffix(string(role), "-role"))
	}
	box.Lines = append(box.Lines, "job "+job.Name+" of "+line.Name+" as")
	box.Lines = append(box.Lines, inLines(roles)...)
}

// addPlace adds an account in a region, with its roles.
func (a *accountsDrawing) addPlace(at place) {
	stacks := a.byPlace[at]
	name, env := a.environmentAt(at)
	box := a.add(at.String())
	if name != "" {
		box.Lines = []string{name, at.String()}
	}
	box.Columns = 1 // in a grid the label is inside, where no arrow crosses it
	deployRoles, executionRoles := rolesOf(stacks)
	var last *Box
	follow := func(lines ...string) {
		next := box.add(lines...)
		a.connect(Arrow{From: last, To: next})
		last = next
	}
	if len(deployRoles) > 0 {
		follow(deployRoles...)
		a.connect(Arrow{From: cmp.Or(a.jobs[name], a.tooling), To: box, Label: "assume"})
	}
	if len(executionRoles) > 0 {
		follow(append(append([]string{"CloudFormation, as"}, executionRoles...), a.policies()...)...)
	}
	created := []string{counted(len(stacks), "stack")}
	if env.TerminationProtection {
		created = append(created, "protected from termination")
	}
	follow(created...)
}

// policies returns lines with the names of the policies of the role that CloudFormation gets.
func (a *accountsDrawing) policies() []string {
	if a.config == nil {
		return nil
	}
	var lines []string
	for _, policy := range a.config.Pipeline.Bootstrap.ExecutionPolicies {
		lines = append(lines, "with "+policy[strings.LastIndex(policy, "/")+1:])
	}
	return lines
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
		for _, account := range env.AllPlaces() {
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
