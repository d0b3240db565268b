package diagram

import (
	"fmt"
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
	for _, maxJobs := range []int{MaxBoxes, 1} {
		d := &Diagram{
			Title:       "CI/CD pipelines",
			Description: "The pipelines of CodePipeline. Each row is one pipeline: what starts it, then its stages and their jobs.",
			Columns:     1,
		}
		for _, line := range pipelines {
			d.addPipeline(p.Config, line, maxJobs)
		}
		if countBoxes(d.Boxes) <= MaxBoxes {
			return d, ""
		}
	}
	return outlinePipelines(p.Config, pipelines), ""
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

// addPipeline adds a pipeline. A stage with more jobs than maxJobs is one box that counts them.
func (d *Diagram) addPipeline(c *config.Config, line pipeline.Pipeline, maxJobs int) {
	row := d.add(pipelineTitle(line))
	row.Columns = len(line.Stages) + 1
	last := row.add(triggerText(c, line.Trigger)...)
	last.Shape = Event
	for _, stage := range line.Stages {
		box := row.add(stageLabel(stage, maxJobs)...)
		if stage.Approval != "" || len(stage.Jobs) > 1 && len(stage.Jobs) <= maxJobs {
			box.Lines, box.Columns = []string{stage.Name}, 1
			box.addJobs(stage, maxJobs)
		}
		d.connect(Arrow{From: last, To: box})
		last = box
	}
}

// addJobs adds the approval of a stage and its jobs.
func (b *Box) addJobs(stage pipeline.PipelineStage, maxJobs int) {
	if stage.Approval != "" {
		b.add("approval by a person").Shape = Event
	}
	if len(stage.Jobs) > maxJobs {
		b.add(counted(len(stage.Jobs), "job"))
		return
	}
	for _, job := range stage.Jobs {
		b.add(jobName(job))
	}
}

// jobName returns the name of a job without what its pipeline says already.
func jobName(job pipeline.Job) string {
	if job.Permission == pipeline.ReadPermission {
		return job.Name + ", read only"
	}
	return job.Name
}

// stageLabel returns the label of a stage that is one box.
func stageLabel(stage pipeline.PipelineStage, maxJobs int) []string {
	switch {
	case len(stage.Jobs) > maxJobs:
		return []string{stage.Name, counted(len(stage.Jobs), "job")}
	case len(stage.Jobs) == 1 && stage.Jobs[0].Name != stage.Name:
		return []string{stage.Name, "job " + stage.Jobs[0].Name}
	}
	return []string{stage.Name}
}

// outlinePipelines draws each pipeline as one box with the names of its stages.
func outlinePipelines(c *config.Config, pipelines []pipeline.Pipeline) *Diagram {
	d := &Diagram{Title: "CI/CD pipelines", Description: "The pipelines of CodePipeline and their stages.", Columns: 1}
	for _, line := range pipelines {
		lines := append([]string{pipelineTitle(line)}, triggerText(c, line.Trigger)...)
		for _, stage := range line.Stages {
			lines = append(lines, stage.Name+": "+counted(len(stage.Jobs), "job"))
		}
		d.add(lines...)
	}
	return d
}

func pipelineTitle(line pipeline.Pipeline) string { return line.Name + ": " + line.Description }

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
		Description: "How a change becomes a deployment: the artifacts that the jobs of a pipeline pass on, and where a person " +
			"approves.",
	}
	for _, line := range pipelines {
		if !slices.ContainsFunc(line.Stages, deploys) {
			continue
		}
		f := flow{Diagram: d, config: p.Config, group: &Box{Lines: []string{pipelineTitle(line)}}}
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
	start := f.group.add(triggerText(f.config, line.Trigger)...)
	start.Shape = Event
	f.artifacts = map[string]*Box{}
	f.connect(Arrow{From: start, To: f.artifact(pipeline.SourceArtifact)})
	var last *Box
	for _, stage := range line.Stages {
		last = f.addStage(stage, last)
	}
}

// addStage adds a stage after the box of the stage before, and returns the box that the next one comes after. Only
// the artifacts that were made last lead to a job: the source, which all jobs have, leads to the first.
func (f *flow) addStage(stage pipeline.PipelineStage, last *Box) *Box {
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
	f.connect(Arrow{From: last, To: box})
	for _, name := range inputs {
		f.connect(Arrow{From: f.artifact(name), To: box})
	}
	f.addOutputs(stage, box)
	return box
}

// addOutputs adds the artifacts that the stage's jobs write and the accounts that they deploy to.
func (f *flow) addOutputs(stage pipeline.PipelineStage, box *Box) {
	for _, job := range stage.Jobs {
		if job.Output != "" {
			f.connect(Arrow{From: box, To: f.artifact(job.Output)})
		}
		if env, ok := f.config.Environment(job.Environment); ok && job.Permission == pipeline.DeployPermission {
			account := f.group.add(env.Name, "account "+env.ID)
			account.Shape = Database
			f.connect(Arrow{From: box, To: account, Label: "deploys"})
		}
	}
}

// artifact returns the box of an artifact.
func (f *flow) artifact(name string) *Box {
	if f.artifacts[name] == nil {
		f.artifacts[name] = f.group.add("artifact", name)
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
	return []string{fmt.Sprintf("%s: %s", stage.Name, strings.Join(functions, ", then "))}
}
