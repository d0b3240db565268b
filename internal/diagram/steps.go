package diagram

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/pipeline"
)

// drawSteps draws the graph of steps: those of the same stage that wait for the same steps as one box, those of an
// environment in a box of its own.
func drawSteps(p Platform) (*Diagram, string) {
	if p.Graph == nil {
		return nil, noConfiguration
	}
	for _, collapse := range []bool{false, true} {
		s := newStepsDrawing(p.Graph, collapse)
		if countBoxes(s.Boxes) <= MaxBoxes {
			return s.Diagram, ""
		}
	}
	s := newStepsDrawing(p.Graph.Select(func(s pipeline.Step) bool { return s.Environment == "" }), true)
	s.Description += " The steps of the environments are left out, because there are too many."
	return s.Diagram, ""
}

// A stepsDrawing is the diagram of the steps while it is made.
type stepsDrawing struct {
	*Diagram
	graph *pipeline.Graph
	// boxOf is the box of each step, by the step's name.
	boxOf map[string]*Box
	// gates is the box of the gates that every environment waits for.
	gates *Box
}

// newStepsDrawing draws the graph. With collapse, the steps of an environment are one box.
func newStepsDrawing(g *pipeline.Graph, collapse bool) stepsDrawing {
	s := stepsDrawing{
		graph: g, boxOf: map[string]*Box{},
		Diagram: &Diagram{
			Title: "Steps",
			Description: "The steps of the pipeline and what they wait for. Steps of a stage that wait for the same steps share " +
				"a box. An arrow leads from a step to one that needs it; a dashed one is only an order.",
		},
	}
	environments := map[string]*Box{}
	for _, class := range classify(g) {
		first := class[0]
		switch {
		case first.Environment != "" && collapse:
			s.addToEnvironment(environments, class)
		case first.Environment != "":
			if environments[first.Environment] == nil {
				environments[first.Environment] = s.add(first.Environment)
			}
			s.addClass(environments[first.Environment].add(classLabel(class)...), class)
		case slices.Contains(pipeline.GateStages, first.Stage):
			if s.gates == nil {
				s.gates = s.add("gates")
				s.gates.Columns = 2
			}
			s.addClass(s.gates.add(classLabel(class)...), class)
		default:
			s.addClass(s.add(classLabel(class)...), class)
		}
	}
	s.connectSteps()
	return s
}

// addClass notes which steps a box stands for.
func (s stepsDrawing) addClass(box *Box, class []pipeline.Step) {
	for _, step := range class {
		s.boxOf[step.Name] = box
	}
}

// addToEnvironment adds the steps to the only box of their environment.
func (s stepsDrawing) addToEnvironment(environments map[string]*Box, class []pipeline.Step) {
	name := class[0].Environment
	if environments[name] == nil {
		environments[name] = s.add(name)
	}
	box := environments[name]
	for _, step := range class {
		kind, _, _ := strings.Cut(step.Name, ":")
		box.Lines = append(box.Lines, kind)
	}
	s.addClass(box, class)
}

// connectSteps adds an arrow for each direct predecessor of a step. Gates that all come before a step of an environment
// become one arrow from the box of the gates.
func (s stepsDrawing) connectSteps() {
	for _, step := range s.graph.Steps() {
		for _, name := range s.graph.DirectPredecessors(step) {
			before, _ := s.graph.Step(name)
			from := s.boxOf[name]
			if step.Environment != "" && before.Environment == "" && slices.Contains(pipeline.GateStages, before.Stage) {
				from = s.gates
			}
			s.connect(Arrow{From: from, To: s.boxOf[step.Name], Dashed: !slices.Contains(step.Needs, name)})
		}
	}
}

// classify returns the steps in classes of the same stage, environment and predecessors, in the order of the graph.
func classify(g *pipeline.Graph) [][]pipeline.Step {
	var classes [][]pipeline.Step
	index := map[string]int{}
	for _, step := range g.Steps() {
		key := fmt.Sprint(step.Stage, "\n", step.Environment, "\n", strings.Join(g.Predecessors(step.Name), "\n"))
		i, ok := index[key]
		if !ok {
			i = len(classes)
			index[key] = i
			classes = append(classes, nil)
		}
		classes[i] = append(classes[i], step)
	}
	return classes
}

// classLabel returns the name of a single step, or the stage and the names of several.
func classLabel(class []pipeline.Step) []string {
	const perLine = 3
	if len(class) == 1 {
		return []string{class[0].Name}
	}
	names := make([]string, len(class))
	for i, step := range class {
		names[i] = step.Name
	}
	lines := []string{fmt.Sprintf("%s: %s", class[0].Stage, counted(len(class), "step"))}
	for some := range slices.Chunk(names, perLine) {
		lines = append(lines, strings.Join(some, ", "))
	}
	return lines
}
