package compare

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"lockstep/internal/deploy/assembly"
)

// compareParameters compares the values of a stack's parameters with those that an update would give it. A parameter
// that the wanted template lacks is no difference: no resource of it refers to one.
func compareParameters(deployed Deployed, want *assembly.Stack, refs references) []Difference {
	var out []Difference
	for _, name := range slices.Sorted(maps.Keys(want.Template.Parameters)) {
		if name == assembly.BootstrapVersionParameter { // no resource depends on it
			continue
		}
		if d, differs := compareParameter(name, deployed, want, refs); differs {
			out = append(out, d)
		}
	}
	return out
}

// compareParameter compares the value of one parameter of the wanted template.
func compareParameter(
	name string, deployed Deployed, want *assembly.Stack, refs references,
) (d Difference, differs bool) {
	declared := want.Template.Parameters[name]
	before, exists := deployed.Parameters[name]
	after, isGiven := want.ParameterValue(name)
	d = Difference{Section: Parameters, Name: name, IsSecret: declared.IsSecret()}
	if !refs.toParameter(name) {
		d.Class = Kept
	}
	switch {
	case !exists:
		d.Class = Inert // the deployed template does not have it, so what refers to it differs too
	case d.IsSecret:
		d.Class = Hidden
	case declared.IsFromSSM() && before.IsResolved && before.Value != after && isGiven:
		d.Before, d.After = before.Value, after // it names another parameter of SSM
	case declared.IsFromSSM():
		d.Class = Hidden
	case !isGiven:
		d.Class, d.Before, d.IsUnset = Kept, before.Value, true
	case sameValue(declared.Type, before.Value, after):
		return d, false
	default:
		d.Before, d.After = before.Value, after
	}
	return d, true
}

// maxExactDigits is how many digits of a number a float64 has exactly.
const maxExactDigits = 15

// sameValue reports whether two texts are the same value of a parameter's type. CloudFormation trims the items of lists
// (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html).
func sameValue(kind, a, b string) bool {
	if a == b {
		return true
	}
	switch {
	case strings.EqualFold(a, b):
		return strings.EqualFold(a, "true") || strings.EqualFold(a, "false")
	case kind == "Number":
		x, errX := strconv.ParseFloat(a, 64)
		y, errY := strconv.ParseFloat(b, 64)
		return errX == nil && errY == nil && x == y && max(len(a), len(b)) <= maxExactDigits
	case kind == "CommaDelimitedList", strings.HasPrefix(kind, "List<"):
		return slices.Equal(listItems(a), listItems(b))
	}
	return false
}

func listItems(value string) []string {
	items := strings.Split(value, ",")
	for i := range items {
		items[i] = strings.TrimSpace(items[i])
	}
	return items
}
