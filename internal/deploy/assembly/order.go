package assembly

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// linkStacks gives every stack the stacks it needs and the assets it publishes, through whatever artefacts lie between.
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

// linkStack walks from a stack until the next stack on every path. Only asset manifests that it names itself are its
// own to publish; those behind them belong to others.
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

func byID(a, b *Stack) int { return cmp.Compare(a.ID, b.ID) }

// sortByDependency puts each stack after those that it needs; among those that could come next, the one with the
// smallest id.
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
			return nil, fmt.Errorf("stacks need each other in a circle: %s", findCycle(rest, done))
		}
		done[rest[next]] = true
		out = append(out, rest[next])
		rest = slices.Delete(rest, next, next+1)
	}
	return out, nil
}

// checkUniqueNames refuses two stacks of one name in one place: the second would overwrite the first.
func checkUniqueNames(stacks []*Stack) error {
	seen := map[string]string{}
	for _, s := range stacks {
		place := s.Name + " in " + s.Account + "/" + s.Region
		if other, ok := seen[place]; ok {
			return fmt.Errorf("artefacts %s and %s are both stack %s", other, s.ID, place)
		}
		seen[place] = s.ID
	}
	return nil
}

// findCycle follows unfinished needs until a stack comes up twice, and returns the way from there to there.
func findCycle(rest []*Stack, done map[*Stack]bool) string {
	var names []string
	at := map[*Stack]int{}
	for s := rest[0]; ; {
		if i, ok := at[s]; ok {
			return strings.Join(append(names[i:], s.Name), " -> ")
		}
		at[s] = len(names)
		names = append(names, s.Name)
		i := slices.IndexFunc(s.Needs, func(need *Stack) bool { return !done[need] })
		s = s.Needs[i]
	}
}
