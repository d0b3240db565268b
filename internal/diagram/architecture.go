package diagram

import (
	"fmt"
	"strings"

	"lockstep/config"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/pipeline"
)

// drawArchitecture draws the platform on one page: the source, the account with the pipelines, and the environments in
// promotion order with their stacks.
func drawArchitecture(p Platform) (*Diagram, string) {
	if p.Config == nil {
		return nil, noConfiguration
	}
	for _, withStacks := range []bool{true, false} {
		a := architecture{config: p.Config, withStacks: withStacks, boxes: map[string]*Box{}, Diagram: &Diagram{
			Title: "Architecture",
			Description: "The repository, the tooling account with the pipelines, and the environments in promotion order, " +
				"each with its account and stacks.",
		}}
		a.draw(p.Assemblies)
		if countBoxes(a.Boxes) <= MaxBoxes {
			return a.Diagram, ""
		}
	}
	return nil, fmt.Sprintf("there are more than %d environments", MaxBoxes)
}

// An architecture is the diagram of the architecture while it is made.
type architecture struct {
	*Diagram
	config     *config.Config
	withStacks bool
	// boxes are the boxes of the environments by name.
	boxes map[string]*Box
}

func (a *architecture) draw(assemblies []Assembly) {
	stacks := map[string][]*assembly.Stack{}
	for _, s := range assemblies {
		if stacks[s.Name] == nil { // the other accounts of an environment have the same stacks
			stacks[s.Name] = s.Stacks
		}
	}
	tooling := a.addEnvironment("tooling", accountLines(a.config.Pipeline.Tooling, nil), stacks[config.ToolingEnvironment])
	if source := a.config.Pipeline.Source; source != nil {
		repository := a.add("repository", source.Repository)
		repository.Shape = Document
		a.connect(Arrow{From: repository, To: tooling, Label: "CodeConnections"})
	}
	for _, env := range a.config.Environments {
		box := a.addEnvironment(env.Name, accountLines(env.Account, env.AdditionalWaves), stacks[env.Name])
		a.boxes[env.Name] = box
		if before := a.boxes[env.After]; before != nil {
			label := "is promoted"
			if env.Approval.IsRequired() {
				label = "is promoted, once a person approves"
			}
			a.connect(Arrow{From: before, To: box, Label: label})
			continue
		}
		label := "deploys"
		if a.config.Pipeline.Source != nil {
			label = "CodePipeline " + firstPipeline(a.config, env.Name)
		}
		a.connect(Arrow{From: tooling, To: box, Label: label})
	}
}

// firstPipeline returns the name of the first pipeline that deploys to an environment.
func firstPipeline(c *config.Config, env string) string {
	for _, line := range pipeline.Pipelines(c) {
		for _, stage := range line.Stages {
			for _, job := range stage.Jobs {
				if job.Environment == env && job.Permission == pipeline.DeployPermission {
					return line.Name
				}
			}
		}
	}
	return ""
}

// addEnvironment adds an environment with its stacks.
func (a *architecture) addEnvironment(name string, account []string, stacks []*assembly.Stack) *Box {
	const columns = 6
	box := a.add(append([]string{name}, account...)...)
	if !a.withStacks {
		box.Lines = append(box.Lines, counted(len(stacks), "stack"))
		return box
	}
	prefix := a.config.Pipeline.Project + "-" + name + "-"
	box.Columns = min(columns, len(stacks))
	for _, s := range stacks {
		box.add(strings.TrimPrefix(s.Name, prefix), summarize(s)[0])
	}
	return box
}

// accountLines returns the account of an environment, and the number of its others.
func accountLines(account config.Account, waves []config.Wave) []string {
	lines := []string{place{account.ID, account.Region}.String()}
	more := 0
	for _, wave := range waves {
		more += len(wave.Accounts)
	}
	if more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more in %s", more, counted(len(waves), "wave")))
	}
	return lines
}
