package resolve

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// absent is what {"Ref":"AWS::NoValue"} comes to: it is left out.
type absent struct{}

// maxSteps bounds how many expressions one evaluation follows, so that a template whose expressions refer to each
// other ends.
const maxSteps = 200_000

// An evaluation resolves one resource or output in one world.
type evaluation struct {
	template *Template
	world    World
	// undecided is the first condition that neither the template nor the world decides.
	undecided string
	steps     int
	// path are the conditions and resources that are being followed.
	path []string
}

// value returns what an expression comes to.
func (e *evaluation) value(expression any) any {
	if e.steps++; e.steps > maxSteps {
		return Mark("too many expressions")
	}
	switch v := expression.(type) {
	case string:
		return clean(v)
	case []any:
		out := make([]any, 0, len(v))
		for _, item := range v {
			if result := e.value(item); result != (absent{}) {
				out = append(out, result)
			}
		}
		return out
	case map[string]any:
		return e.object(v)
	}
	return expression
}

// dynamicPattern matches a dynamic reference, which AWS resolves when it makes the resource.
var dynamicPattern = regexp.MustCompile(`\{\{(resolve:[^{}]*)\}\}`)

// markDynamic returns a value whose dynamic references are marks. Functions may put them together, so they are looked
// for at the end.
func markDynamic(value any) any {
	switch v := value.(type) {
	case string:
		return dynamicPattern.ReplaceAllString(v, markStart+"$1"+markEnd)
	case []any:
		for i, item := range v {
			v[i] = markDynamic(item)
		}
	case map[string]any:
		for key, item := range v {
			v[key] = markDynamic(item)
		}
	}
	return value
}

func (e *evaluation) object(object map[string]any) any {
	if len(object) == 1 {
		for name, argument := range object {
			if result, isFunction := e.call(name, argument); isFunction {
				return result
			}
		}
	}
	out := make(map[string]any, len(object))
	for _, key := range slices.Sorted(maps.Keys(object)) {
		if strings.HasPrefix(key, "Fn::") { // a macro or a loop that is merged into the object
			out[key] = Mark(Text(object[key]))
			continue
		}
		if result := e.value(object[key]); result != (absent{}) {
			out[clean(key)] = result
		}
	}
	return out
}

// functions are the intrinsic functions that can be computed from their arguments. They return nil for what they
// cannot.
var functions = map[string]func(arguments []any) any{
	"Fn::Join": join, "Fn::Select": selectItem, "Fn::Split": split, "Fn::Base64": encode, "Fn::Length": length,
	"Fn::ToJsonString": toJSON,
}

// call returns what a function comes to; isFunction is false for an object that is none.
func (e *evaluation) call(name string, argument any) (result any, isFunction bool) {
	switch name {
	case "Ref":
		id, ok := argument.(string)
		if !ok {
			return unknown(name, e.value(argument)), true
		}
		return e.ref(id), true
	case "Fn::GetAtt":
		return e.attribute(argument), true
	case "Fn::Sub":
		return e.substitute(argument), true
	case "Fn::If":
		return e.choose(argument), true
	case "Fn::FindInMap":
		return e.findInMap(argument), true
	case "Fn::Equals", "Fn::And", "Fn::Or", "Fn::Not":
		return e.condition(map[string]any{name: argument}), true
	}
	if !strings.HasPrefix(name, "Fn::") {
		return nil, false
	}
	resolved := e.value(argument)
	if f, ok := functions[name]; ok {
		arguments, isList := resolved.([]any)
		if !isList || name == "Fn::Length" || name == "Fn::ToJsonString" {
			arguments = []any{resolved}
		}
		if result := f(arguments); result != nil {
			return result, true
		}
	}
	return unknown(name, resolved), true
}

// unknown returns the mark of a function that cannot be known. Quotes would end the text in a policy that is a text.
func unknown(name string, argument any) string {
	text := name + " " + Text(argument)
	shown := strings.NewReplacer(`"`, "'", `\`, "/").Replace(text)
	if shown != text {
		shown += " " + Fingerprint(text)
	}
	return Mark(shown)
}

// ref returns what a parameter, a pseudo parameter or a resource comes to.
func (e *evaluation) ref(id string) any {
	if id == "AWS::NoValue" {
		return absent{}
	}
	if value, ok := e.template.values.Pseudo[id]; ok {
		return value
	}
	if declared, ok := e.template.section("Parameters")[id].(map[string]any); ok {
		return e.parameter(id, declared)
	}
	return e.made(id, id)
}

// parameter returns the value of a parameter: a list for a type that is one.
func (e *evaluation) parameter(name string, declared map[string]any) any {
	kind, _ := declared["Type"].(string)
	parameter, ok := e.template.values.Parameters[name]
	if !ok {
		value, hasDefault := declared["Default"]
		parameter = Parameter{Value: Text(value), IsUnknown: !hasDefault || strings.HasPrefix(kind, "AWS::SSM::Parameter::")}
		if parameter.IsUnknown {
			parameter.Value = name + " " + parameter.Value
		}
		if list, isList := value.([]any); isList {
			parameter.Value = Text(join([]any{",", list}))
		}
	}
	if parameter.IsUnknown {
		return Mark(strings.TrimSpace(parameter.Value))
	}
	if kind != "CommaDelimitedList" && !strings.Contains(kind, "List<") {
		return clean(parameter.Value)
	}
	var items []any
	for item := range strings.SplitSeq(clean(parameter.Value), ",") {
		items = append(items, strings.TrimSpace(item))
	}
	return items
}

// made returns the mark of what AWS makes of a resource. What a custom resource answers depends on its properties.
func (e *evaluation) made(id, shown string) any {
	shown = e.template.values.Prefix + shown
	resource, _ := e.template.section("Resources")[id].(map[string]any)
	kind, _ := resource["Type"].(string)
	isOpaque := kind == "AWS::CloudFormation::CustomResource" || kind == "AWS::CloudFormation::Stack" ||
		strings.HasPrefix(kind, "Custom::")
	if !isOpaque || slices.Contains(e.path, id) {
		return Mark(shown)
	}
	e.path = append(e.path, id)
	defer func() { e.path = e.path[:len(e.path)-1] }()
	return Mark(shown + " of " + Fingerprint(e.value(resource["Properties"])))
}

// attribute returns the resource and the attribute that Fn::GetAtt names, and false if they are expressions.
func attribute(argument any) (resource, name string, ok bool) {
	switch v := argument.(type) {
	case string:
		return strings.Cut(v, ".")
	case []any:
		if len(v) == 2 {
			resource, ok = v[0].(string)
			name, isText := v[1].(string)
			return resource, name, ok && isText
		}
	}
	return "", "", false
}

// attribute returns what an attribute comes to: the value of an SSM parameter, an output of a nested stack, or a mark.
func (e *evaluation) attribute(argument any) any {
	id, name, ok := attribute(argument)
	if !ok {
		return unknown("Fn::GetAtt", e.value(argument))
	}
	resource, _ := e.template.section("Resources")[id].(map[string]any)
	switch resource["Type"] {
	case "AWS::SSM::Parameter":
		properties, _ := resource["Properties"].(map[string]any)
		if value, has := properties["Value"]; has && name == "Value" && !slices.Contains(e.path, id) {
			e.path = append(e.path, id)
			defer func() { e.path = e.path[:len(e.path)-1] }()
			return e.value(value)
		}
	case "AWS::CloudFormation::Stack":
		if output, isOutput := strings.CutPrefix(name, "Outputs."); isOutput && e.template.values.Outputs != nil {
			value, undecided, ok := e.template.values.Outputs(e.world, id, output)
			e.decide(undecided)
			if ok {
				return value
			}
		}
	}
	return e.made(id, id+"."+name)
}

func (e *evaluation) decide(undecided string) {
	if e.undecided == "" {
		e.undecided = undecided
	}
}

// placeholderPattern matches ${NAME} in a text of Fn::Sub; ${!NAME} stands for ${NAME} itself.
var placeholderPattern = regexp.MustCompile(`\$\{(!?)\s*([^}]*?)\s*\}`)

// substitute returns what Fn::Sub comes to.
func (e *evaluation) substitute(argument any) any {
	text, isText := argument.(string)
	substitutes := map[string]any{}
	if list, ok := argument.([]any); ok && len(list) == 2 {
		text, isText = list[0].(string)
		variables, isMap := list[1].(map[string]any)
		isText = isText && isMap
		substitutes = variables
	}
	if !isText {
		return unknown("Fn::Sub", e.value(argument))
	}
	return placeholderPattern.ReplaceAllStringFunc(clean(text), func(found string) string {
		parts := placeholderPattern.FindStringSubmatch(found)
		name := parts[2]
		if parts[1] == "!" {
			return "${" + name + "}"
		}
		if value, ok := substitutes[name]; ok {
			return listText(e.value(value))
		}
		if strings.Contains(name, ".") && !strings.HasPrefix(name, "AWS::") {
			return listText(e.attribute(name))
		}
		return listText(e.ref(name))
	})
}

// listText returns a value as it becomes part of a text.
func listText(value any) string {
	if list, ok := value.([]any); ok {
		return Text(join([]any{",", list}))
	}
	if value == (absent{}) {
		return ""
	}
	return Text(value)
}

// choose returns the branch of Fn::If that its condition chooses.
func (e *evaluation) choose(argument any) any {
	list, ok := argument.([]any)
	if !ok || len(list) != 3 {
		return unknown("Fn::If", e.value(argument))
	}
	if e.isTrue(list[0]) {
		return e.value(list[1])
	}
	return e.value(list[2])
}

// findInMap returns the value in a mapping. Where a key cannot be known, the mark stands for the whole mapping.
func (e *evaluation) findInMap(argument any) any {
	list, _ := argument.([]any)
	if len(list) < 3 {
		return unknown("Fn::FindInMap", e.value(argument))
	}
	names := make([]string, 3)
	isKnown := true
	for i := range names {
		names[i] = Text(e.value(list[i]))
		isKnown = isKnown && !IsMarked(names[i])
	}
	mapping, _ := e.template.section("Mappings")[names[0]].(map[string]any)
	if isKnown {
		first, _ := mapping[names[1]].(map[string]any)
		if value, ok := first[names[2]]; ok {
			return e.value(value)
		}
		if options, ok := list[len(list)-1].(map[string]any); ok && len(list) == 4 {
			return e.value(options["DefaultValue"])
		}
	}
	content := any(mapping)
	if mapping == nil {
		content = e.template.section("Mappings")
	}
	return unknown("Fn::FindInMap", []any{clean(strings.Join(names, " ")), Fingerprint(content)})
}

// isTrue reports whether a condition, by its name, holds. One that cannot be known is decided by the world.
func (e *evaluation) isTrue(name any) bool {
	id, ok := name.(string)
	if !ok {
		return e.isDecided(e.condition(name))
	}
	condition, exists := e.template.section("Conditions")[id]
	if !exists || slices.Contains(e.path, "condition "+id) {
		return e.isDecided("condition " + id)
	}
	e.path = append(e.path, "condition "+id)
	defer func() { e.path = e.path[:len(e.path)-1] }()
	return e.isDecided(e.condition(condition))
}

// isDecided returns a result that is true or false, and asks the world about any other.
func (e *evaluation) isDecided(result any) bool {
	if holds, ok := result.(bool); ok {
		return holds
	}
	text := Text(result)
	holds, ok := e.world[text]
	if !ok {
		e.decide(text)
	}
	return holds
}

// condition returns whether a condition holds, or a text for one that cannot be known.
func (e *evaluation) condition(expression any) any {
	object, _ := expression.(map[string]any)
	for name, argument := range object {
		list, _ := argument.([]any)
		switch {
		case len(object) != 1:
		case name == "Condition":
			return e.isTrue(argument)
		case name == "Fn::Not" && len(list) == 1:
			return !e.isDecided(e.condition(list[0]))
		case name == "Fn::And", name == "Fn::Or":
			for _, item := range list {
				if e.isDecided(e.condition(item)) == (name == "Fn::Or") {
					return name == "Fn::Or"
				}
			}
			return name == "Fn::And"
		case name == "Fn::Equals" && len(list) == 2:
			return equals(e.value(list[0]), e.value(list[1]))
		}
	}
	return unknown("condition", e.value(expression))
}

// equals returns whether two values are equal, or a text if that cannot be known.
func equals(a, b any) any {
	x, y := Text(a), Text(b)
	if x == y {
		return true
	}
	if IsMarked(x) || IsMarked(y) {
		return unknown("Fn::Equals", []any{a, b})
	}
	return false
}

func join(arguments []any) any {
	joined, ok := Join(arguments, func(item any) (string, bool) { return Text(item), true })
	if !ok {
		return nil
	}
	return joined
}

func selectItem(arguments []any) any {
	if len(arguments) != 2 {
		return nil
	}
	index, err := strconv.Atoi(Text(arguments[0]))
	items, isList := arguments[1].([]any)
	if err != nil || !isList || index < 0 || index >= len(items) {
		return nil
	}
	if slices.ContainsFunc(items[:index+1], func(item any) bool { return IsMarked(Text(item)) }) {
		return nil // a mark may stand for several items
	}
	return items[index]
}

func split(arguments []any) any {
	if len(arguments) != 2 {
		return nil
	}
	separator, isText := arguments[0].(string)
	text, isKnown := arguments[1].(string)
	if !isText || !isKnown || separator == "" || IsMarked(text) {
		return nil
	}
	var items []any
	for item := range strings.SplitSeq(text, separator) {
		items = append(items, item)
	}
	return items
}

func encode(arguments []any) any {
	if len(arguments) != 1 {
		return nil
	}
	text, ok := arguments[0].(string)
	if !ok || IsMarked(text) {
		return nil
	}
	return base64.StdEncoding.EncodeToString([]byte(text))
}

func length(arguments []any) any {
	list, ok := arguments[0].([]any)
	if !ok {
		return nil
	}
	return json.Number(strconv.Itoa(len(list)))
}

func toJSON(arguments []any) any {
	switch reflect.ValueOf(arguments[0]).Kind() {
	case reflect.Map, reflect.Slice:
		return Text(arguments[0])
	}
	return nil
}
