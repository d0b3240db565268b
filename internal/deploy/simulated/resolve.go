package simulated

import (
	"cmp"
	"fmt"
	"net/url"
	"reflect"
	"strings"
)

// CloudFormation compares what templates come to, not their texts. resolve is as much of that as the tests need: it
// knows nothing of how a deployment compares templates.

// section returns a section of a template, nil if there is none.
func section(template map[string]any, name string) map[string]any {
	s, _ := template[name].(map[string]any)
	return s
}

// defaultValue returns the default of a parameter's declaration, and whether there is one.
func defaultValue(declared any) (string, bool) {
	d, _ := declared.(map[string]any)
	value, ok := d["Default"]
	return fmt.Sprint(value), ok
}

// isFromSSM reports whether a parameter's value is the name of an SSM parameter.
func isFromSSM(declared map[string]any) bool {
	kind, _ := declared["Type"].(string)
	return strings.HasPrefix(kind, "AWS::SSM::Parameter::")
}

// A resolution resolves one template.
type resolution struct {
	cloud      *Cloud
	template   map[string]any
	parameters map[string]string
}

// resolve returns the resources and outputs that a template comes to with the values of its parameters. A resource has
// neither its metadata nor its dependencies, which are no change on their own
// (https://github.com/aws/aws-cdk/issues/21496).
func (c *Cloud) resolve(template map[string]any, parameters map[string]string) map[string]any {
	r := resolution{c, template, parameters}
	out := map[string]any{}
	for _, name := range []string{"Resources", "Outputs"} {
		resolved := map[string]any{}
		for id, item := range section(template, name) {
			object, _ := item.(map[string]any)
			if condition, ok := object["Condition"].(string); ok && !r.isTrue(condition) {
				continue
			}
			kept := map[string]any{}
			for key, value := range object {
				if key != "DependsOn" && key != "Metadata" && key != "Condition" {
					kept[key] = r.value(value)
				}
			}
			resolved[id] = kept
		}
		out[name] = resolved
	}
	return out
}

// isTrue reports whether a condition holds.
func (r resolution) isTrue(condition string) bool {
	return r.value(section(r.template, "Conditions")[condition]) == true
}

// value returns what a value comes to.
func (r resolution) value(value any) any {
	switch v := value.(type) {
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = r.value(item)
		}
		return out
	case map[string]any:
		if len(v) == 1 {
			for name, argument := range v {
				if result, ok := r.call(name, argument); ok {
					return result
				}
			}
		}
		out := map[string]any{}
		for key, item := range v {
			out[key] = r.value(item)
		}
		return out
	}
	return value
}

// call returns the result of an intrinsic function; ok is false if it has none before the resources exist.
func (r resolution) call(name string, argument any) (result any, ok bool) {
	switch name {
	case "Ref":
		return r.ref(fmt.Sprint(argument))
	case "Condition":
		id, isName := argument.(string)
		return isName && r.isTrue(id), isName
	case "Fn::Sub":
		text, isText := argument.(string)
		for id, value := range r.parameters {
			text = strings.ReplaceAll(text, "${"+id+"}", value)
		}
		return text, isText
	}
	list, _ := argument.([]any)
	return r.callWithList(fmt.Sprint(name, " ", len(list)), list)
}

// callWithList returns the result of an intrinsic function with a list of arguments. The signature is its name and the
// number of arguments.
func (r resolution) callWithList(signature string, list []any) (result any, ok bool) {
	switch signature {
	case "Fn::Equals 2":
		return reflect.DeepEqual(r.value(list[0]), r.value(list[1])), true
	case "Fn::Not 1":
		return r.value(list[0]) != true, true
	case "Fn::If 3":
		if r.isTrue(fmt.Sprint(list[0])) {
			return r.value(list[1]), true
		}
		return r.value(list[2]), true
	case "Fn::FindInMap 3":
		mapping, _ := section(r.template, "Mappings")[fmt.Sprint(r.value(list[0]))].(map[string]any)
		return r.value(section(mapping, fmt.Sprint(r.value(list[1])))[fmt.Sprint(r.value(list[2]))]), true
	case "Fn::Join 2":
		items, _ := list[1].([]any)
		return r.join(fmt.Sprint(list[0]), items)
	}
	return nil, false
}

// ref returns the value of a parameter.
func (r resolution) ref(id string) (any, bool) {
	value, isParameter := r.parameters[id]
	if declared, _ := section(r.template, "Parameters")[id].(map[string]any); isFromSSM(declared) {
		value = r.cloud.ssmValue(value)
	}
	return value, isParameter
}

func (r resolution) join(separator string, items []any) (any, bool) {
	var parts []string
	for _, item := range items {
		text, ok := r.value(item).(string)
		if !ok {
			return nil, false
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, separator), true
}

// isGiven reports whether a call has a list, which may be empty.
func isGiven(form url.Values, list string) bool {
	for key := range form {
		if key == list || strings.HasPrefix(key, list+".") {
			return true
		}
	}
	return false
}

// parseList parses a list of texts.
func parseList(form url.Values, list string) []string {
	var out []string
	for i := 1; form.Has(fmt.Sprintf("%s.member.%d", list, i)); i++ {
		out = append(out, form.Get(fmt.Sprintf("%s.member.%d", list, i)))
	}
	return out
}

// ssmValue returns the value of an SSM parameter, or its name if it was not set.
func (c *Cloud) ssmValue(name string) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return cmp.Or(c.ssm[name], name)
}

// readSSM returns the values of the parameters that come from SSM, by their names. CloudFormation reads them once for a
// change set, and a stack keeps what it was deployed with.
func (c *Cloud) readSSM(template map[string]any, parameters map[string]string) map[string]string {
	out := map[string]string{}
	for name, value := range parameters {
		if declared, _ := section(template, "Parameters")[name].(map[string]any); isFromSSM(declared) {
			out[name] = c.ssmValue(value)
		}
	}
	return out
}

// SetSSMParameter sets the value of an SSM parameter in all accounts.
func (c *Cloud) SetSSMParameter(name, value string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ssm[name] = value
}
