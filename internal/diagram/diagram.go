// Package diagram draws a platform from what defines it: the configuration, the graph of steps, the pipelines and the
// synthesised templates. It owns what each diagram shows and how a diagram becomes D2, a language that a layout engine
// reads, and then an accessible SVG. It knows nothing of files, processes or terminals.
package diagram

import (
	"cmp"
	"slices"

	"lockstep/config"
	"lockstep/internal/deploy/assembly"
	"lockstep/internal/pipeline"
)

// MaxBoxes is the number of boxes that a diagram has at most, those that group others included. A reader cannot take in
// more, so what is larger is grouped and counted.
const MaxBoxes = 40

// A Diagram is a drawing of boxes and of arrows between them.
type Diagram struct {
	// Name is the base name of the diagram's files.
	Name string
	// Title and Description are what a screen reader says.
	Title, Description string
	// LeftToRight says that arrows point to the right instead of down.
	LeftToRight bool
	// Columns arranges the boxes in a grid; 0 arranges them by their arrows.
	Columns int
	Boxes   []*Box
	Arrows  []Arrow
}

// A Box is a thing, or a group of things, in a diagram.
type Box struct {
	// Lines are the lines of the label. They may come from outside: any text is safe.
	Lines []string
	Shape Shape
	// Columns arranges the boxes inside in a grid; 0 arranges them by their arrows.
	Columns int
	Boxes   []*Box
}

// A Shape is the shape of a box.
type Shape string

// The shapes, by their names in D2.
const (
	Rectangle Shape = ""
	Document  Shape = "page"
	Database  Shape = "cylinder"
	// Event is a rectangle with round corners: an oval that is stretched to fill a grid hides its label.
	Event Shape = "event"
)

// An Arrow leads from a box to another. Both are in the diagram.
type Arrow struct {
	From, To *Box
	Label    string
	// Dashed is for an order without a need.
	Dashed bool
}

// add adds a box with these lines to the boxes inside and returns it.
func (b *Box) add(lines ...string) *Box {
	inner := &Box{Lines: lines}
	b.Boxes = append(b.Boxes, inner)
	return inner
}

// add adds a box with these lines and returns it.
func (d *Diagram) add(lines ...string) *Box {
	box := &Box{Lines: lines}
	d.Boxes = append(d.Boxes, box)
	return box
}

// connect adds an arrow, unless there is one or both ends are the same box.
func (d *Diagram) connect(arrow Arrow) {
	if arrow.From == nil || arrow.To == nil || arrow.From == arrow.To {
		return
	}
	for _, other := range d.Arrows {
		if other.From == arrow.From && other.To == arrow.To {
			return
		}
	}
	d.Arrows = append(d.Arrows, arrow)
}

// arrangeGroups arranges the boxes that no arrow leads to or from in a grid, because a layout by arrows puts them all
// side by side.
func (d *Diagram) arrangeGroups() {
	const columns = 3
	isConnected, linksGroups := map[*Box]bool{}, false
	groupOf := map[*Box]*Box{}
	for _, group := range d.Boxes {
		for _, box := range group.Boxes {
			groupOf[box] = group
		}
	}
	for _, a := range d.Arrows {
		isConnected[a.From], isConnected[a.To] = true, true
		linksGroups = linksGroups || groupOf[a.From] != groupOf[a.To]
	}
	for _, group := range d.Boxes {
		isAlone := func(b *Box) bool { return !isConnected[b] }
		alone := slices.DeleteFunc(slices.Clone(group.Boxes), func(b *Box) bool { return !isAlone(b) })
		switch {
		case len(alone) == len(group.Boxes):
			group.Columns = min(columns, len(alone))
		case len(alone) > columns:
			rest := slices.DeleteFunc(group.Boxes, isAlone)
			group.Boxes = append(rest, &Box{Lines: []string{"independent"}, Columns: columns, Boxes: alone})
		}
	}
	if !linksGroups && len(d.Boxes) > 1 {
		d.Columns = 1
	}
}

// countBoxes returns the number of boxes, those inside others included.
func countBoxes(boxes []*Box) int {
	n := len(boxes)
	for _, b := range boxes {
		n += countBoxes(b.Boxes)
	}
	return n
}

// A Platform is what the diagrams are drawn from.
type Platform struct {
	// Config is nil for cloud assemblies outside of a project.
	Config *config.Config
	// Graph has all steps; nil without a Config.
	Graph *pipeline.Graph
	// Assemblies are the cloud assemblies. Those of an environment's accounts have the same name.
	Assemblies []Assembly
	// Detailed is the name of the assembly whose stacks are drawn with what is in them; empty for all.
	Detailed string
}

// An Assembly is a cloud assembly with a name: mostly that of its environment.
type Assembly struct {
	Name string
	*assembly.Assembly
}

// detailed returns the assemblies whose stacks are drawn with what is in them.
func (p Platform) detailed() []Assembly {
	if p.Detailed == "" {
		return p.Assemblies
	}
	return slices.DeleteFunc(slices.Clone(p.Assemblies), func(a Assembly) bool { return a.Name != p.Detailed })
}

// An Omission is a diagram that is not drawn, and why.
type Omission struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

// Draw returns the diagrams of the platform in the order of their names, and those that it has nothing to draw for.
// The same platform gives the same diagrams.
func Draw(p Platform) (drawn []Diagram, omitted []Omission) {
	for _, picture := range pictures {
		d, reason := picture.draw(p)
		if reason != "" {
			omitted = append(omitted, Omission{picture.name, reason})
			continue
		}
		d.Name = picture.name
		drawn = append(drawn, *d)
	}
	byName := func(a, b Diagram) int { return cmp.Compare(a.Name, b.Name) }
	slices.SortFunc(drawn, byName)
	return drawn, omitted
}

// pictures are all diagrams. A function returns the diagram, or why there is nothing to draw.
var pictures = []struct {
	name string
	draw func(Platform) (d *Diagram, reason string)
}{
	{"accounts", drawAccounts},
	{"architecture", drawArchitecture},
	{"dag", drawSteps},
	{"database", drawDatabases},
	{"flow", drawFlow},
	{"pipeline", drawPipelines},
	{"stacks", drawStacks},
	{"trust", drawTrust},
}

// The reasons why a diagram is not drawn.
const (
	noConfiguration = "it shows the configuration of a project, and this is a cloud assembly outside of one"
	noPipelines     = "the configuration has no source, so there is no pipeline"
	noDatabases     = "no stack has a database"
	noAssembly      = "there is no cloud assembly"
)
