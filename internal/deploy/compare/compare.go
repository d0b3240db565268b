// Package compare owns the comparison of a deployed stack with the stack that an assembly wants. Plans, deployments,
// verifications and drift use this one comparison, so that they agree on the same facts. It does no input or output.
package compare

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"lockstep/internal/deploy/assembly"
)

// A Deployed is a stack as CloudFormation answers it.
type Deployed struct {
	ID        string
	UpdatedAt time.Time
	// IsFailed says that the last update failed and was not rolled back.
	IsFailed bool
	// Template is the text that the stack was deployed with, as GetTemplate answers it.
	Template   string
	Parameters map[string]Parameter
	Tags       map[string]string
	// NotificationARNs are the topics that are notified of the stack's events.
	NotificationARNs []string
	// Policy is the stack policy as JSON; empty for none.
	Policy                string
	TerminationProtection bool
}

// A Parameter is the value of a stack's parameter.
type Parameter struct {
	Value string
	// IsResolved says that Value names an SSM parameter, whose value CloudFormation has read.
	IsResolved bool
}

// The sections of a stack in which it may differ, besides those of its template.
const (
	Parameters            = "Parameters"
	Resources             = "Resources"
	Outputs               = "Outputs"
	Tags                  = "Tags"
	NotificationARNs      = "NotificationARNs"
	StackPolicy           = "StackPolicy"
	TerminationProtection = "TerminationProtection"
	StackStatus           = "StackStatus"
)

// A Class is what is known about a difference.
type Class int

// The classes.
const (
	// Changed is a difference that an update removes.
	Changed Class = iota
	// Inert is a difference that is known to change no resource and no output. CloudFormation may still count it as a
	// change.
	Inert
	// Hidden is a value that cannot be compared, because CloudFormation hides it or reads it from SSM.
	Hidden
	// Kept is a parameter's value that no update changes, or that nothing depends on.
	Kept
)

// A Difference is one difference between a deployed stack and what is wanted.
type Difference struct {
	Class   Class
	Section string
	// Name is the key in the section; empty for the section as a whole.
	Name string
	// Before is the deployed value and After the wanted one, for parameters, tags and topics. Both are empty if IsSecret.
	Before, After string
	IsSecret      bool
	// IsUnset says that nothing gives the parameter a value, so that the stack keeps its own.
	IsUnset bool
}

// Path returns the section and the name of the difference.
func (d Difference) Path() string {
	return strings.TrimSuffix(d.Section+"."+d.Name, ".")
}

// isOutsideChangeSet reports whether no change set decides on the difference.
func (d Difference) isOutsideChangeSet() bool {
	return d.Section == StackPolicy || d.Section == TerminationProtection || d.Section == StackStatus
}

// A Result is the differences between a deployed stack and what is wanted.
type Result struct {
	Differences []Difference
	// Digest is the SHA-256, in hexadecimal, of the compared facts, without secret values. Results with the same digest
	// compare the same stack, at the same time of its last update, with the same wanted stack.
	Digest string
}

// Accept returns the result without the differences that a change set decides on. It is for facts of which
// CloudFormation said that they are no change, or with which a deployment ended. Values that cannot be compared stay:
// they may differ the next time.
func (r Result) Accept() Result {
	keep := func(d Difference) bool { return d.isOutsideChangeSet() || d.Class == Hidden || d.Class == Kept }
	return r.filter(keep)
}

// WithoutTemplate returns the result without the differences of templates.
func (r Result) WithoutTemplate() Result {
	return r.filter(func(d Difference) bool {
		switch d.Section {
		case Parameters, Tags, NotificationARNs:
			return true
		}
		return d.isOutsideChangeSet()
	})
}

// IsSame reports whether an update would certainly change nothing, so that CloudFormation need not be asked.
func (r Result) IsSame() bool {
	return !slices.ContainsFunc(r.Differences, func(d Difference) bool { return d.Class != Kept })
}

// Changed returns the differences that an update removes.
func (r Result) Changed() []Difference { return r.ofClass(Changed) }

// Kept returns the values of parameters that no update changes, or that nothing depends on.
func (r Result) Kept() []Difference { return r.ofClass(Kept) }

// NeedsAcceptance reports whether the stack matches only if CloudFormation does not count its differences as a change.
func (r Result) NeedsAcceptance() bool {
	return slices.ContainsFunc(r.Differences, func(d Difference) bool { return d.Class == Changed || d.Class == Inert })
}

func (r Result) ofClass(class Class) []Difference {
	return r.filter(func(d Difference) bool { return d.Class == class }).Differences
}

func (r Result) filter(keep func(Difference) bool) Result {
	out := Result{Digest: r.Digest}
	for _, d := range r.Differences {
		if keep(d) {
			out.Differences = append(out.Differences, d)
		}
	}
	return out
}

// Paths returns the paths of differences, joined with commas.
func Paths(differences []Difference) string {
	var paths []string
	for _, d := range differences {
		paths = append(paths, d.Path())
	}
	return strings.Join(slices.Compact(paths), ", ")
}

// Stack compares a deployed stack with what is wanted. The differences are in the order of the stack's sections, and of
// their names.
func Stack(deployed Deployed, want *assembly.Stack) Result {
	var out []Difference
	if deployed.IsFailed {
		out = append(out, Difference{Section: StackStatus})
	}
	template, refs := compareTemplates(deployed.Template, want.Template.Body)
	out = slices.Concat(out, template, compareParameters(deployed, want, refs), compareTags(deployed, want),
		compareTopics(deployed, want))
	if want.Template.StackPolicy != "" && !SameJSON(deployed.Policy, want.Template.StackPolicy) {
		out = append(out, Difference{Section: StackPolicy})
	}
	if deployed.TerminationProtection != want.TerminationProtection {
		out = append(out, Difference{Section: TerminationProtection})
	}
	return Result{Differences: out, Digest: digest(deployed, want)}
}

// compareTags compares tags. AWS itself owns those whose keys begin with aws:, and no update removes them.
func compareTags(deployed Deployed, want *assembly.Stack) []Difference {
	var out []Difference
	for _, key := range unionOfKeys(deployed.Tags, want.Tags) {
		before, isDeployed := deployed.Tags[key]
		after, isWanted := want.Tags[key]
		if (isDeployed != isWanted || before != after) && !strings.HasPrefix(key, "aws:") {
			out = append(out, Difference{Section: Tags, Name: key, Before: before, After: after})
		}
	}
	return out
}

func compareTopics(deployed Deployed, want *assembly.Stack) []Difference {
	before := slices.Sorted(slices.Values(deployed.NotificationARNs))
	after := slices.Sorted(slices.Values(want.NotificationARNs))
	if slices.Equal(before, after) {
		return nil
	}
	return []Difference{{
		Section: NotificationARNs, Before: strings.Join(before, ", "), After: strings.Join(after, ", "),
	}}
}

// digest returns the digest of the compared facts. Secret values are left out, because the digest is recorded.
func digest(deployed Deployed, want *assembly.Stack) string {
	wanted := maps.Clone(want.Parameters)
	for name := range wanted {
		if want.Template.Parameters[name].IsSecret() {
			delete(wanted, name)
		}
	}
	facts, err := json.Marshal(struct {
		ID, UpdatedAt, Template, WantedTemplate  string
		Parameters                               map[string]Parameter
		WantedParameters, Tags, WantedTags       map[string]string
		NotificationARNs, WantedNotificationARNs []string
	}{
		deployed.ID, deployed.UpdatedAt.UTC().Format(time.RFC3339Nano), deployed.Template, want.Template.Body,
		deployed.Parameters, wanted, deployed.Tags, want.Tags,
		slices.Sorted(slices.Values(deployed.NotificationARNs)), slices.Sorted(slices.Values(want.NotificationARNs)),
	})
	if err != nil {
		panic(err) // texts and maps of texts can be written as JSON
	}
	sum := sha256.Sum256(facts)
	return hex.EncodeToString(sum[:])
}

// SameJSON reports whether two texts are JSON and the same but for white space.
func SameJSON(a, b string) bool {
	var x, y bytes.Buffer
	return json.Compact(&x, []byte(a)) == nil && json.Compact(&y, []byte(b)) == nil && bytes.Equal(x.Bytes(), y.Bytes())
}

// unionOfKeys returns the keys of both maps, sorted.
func unionOfKeys[A, B any](a map[string]A, b map[string]B) []string {
	return slices.Compact(slices.Sorted(slices.Values(
		slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b)))))
}
