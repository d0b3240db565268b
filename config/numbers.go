package config

import (
	"fmt"
	"math"
	"math/big"
	"regexp"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"lockstep/internal/fault"
)

// The parser reads some numbers as YAML 1.1 does: 0500 is 320 to it, 0999 text and 1_000 a thousand. Here a number is
// what it is in YAML 1.2 (10.3.2, core schema), and of that only the notations that nobody can misread.
var (
	// numericPattern matches what any version of YAML takes for a number.
	numericPattern = regexp.MustCompile(`^[-+]?(0[xob][0-9a-fA-F_]+|[0-9][0-9_]*([.][0-9_]*)?([eE][-+]?[0-9]+)?|` +
		`[.][0-9][0-9_]*([eE][-+]?[0-9]+)?|[.](inf|Inf|INF|nan|NaN|NAN))$`)
	// decimalPattern matches a decimal number without leading zeros.
	decimalPattern = regexp.MustCompile(`^[-+]?((0|[1-9][0-9]*)([.][0-9]*)?|[.][0-9]+)([eE][-+]?[0-9]+)?$`)
)

// maxInteger is the largest whole number that a float64, and so JSON, can tell from its neighbours.
const maxInteger = 1 << 53

// checkScalars compares numbers as they are written with what the schema wants. It removes those that are wrong and
// returns a problem for each. The others get the value that YAML 1.2 gives them.
func (d *document) checkScalars(schema *jsonschema.Schema) ValidationErrors {
	var problems ValidationErrors
	d.forEachScalar(d.root, nil, func(node ast.Node, path []string) {
		text, isPlain := plainText(node)
		if !isPlain || !numericPattern.MatchString(text) {
			return
		}
		wanted := subschema(schema, path)
		switch {
		case accepts(wanted, "string"):
			problems = append(problems, d.newProblem(fault.ConfigValue, nodePosition(node),
				joinPath(path...)+" is a number, not text", fmt.Sprintf("write %q in quotes", text)))
			d.removeValue(path)
		case accepts(wanted, "number"), accepts(wanted, "integer"):
			number, message, hint := parseNumber(text, wanted)
			if message == "" {
				d.setValue(path, number)
				return
			}
			problems = append(problems, d.newProblem(fault.ConfigValue, nodePosition(node), joinPath(path...)+message, hint))
			d.removeValue(path)
		}
	})
	return problems
}

// parseNumber returns the value of a number, or what is wrong with how it is written and what to write instead.
func parseNumber(text string, wanted *jsonschema.Schema) (number float64, message, hint string) {
	if !decimalPattern.MatchString(text) {
		hint = "write " + describeWithExample(wanted)
		if decimal := decimalNotation(text); decimal != "" {
			hint = "write " + decimal
		}
		return 0, fmt.Sprintf(" is %s, which is not a plain decimal number", text), hint
	}
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || accepts(wanted, "integer") && math.Abs(number) > maxInteger {
		return 0, fmt.Sprintf(" is %s, which is too large", text), "write " + describeWithExample(wanted)
	}
	return number, "", ""
}

// decimalNotation returns a number of another notation as a plain decimal number; empty for one that has none.
func decimalNotation(text string) string {
	sign, digits := "", strings.ReplaceAll(strings.TrimPrefix(text, "+"), "_", "")
	if rest, isNegative := strings.CutPrefix(digits, "-"); isNegative {
		sign, digits = "-", rest
	}
	if len(digits) > 2 && digits[0] == '0' && strings.ContainsRune("xob", rune(digits[1])) {
		n, ok := new(big.Int).SetString(digits, 0)
		if !ok {
			return ""
		}
		return sign + n.String()
	}
	digits = strings.TrimLeft(digits, "0")
	if digits == "" || strings.ContainsRune(".eE", rune(digits[0])) {
		digits = "0" + digits
	}
	if !decimalPattern.MatchString(digits) {
		return ""
	}
	return sign + digits
}

// plainText returns a scalar as it is written and reports whether it stands without quotes.
func plainText(node ast.Node) (text string, isPlain bool) {
	switch node := node.(type) {
	case *ast.StringNode:
		return node.Value, node.Token.Type == token.StringType
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return node.GetToken().Value, true
	}
	return "", false
}

// accepts reports whether the schema names the JSON type as one that a value can have.
func accepts(schema *jsonschema.Schema, jsonType string) bool {
	if schema.Types == nil {
		return false
	}
	for _, t := range schema.Types.ToStrings() {
		if t == jsonType {
			return true
		}
	}
	return false
}

// forEachScalar calls visit for each value below the node that is neither a mapping nor a list.
func (d *document) forEachScalar(node ast.Node, path []string, visit func(node ast.Node, path []string)) {
	at := func(key string) []string { return append(path[:len(path):len(path)], key) }
	switch node := node.(type) {
	case *ast.MappingNode:
		for _, value := range node.Values {
			d.forEachScalar(value.Value, at(keyText(value.Key)), visit)
		}
	case *ast.SequenceNode:
		for i, item := range node.Values {
			d.forEachScalar(item, at(strconv.Itoa(i)), visit)
		}
	default:
		visit(node, path)
	}
}
