package diagram

import (
	"slices"
	"strings"

	"lockstep/config"
	"lockstep/internal/pipeline"
)

// drawPipelines draws each pipeline of CodePipeline as a row of stages with their jobs.
func drawPipelines(p Platform) (*Diagram, string) {
	pipelines, reason := pipelinesOf(p)
	if reason != "" {
		return nil, reason
	}
	d := &Diagram{
		Title: "CI/CD pipelines",
		Description: "The pipelines of CodePipeline. Each row is one pipeline: what starts it, then its stages, each with " +
			"its jobs.",
		Columns: 1,
	}
	for _, line := range pipelines {
		d.addPipeline(p.Config, line)
	}
	if countBoxes(d.Boxes) > MaxBoxes {
		return outlinePipelines(p.Config, pipelines), ""
	}
	return d, ""
}

// pipelinesOf returns the platform's pipelines, or why there are none.
func pipelinesOf(p Platform) (pipelines []pipeline.Pipeline, reason string) {
	switch {
	case p.Config == nil:
		return nil, noConfiguration
	case p.Config.Pipeline.Source == nil:
		return nil, noPipelines
	}
	return pipeline.Pipelines(p.Config), ""
}

// addPipeline adds a row with what starts a pipeline, its stages and its approvals.
func (d *Diagram) addPipeline(c *config.Config, line pipeline.Pipeline) {
	row := d.add(line.Name, line.Description)
	start := row.add(triggerText(c, line.Trigger)...)
	start.Shape = Event
	last := start
	follow := func(box *Box) {
		d.connect(Arrow{From: last, To: box})
		last = box
	}
	for _, stage := range line.Stages {
		if stage.Approval != "" {
			approval := row.add("a person", "approves")
			approval.Shape = Event
			follow(approval)
		}
		follow(row.add(stageLabel(stage)...))
	}
	row.Columns = len(row.Boxes)
}

// stageLabel returns the name of a stage and its jobs.
func stageLabel(stage pipeline.PipelineStage) []string {
	lines := []string{"stage " + stage.Name}
	for _, job := range stage.Jobs {
		label := "job " + job.Name
		if job.Permission == pipeline.ReadPermission {
			label += ", read only"
		}
		lines = append(lines, label)
	}
	return lines
}

// outlinePipelines draws each pipeline as one box with the names of its stages.
func outlinePipelines(c *config.Config, pipelines []pipeline.Pipeline) *Diagram {
	d := &Diagram{Title: "CI/CD pipelines", Description: "The pipelines of CodePipeline and their stages.", Columns: 1}
	for _, line := range pipelines {
		lines := append([]string{line.Name + ": " + line.Description}, triggerText(c, line.Trigger)...)
		for _, stage := range line.Stages {
			lines = append(lines, stage.Name+": "+counted(len(stage.Jobs), "job"))
		}
		d.add(lines...)
	}
	return d
}

// triggerText returns what starts a pipeline, as lines.
func triggerText(c *config.Config, trigger pipeline.Trigger) []string {
	switch trigger {
	case pipeline.Push:
		return []string{"push to", c.Pipeline.Source.Branch}
	case pipeline.Tag:
		return []string{"tag", c.Pipeline.Source.Tags}
	case pipeline.Schedule:
		return []string{"schedule", c.Pipeline.DriftSchedule}
	}
	return []string{string(trigger)}
}

// drawFlow draws what goes from job to job in the pipelines that deploy: from a change of the source to the accounts.
func drawFlow(p Platform) (*Diagram, string) {
	pipelines, reason := pipelinesOf(p)
	if reason != "" {
		return nil, reason
	}
	d := &Diagram{
		Title: "Pipeline flow",
		Description: "How a change becomes a deployment: the artifacts that the jobs of a pipeline pass on, and where a " +
			"person approves.",
	}
	for _, line := range pipelines {
		if !slices.ContainsFunc(line.Stages, deploys) {
			continue
		}
		f := flow{Diagram: d, config: p.Config, group: &Box{Lines: []string{line.Name, line.Description}}}
		f.addLine(line)
		if countBoxes(d.Boxes)+countBoxes([]*Box{f.group}) > MaxBoxes {
			d.Description += " Pipeline " + line.Name + " is left out, because it is too large."
			d.Arrows = d.Arrows[:f.arrowsBefore]
			continue
		}
		d.Boxes = append(d.Boxes, f.group)
	}
	return d, ""
}

// deploys reports whether a job of the stage deploys.
func deploys(stage pipeline.PipelineStage) bool {
	return slices.ContainsFunc(stage.Jobs, func(j pipeline.Job) bool { return j.Permission == pipeline.DeployPermission })
}

// A flow is one pipeline of the diagram of flows while it is made.
type flow struct {
	*Diagram
	config *config.Config
	group  *Box
	// artifacts are the boxes of the artifacts by name.
	artifacts    map[string]*Box
	arrowsBefore int
}

// addLine adds the stages of a pipeline.
func (f *flow) addLine(line pipeline.Pipeline) {
	f.arrowsBefore = len(f.Arrows)
	f.artifacts = map[string]*Box{}
	source := f.artifact(pipeline.SourceArtifact)
	source.Lines = append([]string{strings.Join(triggerText(f.config, line.Trigger), " ")}, source.Lines...)
	var last *Box
	var outputs []string
	for _, stage := range line.Stages {
		last, outputs = f.addStage(stage, last, outputs)
	}
}

// addStage adds a stage after the box of the stage before, which has written those artifacts. It returns the same for
// the next one. The source, which all jobs read, leads only to the first stage, and where an artifact leads to a stage
// no further arrow shows the order.
func (f *flow) addStage(stage pipeline.PipelineStage, last *Box, outputs []string) (*Box, []string) {
	if stage.Approval != "" {
		approval := f.group.add("a person approves", "what the plan shows")
		approval.Shape = Event
		f.connect(Arrow{From: last, To: approval})
		last = approval
	}
	box := f.group.add(flowLabel(stage)...)
	inputs := artifactsBefore(stage)
	if last == nil {
		inputs = []string{pipeline.SourceArtifact}
	}
	isPassedOn := func(name string) bool { return slices.Contains(inputs, name) }
	if stage.Approval != "" || !slices.ContainsFunc(outputs, isPassedOn) {
		f.connect(Arrow{From: last, To: box})
	}
	for _, name := range inputs {
		f.connect(Arrow{From: f.artifact(name), To: box})
	}
	return box, f.addOutputs(stage, box)
}

// addOutputs adds the artifacts that the stage's jobs write, whose names it returns, and the accounts that they deploy
// to.
func (f *flow) addOutputs(stage pipeline.PipelineStage, box *Box) (outputs []string) {
	for _, job := range stage.Jobs {
		if job.Output != "" {
			f.connect(Arrow{From: box, To: f.artifact(job.Output)})
			outputs = append(outputs, job.Output)
		}
		if env, ok := f.config.Environment(job.Environment); ok && job.Permission == pipeline.DeployPermission {
			account := f.group.add(env.Name, "account "+env.ID)
			f.connect(Arrow{From: box, To: account, Label: "deploys"})
		}
	}
	return outputs
}

// artifact returns the box of an artifact.
func (f *flow) artifact(name string) *Box {
	if f.artifacts[name] == nil {
		f.artifacts[name] = f.group.add("artifact " + name)
		f.artifacts[name].Shape = Document
	}
	return f.artifacts[name]
}

// artifactsBefore returns the artifacts that the stage's jobs read besides the source.
func artifactsBefore(stage pipeline.PipelineStage) []string {
	var names []string
	for _, job := range stage.Jobs {
		for _, name := range job.Inputs {
			if name != pipeline.SourceArtifact && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// flowLabel returns the label of a stage: its name, its jobs and the functions that they call.
func flowLabel(stage pipeline.PipelineStage) []string {
	var jobs, functions []string
	for _, job := range stage.Jobs {
		jobs = append(jobs, job.Name)
		for _, call := range job.Calls {
			if !slices.Contains(functions, call.Function) {
				functions = append(functions, call.Function)
			}
		}
	}
	if len(stage.Jobs) > 1 {
		return []string{stage.Name, strings.Join(jobs, ", ")}
	}
	calls := strings.Join(functions, ", then ")
	if calls == stage.Name {
		return []string{stage.Name}
	}
	return []string{stage.Name + ": " + calls}
}
