package diagram

import (
	"cmp"
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
	// boxOf is the box of each step, and groupOf the outermost box that it is in, by the step's name.
	boxOf, groupOf map[string]*Box
	// groups are the boxes of the gates and of the environments, by name.
	groups map[string]*Box
}

// gatesGroup is the name of the group of the gates that are not of an environment.
const gatesGroup = "gates"

// newStepsDrawing draws the graph. With collapse, the steps of an environment are one box.
func newStepsDrawing(g *pipeline.Graph, collapse bool) stepsDrawing {
	s := stepsDrawing{
		graph: g, boxOf: map[string]*Box{}, groupOf: map[string]*Box{}, groups: map[string]*Box{},
		Diagram: &Diagram{
			Title: "Steps",
			Description: "The steps of the pipeline in their order. Steps of a stage that wait for the same steps share a " +
				"box. An arrow leads from a step to one that needs it; a dashed one is only an order.",
		},
	}
	for _, class := range classify(g) {
		first := class[0]
		switch {
		case first.Environment != "" && collapse:
			s.addLine(s.group(first.Environment), class)
		case first.Environment != "":
			s.addClass(s.group(first.Environment), class)
		case slices.Contains(pipeline.GateStages, first.Stage):
			s.addClass(s.group(gatesGroup), class)
		default:
			s.addClass(nil, class)
		}
	}
	s.connectSteps()
	s.arrangeGroups()
	return s
}

// group returns the box of that name.
func (s stepsDrawing) group(name string) *Box {
	if s.groups[name] == nil {
		s.groups[name] = s.add(name)
	}
	return s.groups[name]
}

// addClass adds a box for steps, in a group or, if that is nil, in none.
func (s stepsDrawing) addClass(group *Box, class []pipeline.Step) {
	box := &Box{Lines: classLabel(class)}
	if group == nil {
		group = box
		s.Boxes = append(s.Boxes, box)
	} else {
		group.Boxes = append(group.Boxes, box)
	}
	for _, step := range class {
		s.boxOf[step.Name], s.groupOf[step.Name] = box, group
	}
}

// addLine adds steps to the label of their environment's box.
func (s stepsDrawing) addLine(box *Box, class []pipeline.Step) {
	for _, step := range class {
		kind, _, _ := strings.Cut(step.Name, ":")
		box.Lines = append(box.Lines, kind)
		s.boxOf[step.Name], s.groupOf[step.Name] = box, box
	}
}

// connectSteps adds the arrows: between steps of a group, and from group to group. A group that another one leads to
// needs no arrow from what leads to that one.
func (s stepsDrawing) connectSteps() {
	between := map[*Box]map[*Box]bool{} // whether there is a need, by where the arrow leads to and comes from
	for _, step := range s.graph.Steps() {
		to := s.groupOf[step.Name]
		for _, name := range s.graph.DirectPredecessors(step) {
			isNeed := slices.Contains(step.Needs, name)
			from := s.groupOf[name]
			if from == to {
				s.connect(Arrow{From: s.boxOf[name], To: s.boxOf[step.Name], Dashed: !isNeed})
				continue
			}
			if between[to] == nil {
				between[to] = map[*Box]bool{}
			}
			between[to][from] = between[to][from] || isNeed
		}
	}
	for _, to := range s.Boxes {
		for _, from := range s.Boxes {
			if isNeed, ok := between[to][from]; ok && !leadsThroughOther(between, from, to) {
				s.connect(Arrow{From: from, To: to, Dashed: !isNeed})
			}
		}
	}
}

// leadsThroughOther reports whether another box that leads to a box comes after from.
func leadsThroughOther(between map[*Box]map[*Box]bool, from, to *Box) bool {
	seen := map[*Box]bool{to: true}
	var comesAfter func(*Box) bool
	comesAfter = func(box *Box) bool {
		if seen[box] {
			return false
		}
		seen[box] = true
		for before := range between[box] {
			if before == from || comesAfter(before) {
				return true
			}
		}
		return false
	}
	for other := range between[to] {
		if other != from && comesAfter(other) {
			return true
		}
	}
	return false
}

// arrangeGroups puts the boxes of an environment in a row, those without an arrow first, so that arrows lead to the
// next box. The gates are in two columns. What waits for others is in the order of what it waits for, so that no arrow
// crosses a box.
func (s stepsDrawing) arrangeGroups() {
	isConnected := map[*Box]bool{}
	for _, arrow := range s.Arrows {
		isConnected[arrow.From], isConnected[arrow.To] = true, true
	}
	for name, group := range s.groups {
		group.Columns = len(group.Boxes)
		if name == gatesGroup {
			group.Columns = min(2, len(group.Boxes))
		}
		slices.SortStableFunc(group.Boxes, func(a, b *Box) int {
			switch {
			case isConnected[a] == isConnected[b]:
				return 0
			case isConnected[b]:
				return -1
			}
			return 1
		})
		s.sortByPredecessors(group)
	}
}

// sortByPredecessors sorts the boxes of a group by the place of the last box that leads to each, those first to which
// none does.
func (s stepsDrawing) sortByPredecessors(group *Box) {
	last := map[*Box]int{} // counted from 1
	for _, arrow := range s.Arrows {
		last[arrow.To] = max(last[arrow.To], slices.Index(group.Boxes, arrow.From)+1)
	}
	slices.SortStableFunc(group.Boxes, func(a, b *Box) int { return cmp.Compare(last[a], last[b]) })
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
	if len(class) == 1 {
		kind, _, _ := strings.Cut(class[0].Name, ":") // the group has the name of the environment
		return []string{kind}
	}
	names := make([]string, len(class))
	for i, step := range class {
		names[i] = step.Name
	}
	lines := []string{fmt.Sprintf("%s: %s", class[0].Stage, counted(len(class), "step"))}
	return append(lines, inLines(names)...)
}
