package diagram

import (
	"slices"
	"strings"

	"lockstep/config"
	"lockstep/internal/pipeline"
)

// drawTrust draws who and what is not trusted, and over which boundary it reaches what a deployment works with.
func drawTrust(p Platform) (*Diagram, string) {
	if p.Config == nil {
		return nil, noConfiguration
	}
	t := trustDrawing{config: p.Config, jobs: map[bool]*Box{}, Diagram: &Diagram{
		Title: "Boundaries of trust",
		Description: "Whoever or whatever is not trusted is in the first group. The text of an arrow is the boundary " +
			"that it has to cross.",
	}}
	t.outside = t.add("not trusted")
	t.addInside()
	t.addPipelines()
	t.addMachine()
	t.addAccounts()
	return t.Diagram, ""
}

// A trustDrawing is the diagram of the boundaries while it is made.
type trustDrawing struct {
	*Diagram
	config *config.Config
	// outside groups who and what is not trusted.
	outside *Box
	// withoutRole are the jobs without a role, and jobs those that work on environments, by whether these need an
	// approval.
	withoutRole *Box
	jobs        map[bool]*Box
	// environments are those whose jobs have a box.
	environments []string
	// approving is whoever approves; nil if nobody has to.
	approving *Box
	// sessions are those of the bootstrap roles.
	machine, tooling, sessions *Box
}

// addOutside adds somebody or something that is not trusted.
func (t *trustDrawing) addOutside(lines ...string) *Box {
	box := t.outside.add(lines...)
	box.Shape = Event
	return box
}

// addInside adds what the others lead to.
func (t *trustDrawing) addInside() {
	t.machine = t.add("machine of whoever runs Lockstep")
	account := t.config.Pipeline.Tooling
	t.tooling = t.add(config.ToolingEnvironment, place{account.ID, account.Region}.String())
	t.sessions = t.tooling.add("sessions of the bootstrap roles", "each for one account")
	t.connect(Arrow{From: t.machine, To: t.sessions, Label: "tooling account"})
}

// addPipelines adds the jobs of the pipelines: those that review code have no role, the others those of their
// environment.
func (t *trustDrawing) addPipelines() {
	if t.config.Pipeline.Source == nil {
		return
	}
	author, pusher := t.addOutside("author of", "a pull request"), t.addOutside("whoever", "may push")
	for _, line := range pipeline.Pipelines(t.config) {
		for _, stage := range line.Stages {
			for _, job := range stage.Jobs {
				box := t.jobBox(line, job)
				switch {
				case line.Trigger == pipeline.PullRequest:
					t.connect(Arrow{From: author, To: box, Label: "pull request"})
				case job.Permission != pipeline.NoPermission:
					t.connect(Arrow{From: pusher, To: box, Label: "commit"})
					t.connect(Arrow{From: box, To: t.sessions, Label: "tooling account"})
				}
				if stage.Approval != "" {
					t.connect(Arrow{From: t.approver(), To: box, Label: "approval"})
				}
			}
		}
	}
}

// approver returns the box of whoever approves.
func (t *trustDrawing) approver() *Box {
	if t.approving == nil {
		t.approving = t.addOutside("whoever", "approves")
	}
	return t.approving
}

// jobBox returns the box of a job: that of all without a role, or that of the environments that are, or are not,
// deployed to after an approval.
func (t *trustDrawing) jobBox(line pipeline.Pipeline, job pipeline.Job) *Box {
	if line.Trigger == pipeline.PullRequest || job.Permission == pipeline.NoPermission {
		if t.withoutRole == nil {
			t.withoutRole = t.tooling.add("jobs without a role", "of a pull request, and of gates")
		}
		return t.withoutRole
	}
	needsApproval := slices.ContainsFunc(t.config.Targets(), func(e config.Environment) bool {
		return e.Name == job.Environment && e.Approval.IsRequired()
	})
	box := t.jobs[needsApproval]
	switch {
	case box == nil:
		box = t.tooling.add("jobs of "+job.Environment, "a role for each job")
		t.jobs[needsApproval] = box
	case !slices.Contains(t.environments, job.Environment):
		box.Lines[0] += ", " + job.Environment
	}
	t.environments = append(t.environments, job.Environment)
	return box
}

// addMachine adds what reaches the machine of whoever runs Lockstep; jobs meet the same registries and the same app.
func (t *trustDrawing) addMachine() {
	t.connect(Arrow{From: t.addOutside("other users", "of the machine"), To: t.machine, Label: "machine"})
	registries, app := t.addOutside("registries,", "the network"), t.addOutside("the app,", "a damaged assembly")
	t.connect(Arrow{From: registries, To: t.machine, Label: "tools and images"})
	t.connect(Arrow{From: app, To: t.machine, Label: "repository and app"})
	if box := t.withoutRole; box != nil {
		t.connect(Arrow{From: registries, To: box, Label: "tools and images"})
		t.connect(Arrow{From: app, To: box, Label: "repository and app"})
	}
}

// addAccounts adds the accounts that are deployed to, and what a reader sees.
func (t *trustDrawing) addAccounts() {
	var names []string
	for _, env := range t.config.Environments {
		names = append(names, env.Name)
	}
	accounts := t.add("accounts of " + strings.Join(names, ", "))
	known := "hashes alone: no key signs them"
	if t.config.Pipeline.Signing != nil {
		known = "known by their signatures"
	}
	ledger := accounts.add("records, approvals, plans", known)
	ledger.Shape = Database
	stacks := accounts.add("stacks", "created with the execution role")
	writer := t.addOutside("whoever may", "write to a bucket")
	t.connect(Arrow{From: writer, To: ledger, Label: "target account"})
	t.connect(Arrow{From: t.sessions, To: ledger})
	t.connect(Arrow{From: t.sessions, To: stacks})
	reader := t.add("terminal, reports, pages")
	reader.Shape = Document
	t.connect(Arrow{From: accounts, To: reader, Label: "output"})
}
