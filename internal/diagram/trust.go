package diagram

import (
	"strings"

	"lockstep/config"
	"lockstep/internal/pipeline"
)

// drawTrust draws who and what is not trusted, and over which boundary it reaches what a deployment works with.
func drawTrust(p Platform) (*Diagram, string) {
	if p.Config == nil {
		return nil, noConfiguration
	}
	t := trustDrawing{config: p.Config, jobs: map[string]*Box{}, Diagram: &Diagram{
		LeftToRight: true, Title: "Boundaries of trust",
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
	// jobs are the jobs that work on an environment, by its name; rest are those of further environments.
	jobs map[string]*Box
	rest *Box
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
	author, pusher := t.addOutside("author of a pull request"), t.addOutside("whoever may push")
	for _, line := range pipeline.Pipelines(t.config) {
		var approver *Box
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
					if approver == nil {
						approver = t.approver()
					}
					t.connect(Arrow{From: approver, To: box, Label: "approval"})
				}
			}
		}
	}
}

// approver returns the box of whoever approves.
func (t *trustDrawing) approver() *Box {
	const name = "whoever approves"
	for _, box := range t.outside.Boxes {
		if box.Lines[0] == name {
			return box
		}
	}
	return t.addOutside(name)
}

// jobBox returns the box of a job: that of its environment, or of all that have no role.
func (t *trustDrawing) jobBox(line pipeline.Pipeline, job pipeline.Job) *Box {
	name, lines := job.Environment, []string{"jobs of " + job.Environment, "a role for each job"}
	if line.Trigger == pipeline.PullRequest || job.Permission == pipeline.NoPermission {
		name, lines = "", []string{"jobs without a role", "of a pull request, and of gates"}
	}
	if box := t.jobs[name]; box != nil {
		return box
	}
	if len(t.jobs) > maxJobBoxes {
		if t.rest == nil {
			t.rest = t.tooling.add("jobs of further environments")
		}
		t.jobs[name] = t.rest
		return t.rest
	}
	t.jobs[name] = t.tooling.add(lines...)
	return t.jobs[name]
}

// addMachine adds what reaches the machine of whoever runs Lockstep; jobs meet the same registries and the same app.
func (t *trustDrawing) addMachine() {
	t.connect(Arrow{From: t.addOutside("other users of the machine"), To: t.machine, Label: "machine"})
	registries, app := t.addOutside("registries, the network"), t.addOutside("the app, a damaged assembly")
	t.connect(Arrow{From: registries, To: t.machine, Label: "tools and images"})
	t.connect(Arrow{From: app, To: t.machine, Label: "repository and app"})
	if box := t.jobs[""]; box != nil {
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
	writer := t.addOutside("whoever may write to a bucket")
	t.connect(Arrow{From: writer, To: ledger, Label: "target account"})
	t.connect(Arrow{From: t.sessions, To: ledger})
	t.connect(Arrow{From: t.sessions, To: stacks})
	reader := t.add("terminal, reports, pages")
	reader.Shape = Document
	t.connect(Arrow{From: accounts, To: reader, Label: "output"})
}
