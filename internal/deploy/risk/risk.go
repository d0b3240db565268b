// Package risk owns the judgement which changes of a stack lose data or widen access. It is made of pure functions over
// templates, the values that they are resolved with, and changes. It knows nothing of AWS's API. Whatever governs
// access or keeps data and cannot be read counts as wider, or as lost, when it changes.
package risk

import (
	"maps"
	"slices"
	"strings"

	"lockstep/internal/deploy/assembly"
	"lockstep/internal/deploy/change"
	"lockstep/internal/deploy/resolve"
	"lockstep/internal/fault"
	"lockstep/internal/refusal"
)

// A Version is a stack before or after a change: its template, and what the template is resolved with.
type Version struct {
	// Template is the text of the template; empty for a stack that does not exist.
	Template string
	// Processed is the template after its macros, as CloudFormation has expanded it; empty if it is not known. It is not
	// looked at where the template has no macros.
	Processed string
	// Parameters are the values of parameters by name. One that is not among them has its default.
	Parameters map[string]resolve.Parameter
	// Pseudo are the values of pseudo parameters by name.
	Pseudo map[string]string
	// Nested returns the template of a nested stack, by the logical id of the resource and what its TemplateURL comes to.
	// Only its Template, Processed and Nested count, because the parent has the rest. ok is false if it is not known. It
	// may be nil.
	Nested func(logicalID, templateURL string) (v Version, ok bool)
	// Accounts are the ids of the accounts that a new stack may give access to; empty if they are not known.
	Accounts []string
	// TerminationProtection says that the stack cannot be deleted.
	TerminationProtection bool
}

// Flags returns the changes of a stack that need a permit.
func Flags(stack string, changes []change.Change, before, after Version) ([]change.Flag, error) {
	next, err := newSide(after)
	if err != nil {
		return nil, err
	}
	old, err := newSide(before)
	if err != nil {
		// People write templates in YAML. Nothing is known of such a one but that it has resources, so that whatever is
		// removed needs a permit, and whatever is granted.
		old = emptySide(before)
	}
	j := &judgement{
		stack: stack, changes: changes, old: old, next: next,
		isNew: err == nil && len(old.template.LogicalIDs()) == 0, isUnreadable: err != nil, accounts: after.Accounts,
	}
	j.judge(0)
	j.flags = append(j.flags, StackFlags(stack, before, after)...)
	for i := range j.flags {
		j.flags[i].Stack = stack
	}
	return j.flags, nil
}

// StackFlags returns what of a change of the stack itself, which no change set shows, needs a permit.
func StackFlags(stack string, before, after Version) []change.Flag {
	if !before.TerminationProtection || after.TerminationProtection {
		return nil
	}
	return []change.Flag{{
		Permit: change.DataLoss, Stack: stack, LogicalID: stack, Type: change.StackType,
		Why: "it is no longer protected from being deleted with all that is in it",
	}}
}

// A side is a template before or after a change.
type side struct {
	Version
	document map[string]any
	template *resolve.Template
	// isExpanded says that macros are expanded, or that there are none.
	isExpanded bool
	// prefix is the path of a nested stack, as in a judgement.
	prefix string
	// nestedSides are the nested stacks that were read, by their logical ids and properties.
	nestedSides map[string]*side
}

func newSide(v Version) (*side, error) { return newNestedSide(v, "") }

func newNestedSide(v Version, prefix string) (*side, error) {
	s := emptySide(v)
	s.prefix = prefix
	if v.Template == "" {
		return s, nil
	}
	document, err := assembly.ParseDocument(v.Template)
	if err != nil {
		return nil, err
	}
	s.use(document)
	if !s.template.HasMacro() {
		return s, nil
	}
	s.isExpanded = false
	if processed, err := assembly.ParseDocument(v.Processed); err == nil {
		s.use(processed)
		s.isExpanded = true
	}
	return s, nil
}

// emptySide returns a side without a template.
func emptySide(v Version) *side {
	s := &side{Version: v, isExpanded: true, nestedSides: map[string]*side{}}
	s.use(nil)
	return s
}

func (s *side) use(document map[string]any) {
	s.document = document
	s.template = resolve.New(document, resolve.Values{
		Parameters: s.Parameters, Pseudo: s.Pseudo, Outputs: s.output, Prefix: s.prefix,
	})
}

// typeOf returns the type of a resource, "" if the template has none.
func (s *side) typeOf(id string) string {
	resources, _ := s.document["Resources"].(map[string]any)
	resource, _ := resources[id].(map[string]any)
	kind, _ := resource["Type"].(string)
	return kind
}

// output returns an output of a nested stack, if its template is known.
func (s *side) output(world resolve.World, id, name string) (value any, undecided string, ok bool) {
	r, exists, undecided := s.template.Resource(world, id)
	if !exists || undecided != "" {
		return nil, undecided, false
	}
	nested, ok := s.nested(id, r)
	if !ok {
		return nil, "", false
	}
	value, undecided, ok = nested.template.Output(world, name)
	return value, undecided, ok
}

// nested returns the template of a nested stack with the parameters that this template gives it; ok is false if it is
// not known.
func (s *side) nested(id string, r resolve.Resource) (*side, bool) {
	properties, _ := r.Properties.(map[string]any)
	if s.Nested == nil || properties == nil {
		return nil, false
	}
	key := id + " " + resolve.Text(properties)
	if known, ok := s.nestedSides[key]; ok {
		return known, known != nil
	}
	s.nestedSides[key] = nil
	v, ok := s.Nested(id, resolve.Text(properties["TemplateURL"]))
	if !ok {
		return nil, false
	}
	v.Pseudo = maps.Clone(s.Pseudo)
	delete(v.Pseudo, "AWS::StackName") // AWS makes it
	v.Parameters = map[string]resolve.Parameter{}
	parameters, _ := properties["Parameters"].(map[string]any)
	for name, value := range parameters {
		v.Parameters[name] = nestedParameter(value)
	}
	nested, err := newNestedSide(v, s.prefix+id+"/")
	if err != nil || v.Template == "" {
		return nil, false
	}
	s.nestedSides[key] = nested
	return nested, true
}

// nestedParameter returns the value that a parent gives to a parameter. Lists become texts with commas.
func nestedParameter(value any) resolve.Parameter {
	if list, ok := value.([]any); ok {
		var items []string
		for _, item := range list {
			items = append(items, resolve.Text(item))
		}
		value = strings.Join(items, ",")
	}
	text := resolve.Text(value)
	return resolve.Parameter{Value: text, IsUnknown: resolve.IsMarked(text)}
}

// CheckAllowed refuses flags without their permits, and names both. Flags that are live only need none.
func CheckAllowed(flags []change.Flag, permits []change.Permit) error {
	var lines, options []string
	for _, f := range flags {
		if f.LiveOnly || slices.Contains(permits, f.Permit) {
			continue
		}
		lines = append(lines, "  "+f.String())
		if option := "--allow " + string(f.Permit); !slices.Contains(options, option) {
			options = append(options, option)
		}
	}
	if len(lines) == 0 {
		return nil
	}
	return refusal.Newf(fault.ChangesNotNamed, nil,
		"these changes have to be allowed by name:\n%s\nsee that they are meant, then add %s",
		strings.Join(lines, "\n"), strings.Join(options, " "))
}
