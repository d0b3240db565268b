package assembly

import (
	"cmp"
	"slices"
	"strings"

	"lockstep/internal/fault"
)

// linkStacks adds to every stack the stacks that it needs and the assets that it publishes.
func (r *reader) linkStacks(nodes []*node) error {
	seen := map[*node]bool{}
	var visit func(n *node) error
	visit = func(n *node) error {
		if seen[n] {
			return nil
		}
		seen[n] = true
		if n.stack != nil {
			if err := r.linkStack(n); err != nil {
				return err
			}
		}
		for _, dep := range n.deps {
			if err := visit(dep); err != nil {
				return err
			}
		}
		return nil
	}
	for _, n := range nodes {
		if err := visit(n); err != nil {
			return err
		}
	}
	return nil
}

// linkStack links one stack. It needs the first stack on every path of dependencies. It publishes the assets of the
// manifests that it depends on directly.
func (r *reader) linkStack(from *node) error {
	for _, dep := range from.deps {
		if dep.assets != nil {
			if err := dep.assets.addTo(from.stack, r); err != nil {
				return err
			}
		}
	}
	seen := map[*node]bool{from: true}
	var walk func(n *node)
	walk = func(n *node) {
		for _, dep := range n.deps {
			if seen[dep] {
				continue
			}
			seen[dep] = true
			if dep.stack != nil {
				from.stack.Needs = append(from.stack.Needs, dep.stack)
				continue
			}
			walk(dep)
		}
	}
	walk(from)
	slices.SortFunc(from.stack.Needs, byID)
	return nil
}

// byID compares two stacks by their ids.
func byID(a, b *Stack) int { return cmp.Compare(a.ID, b.ID) }

// sortByDependency returns the stacks with each one after those that it needs. Of those that can come next it takes the
// one with the smallest id. The error names the stacks of a cycle.
func sortByDependency(stacks []*Stack) ([]*Stack, error) {
	rest := slices.SortedFunc(slices.Values(stacks), byID)
	if err := checkUniqueNames(rest); err != nil {
		return nil, err
	}
	done := map[*Stack]bool{}
	out := make([]*Stack, 0, len(rest))
	for len(rest) > 0 {
		next := slices.IndexFunc(rest, func(s *Stack) bool {
			return !slices.ContainsFunc(s.Needs, func(need *Stack) bool { return !done[need] })
		})
		if next < 0 {
			return nil, fault.Errorf(fault.AssemblyDamaged, "stacks need each other in a circle: %s", findCycle(rest, done))
		}
		done[rest[next]] = true
		out = append(out, rest[next])
		rest = slices.Delete(rest, next, next+1)
	}
	return out, nil
}

// checkUniqueNames refuses two stacks of one name in one account and region: the second would overwrite the first.
func checkUniqueNames(stacks []*Stack) error {
	seen := map[string]string{}
	for _, s := range stacks {
		name := s.Name + " in " + s.Account + "/" + s.Region
		if other, ok := seen[name]; ok {
			return fault.Errorf(fault.AssemblyDamaged, "artefacts %s and %s are both stack %s", other, s.ID, name)
		}
		seen[name] = s.ID
	}
	return nil
}

// findCycle follows the needs of stacks that are not done until it meets a stack twice, and returns the names from
// there.
func findCycle(rest []*Stack, done map[*Stack]bool) string {
	var names []string
	position := map[*Stack]int{}
	for s := rest[0]; ; {
		if i, ok := position[s]; ok {
			return strings.Join(append(names[i:], s.Name), " -> ")
		}
		position[s] = len(names)
		names = append(names, s.Name)
		i := slices.IndexFunc(s.Needs, func(need *Stack) bool { return !done[need] })
		s = s.Needs[i]
	}
}
