package pipeline

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"path"
	"slices"
	"strings"

	"lockstep/internal/fault"
)

// A Graph is a validated set of steps in a fixed order: each step comes after its predecessors, and among the steps
// that could come next the first one of the table does.
type Graph struct {
	steps []Step
	index map[string]int
}

// NewGraph validates the steps and sorts them. The error has a line for each unknown name, duplicate name and output
// that two steps write; if there is none, it is a cycle with its path.
func NewGraph(steps []Step) (*Graph, error) {
	index := make(map[string]int, len(steps))
	var problems []error
	for i, s := range steps {
		if j, isTaken := index[s.Name]; isTaken {
			problems = append(problems, fault.Errorf(fault.ConfigSteps,
				"step %q stands in the table twice, as number %d and %d", s.Name, j+1, i+1))
			continue
		}
		index[s.Name] = i
	}
	problems = append(problems, unknownNames(steps, index)...)
	problems = append(problems, sharedOutputs(steps)...)
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	ordered, err := sortTopologically(steps, index)
	if err != nil {
		return nil, err
	}
	g := &Graph{steps: ordered, index: make(map[string]int, len(ordered))}
	for i, s := range ordered {
		g.index[s.Name] = i
		if s.Effect == "" {
			g.steps[i].Effect = Compute
		}
	}
	return g, nil
}

// unknownNames returns an error for each name of a step, image, cache or tool that does not exist.
func unknownNames(steps []Step, index map[string]int) []error {
	var problems []error
	for _, s := range steps {
		for _, need := range s.predecessors() {
			if _, ok := index[need]; !ok {
				problems = append(problems, fault.Errorf(fault.ConfigSteps, "step %q waits for %q, which is no step", s.Name, need))
			}
		}
		if len(s.Command) == 0 {
			problems = append(problems, fault.Errorf(fault.ConfigSteps, "step %q has no command", s.Name))
		}
		if _, ok := Images[s.Image]; !ok {
			problems = append(problems, fault.Errorf(fault.ConfigSteps,
				"step %q runs in image %q, which is no key of Images", s.Name, s.Image))
		}
		for _, c := range s.Caches {
			if _, ok := Caches[c]; !ok {
				problems = append(problems, fault.Errorf(fault.ConfigSteps,
					"step %q uses cache %q, which is no key of Caches", s.Name, c))
			}
		}
		if _, err := s.ExtraFiles(); err != nil {
			problems = append(problems, err)
		}
		for _, t := range s.Tools {
			if _, ok := Tools[t]; !ok {
				problems = append(problems, fault.Errorf(fault.ConfigSteps,
					"step %q uses tool %q, which is no key of Tools", s.Name, t))
			}
		}
	}
	return problems
}

// sharedOutputs returns an error for each pair of outputs that are equal or inside each other.
func sharedOutputs(steps []Step) []error {
	type claim struct{ step, path string }
	var claims []claim
	var problems []error
	for _, s := range steps {
		for _, out := range slices.Concat(s.Outputs, s.Installs) {
			p := path.Clean(out)
			for _, c := range claims {
				if p == c.path || strings.HasPrefix(p, c.path+"/") || strings.HasPrefix(c.path, p+"/") {
					problems = append(problems, fault.Errorf(fault.ConfigSteps,
						"step %q writes %s and step %q writes %s", c.step, c.path, s.Name, p))
				}
			}
			claims = append(claims, claim{s.Name, p})
		}
	}
	return problems
}

// predecessors returns the names of the steps that must have ended before this one starts.
func (s Step) predecessors() []string { return slices.Concat(s.Needs, s.After) }

// sortTopologically sorts the steps by a depth-first search in the order of the table.
func sortTopologically(steps []Step, index map[string]int) ([]Step, error) {
	const (
		unseen = iota
		open
		done
	)
	state := make([]int, len(steps))
	ordered := make([]Step, 0, len(steps))
	var trail []string
	var visit func(i int) error
	visit = func(i int) error {
		name := steps[i].Name
		switch state[i] {
		case done:
			return nil
		case open:
			from := slices.Index(trail, name)
			return fault.Errorf(fault.ConfigSteps, "the steps need each other in a cycle: %s",
				strings.Join(append(slices.Clone(trail[from:]), name), " -> "))
		}
		state[i], trail = open, append(trail, name)
		for _, need := range steps[i].predecessors() {
			if err := visit(index[need]); err != nil {
				return err
			}
		}
		state[i], trail = done, trail[:len(trail)-1]
		ordered = append(ordered, steps[i])
		return nil
	}
	for i := range steps {
		if err := visit(i); err != nil {
			return nil, err
		}
	}
	return ordered, nil
}

// Steps returns the steps in order.
func (g *Graph) Steps() []Step { return slices.Clone(g.steps) }

// Step returns the step of that name and reports whether there is one.
func (g *Graph) Step(name string) (Step, bool) {
	i, ok := g.index[name]
	if !ok {
		return Step{}, false
	}
	return g.steps[i], true
}

// Predecessors returns the names of the steps of this graph that must have passed before the named one starts.
func (g *Graph) Predecessors(name string) []string { return g.steps[g.index[name]].predecessors() }

// Select returns the graph of the steps that pick reports true for and of everything that they need. A step that they
// only come after stays only if it is picked too.
func (g *Graph) Select(pick func(Step) bool) *Graph {
	return g.subgraph(pick, func(Step) bool { return false })
}

// Without returns the graph without the steps that done reports true for, and without the steps that only those need.
func (g *Graph) Without(done func(Step) bool) *Graph {
	isNeeded := map[string]bool{}
	for _, s := range g.steps {
		for _, need := range s.Needs {
			isNeeded[need] = true
		}
	}
	return g.subgraph(func(s Step) bool { return !isNeeded[s.Name] }, done)
}

// subgraph returns the graph of the root steps and of everything that they need, directly or through each other, up to
// the steps that are done. References to steps that are not in it are removed.
func (g *Graph) subgraph(isRoot, isDone func(Step) bool) *Graph {
	keep := map[string]bool{}
	var add func(Step)
	add = func(s Step) {
		if keep[s.Name] || isDone(s) {
			return
		}
		keep[s.Name] = true
		for _, need := range s.Needs {
			add(g.steps[g.index[need]])
		}
	}
	for _, s := range g.steps {
		if isRoot(s) {
			add(s)
		}
	}
	sub := &Graph{index: map[string]int{}}
	isGone := func(name string) bool { return !keep[name] }
	for _, s := range g.steps {
		if !keep[s.Name] {
			continue
		}
		s.Needs = slices.DeleteFunc(slices.Clone(s.Needs), isGone)
		s.After = slices.DeleteFunc(slices.Clone(s.After), isGone)
		sub.index[s.Name] = len(sub.steps)
		sub.steps = append(sub.steps, s)
	}
	return sub
}

// WithExtraArgs returns the graph with arguments added to the commands of the steps of a stage.
func (g *Graph) WithExtraArgs(stage Stage, arguments ...string) *Graph {
	extended := &Graph{steps: slices.Clone(g.steps), index: g.index}
	for i, s := range extended.steps {
		if s.Stage == stage {
			extended.steps[i].ExtraArgs = slices.Concat(s.ExtraArgs, arguments)
		}
	}
	return extended
}

// Digest returns the SHA-256, in hexadecimal, of the steps and of the images that they run in. Two runs with the same
// digest ran the same commands with the same declared inputs in the same order.
func (g *Graph) Digest() string { return digestSteps(g.steps, Images) }

// digestSteps returns the digest of the steps and of the images that they name.
func digestSteps(steps []Step, images map[string]string) string {
	hash := sha256.New()
	enc := json.NewEncoder(hash)
	for _, s := range steps {
		// A step has strings, and maps and slices of strings: encoding it cannot fail, and sorts the maps.
		_ = enc.Encode(s)
		_ = enc.Encode(images[s.Image])
	}
	return hex.EncodeToString(hash.Sum(nil))
}
