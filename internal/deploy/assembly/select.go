package assembly

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

// A Place is where stacks are: an account and a region.
type Place struct{ Account, Region string }

// Place returns where the stack is.
func (s *Stack) Place() Place { return Place{s.Account, s.Region} }

// A Selection says which stacks of an assembly are deployed together, and which values their parameters have.
type Selection struct {
	// Places are where the stacks may be.
	Places []Place
	// Selectors select stacks: one of them has to match. Without one, all stacks in the places are selected.
	Selectors []Selector
	// Excluded exclude stacks: those that one of them matches are not selected.
	Excluded []Selector
	// Parameters are the values of parameters by the name of their stack. They replace those of the app.
	Parameters map[string]map[string]string
}

// A Selector matches stacks by everything that it names. What is empty matches every stack.
type Selector struct {
	// Name is a pattern, as path.Match has them, of the stack's name or of its path in the app.
	Name string
	// Stage is a pattern of the path of the stack's Stage, or of a Stage around that.
	Stage string
	// Tag is a tag of the stack, as KEY or KEY=VALUE.
	Tag string
}

// Takes reports whether a selection selects a stack.
func (s Selection) Takes(stack *Stack) bool {
	matches := func(selector Selector) bool { return selector.matches(stack) }
	return slices.Contains(s.Places, stack.Place()) && !slices.ContainsFunc(s.Excluded, matches) &&
		(len(s.Selectors) == 0 || slices.ContainsFunc(s.Selectors, matches))
}

func (s Selector) matches(stack *Stack) bool {
	return (s.Name == "" || matches(s.Name, stack.Name) || matches(s.Name, stack.Path)) &&
		(s.Stage == "" || matchesStage(s.Stage, stack.Stage)) && (s.Tag == "" || hasTag(stack.Tags, s.Tag))
}

// matches reports whether a pattern matches a text. The configuration has refused patterns that are invalid.
func matches(pattern, text string) bool {
	ok, err := path.Match(pattern, text)
	return ok && err == nil
}

func matchesStage(pattern, stage string) bool {
	for ; stage != "" && stage != "."; stage = path.Dir(stage) {
		if matches(pattern, stage) {
			return true
		}
	}
	return false
}

func hasTag(tags map[string]string, tag string) bool {
	key, value, hasValue := strings.Cut(tag, "=")
	got, ok := tags[key]
	return ok && (!hasValue || got == value)
}

// Select returns the assembly with the selected stacks alone, and the stacks that were left out. A stack that needs one
// that was left out needs what that one needs. The error names what the selection refers to and the assembly does not
// have.
func (a *Assembly) Select(selection Selection) (selected *Assembly, unselected []*Stack, err error) {
	copies := map[*Stack]*Stack{}
	selected = &Assembly{Digest: a.Digest, Lookups: a.Lookups, Files: a.Files}
	for _, s := range a.Stacks { // each after those that it needs
		if !selection.Takes(s) {
			unselected = append(unselected, s)
			continue
		}
		kept := *s
		kept.Needs = nil
		for _, need := range neededOf(s, selection) {
			kept.Needs = append(kept.Needs, copies[need])
		}
		copies[s] = &kept
		selected.Stacks = append(selected.Stacks, &kept)
	}
	if len(selected.Stacks) == 0 {
		return nil, unselected, refusal.Newf(fault.StackSelection, nil,
			"no stack of the cloud assembly goes to %s: %s", placesText(selection.Places),
			"correct the account and region of the environment or its `stacks`, or let the app define stacks for it; "+
				"the assembly has "+stacksText(unselected))
	}
	return selected, unselected, selected.setParameters(selection)
}

// neededOf returns the selected stacks that a stack needs, directly or by way of stacks that are not selected.
func neededOf(s *Stack, selection Selection) []*Stack {
	var needed []*Stack
	seen := map[*Stack]bool{}
	var visit func(s *Stack)
	visit = func(s *Stack) {
		for _, need := range s.Needs {
			switch {
			case seen[need]:
				continue
			case selection.Takes(need):
				needed = append(needed, need)
			default:
				seen[need] = true
				visit(need)
				continue
			}
			seen[need] = true
		}
	}
	visit(s)
	slices.SortFunc(needed, byID)
	return needed
}

// setParameters gives the parameters of the stacks the values of a selection.
func (a *Assembly) setParameters(selection Selection) error {
	var errs []error
	for _, name := range sortedKeys(selection.Parameters) {
		i := slices.IndexFunc(a.Stacks, func(s *Stack) bool { return s.Name == name })
		if i < 0 {
			errs = append(errs, refusal.Newf(fault.StackSelection, nil,
				"`stacks.parameters` of the environment has values for stack %s, which it does not have: it has %s",
				name, stacksText(a.Stacks)))
			continue
		}
		errs = append(errs, a.Stacks[i].setParameters(selection.Parameters[name]))
	}
	return errors.Join(errs...)
}

func (s *Stack) setParameters(values map[string]string) error {
	var errs []error
	all := maps.Clone(s.Parameters)
	for _, name := range sortedKeys(values) {
		p, ok := s.Template.Parameters[name]
		switch {
		case !ok:
			errs = append(errs, refusal.Newf(fault.StackSelection, nil,
				"`stacks.parameters` of the environment has a value for the parameter %s of stack %s, "+
					"which has no such parameter", name, s.Name))
		case p.IsSecret() && !strings.HasPrefix(values[name], "{{resolve:"):
			errs = append(errs, refusal.Newf(fault.StackSelection, nil,
				"parameter %s of stack %s is a secret (NoEcho), and the configuration may hold none: "+
					"let its value be a reference, {{resolve:secretsmanager:...}} or {{resolve:ssm-secure:...}}",
				name, s.Name))
		default:
			all[name] = values[name]
		}
	}
	s.Parameters = all
	return errors.Join(errs...)
}

// placesText names places for a message.
func placesText(places []Place) string {
	texts := make([]string, len(places))
	for i, p := range places {
		texts[i] = p.String()
	}
	return strings.Join(texts, " or ")
}

// String returns the place as messages name it.
func (p Place) String() string { return "account " + p.Account + " in " + p.Region }

// maxListed is how many stacks a message names.
const maxListed = 10

// stacksText names stacks and their places for a message.
func stacksText(stacks []*Stack) string {
	var texts []string
	for i, s := range stacks {
		if i == maxListed {
			texts = append(texts, fmt.Sprintf("%d more", len(stacks)-i))
			break
		}
		texts = append(texts, fmt.Sprintf("%s (%s/%s)", s.Name, s.Account, s.Region))
	}
	return strings.Join(texts, ", ")
}
