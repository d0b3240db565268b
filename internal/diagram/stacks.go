package diagram

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
)

// A place is an account and a region, as an assembly has them.
type place struct{ account, region string }

// placeOf returns where a stack is deployed to.
func placeOf(s *assembly.Stack) place { return place{s.Account, s.Region} }

// String returns the place in words. An app need not name an account or a region.
func (p place) String() string {
	account, region := "any account", "any region"
	if p.account != "" {
		account = "account " + p.account
	}
	return account + ", " + cmp.Or(p.region, region)
}

// stacksByPlace returns the places of the stacks, in order, and the stacks of each.
func stacksByPlace(stacks []*assembly.Stack) ([]place, map[place][]*assembly.Stack) {
	byPlace := map[place][]*assembly.Stack{}
	for _, s := range stacks {
		byPlace[placeOf(s)] = append(byPlace[placeOf(s)], s)
	}
	places := slices.SortedFunc(maps.Keys(byPlace), func(a, b place) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.region, b.region))
	})
	return places, byPlace
}

// allStacks returns the stacks of the assemblies.
func allStacks(assemblies []Assembly) []*assembly.Stack {
	var stacks []*assembly.Stack
	for _, a := range assemblies {
		stacks = append(stacks, a.Stacks...)
	}
	return stacks
}

// drawStacks draws the stacks of each account and region, what is in them, and which ones they need. What is in them is
// drawn as boxes, as text, or only counted for a whole account, whichever is the most that fits.
func drawStacks(p Platform) (*Diagram, string) {
	stacks := allStacks(p.detailed())
	if len(stacks) == 0 {
		return nil, noAssembly
	}
	var d *Diagram
	for _, draw := range []func(*Diagram, []*assembly.Stack){addStacksWithServices, addStacks, addPlaces} {
		d = &Diagram{
			Title: "Stacks",
			Description: "The CloudFormation stacks of each account and region, with their resources by service. " +
				"An arrow leads from a stack to one that needs it.",
		}
		if draw(d, stacks); countBoxes(d.Boxes) <= MaxBoxes {
			break
		}
	}
	return d, "" // the last way has a limit
}

// addStacksWithServices adds a box for each stack, with a box for each service inside.
func addStacksWithServices(d *Diagram, stacks []*assembly.Stack) {
	const maxColumns = 4
	connectStacks(d, stacks, func(parent *Box, s *assembly.Stack) *Box {
		box := parent.add(s.Name)
		services := servicesOf(s)
		box.Columns = min(maxColumns, len(services))
		if len(services) == 0 {
			box.Lines = append(box.Lines, "no resource")
		}
		for _, service := range services {
			box.add(service.lines()...)
		}
		return box
	})
}

// addStacks adds a box for each stack, with its services as text.
func addStacks(d *Diagram, stacks []*assembly.Stack) {
	connectStacks(d, stacks, func(parent *Box, s *assembly.Stack) *Box {
		return parent.add(append([]string{s.Name}, summarize(s)...)...)
	})
}

// connectStacks adds a box for each place, in it what addStack adds for a stack, and the arrows between the stacks.
func connectStacks(d *Diagram, stacks []*assembly.Stack, addStack func(*Box, *assembly.Stack) *Box) {
	places, byPlace := stacksByPlace(stacks)
	boxes := map[*assembly.Stack]*Box{}
	for _, at := range places {
		parent := d.add(sentence(at.String()))
		for _, s := range byPlace[at] {
			boxes[s] = addStack(parent, s)
		}
	}
	for _, s := range stacks {
		for _, need := range directNeeds(s) {
			d.connect(Arrow{From: boxes[need], To: boxes[s]})
		}
	}
	d.arrangeGroups()
	d.LeftToRight = widestLevel(stacks) > maxRow
}

// maxRow is the number of boxes that fit side by side on a page.
const maxRow = 5

// widestLevel returns the largest number of stacks that have the same distance from one that needs no other. They are
// drawn side by side. The stacks are in the order of an assembly.
func widestLevel(stacks []*assembly.Stack) int {
	level, widest := map[*assembly.Stack]int{}, 0
	size := map[int]int{}
	isNeeded := map[*assembly.Stack]bool{}
	for _, s := range stacks {
		for _, need := range s.Needs {
			level[s] = max(level[s], level[need]+1)
			isNeeded[need] = true
		}
	}
	for _, s := range stacks {
		if len(s.Needs) > 0 || isNeeded[s] {
			size[level[s]]++
			widest = max(widest, size[level[s]])
		}
	}
	return widest
}

// directNeeds returns the stacks that the stack needs and that no other stack that it needs does.
func directNeeds(s *assembly.Stack) []*assembly.Stack {
	further := map[*assembly.Stack]bool{}
	var follow func(*assembly.Stack)
	follow = func(from *assembly.Stack) {
		for _, need := range from.Needs {
			if !further[need] {
				further[need] = true
				follow(need)
			}
		}
	}
	for _, need := range s.Needs {
		follow(need)
	}
	return slices.DeleteFunc(slices.Clone(s.Needs), func(need *assembly.Stack) bool { return further[need] })
}

// addPlaces adds a box for each account and region with the number of its stacks. Places beyond the limit become one
// box.
func addPlaces(d *Diagram, stacks []*assembly.Stack) {
	const columns = 4
	d.Columns = columns
	places, byPlace := stacksByPlace(stacks)
	shown := places
	if len(places) > MaxBoxes {
		shown = places[:MaxBoxes-1]
	}
	for _, at := range shown {
		inside := byPlace[at]
		d.add(append([]string{sentence(at.String()), counted(len(inside), "stack")}, summarize(inside...)...)...)
	}
	if len(shown) == len(places) {
		return
	}
	var rest []*assembly.Stack
	for _, at := range places[len(shown):] {
		rest = append(rest, byPlace[at]...)
	}
	label := fmt.Sprintf("%d more accounts or regions", len(places)-len(shown))
	d.add(append([]string{label, counted(len(rest), "stack")}, summarize(rest...)...)...)
}

// sentence returns the text with its first letter in upper case.
func sentence(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
