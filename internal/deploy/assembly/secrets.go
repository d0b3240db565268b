package assembly

import (
	"regexp"
	"slices"
	"strings"
)

// RefersToSecret reports whether an expression of the template is made from a parameter with NoEcho, directly or
// through intrinsic functions or an attribute that passes the value on.
func (t Template) RefersToSecret(expression any) bool {
	return t.refersToSecret(expression, nil)
}

// OutputIsSecret reports whether the template makes an output from a parameter with NoEcho.
func (t Template) OutputIsSecret(name string) bool { return t.RefersToSecret(t.Outputs[name].Value) }

// PropertyIsSecret reports whether the template makes a property of a resource from a parameter with NoEcho.
func (t Template) PropertyIsSecret(logicalID, name string) bool {
	return t.RefersToSecret(t.Resources[logicalID].Properties[name])
}

// refersToSecret is RefersToSecret after following the attributes of the resources in path.
func (t Template) refersToSecret(expression any, path []string) bool {
	switch v := expression.(type) {
	case []any:
		return slices.ContainsFunc(v, func(item any) bool { return t.refersToSecret(item, path) })
	case map[string]any:
		for key, value := range v {
			if t.functionIsSecret(key, value, path) || t.refersToSecret(value, path) {
				return true
			}
		}
	}
	return false
}

// functionIsSecret reports whether an intrinsic function names a secret itself, besides those in its arguments.
func (t Template) functionIsSecret(function string, argument any, path []string) bool {
	switch function {
	case "Ref":
		name, _ := argument.(string)
		return t.Parameters[name].IsSecret()
	case "Fn::GetAtt":
		return t.attributeIsSecret(attributeName(argument), path)
	case "Fn::Sub":
		text, isText := argument.(string)
		if list, ok := argument.([]any); ok && len(list) > 0 {
			text, isText = list[0].(string)
		}
		return isText && t.textIsSecret(text, path)
	}
	return false
}

// attributeName returns the argument of Fn::GetAtt in the form RESOURCE.ATTRIBUTE; "" if it is an expression.
func attributeName(argument any) string {
	if list, ok := argument.([]any); ok && len(list) == 2 {
		resource, _ := list[0].(string)
		attribute, _ := list[1].(string)
		return resource + "." + attribute
	}
	name, _ := argument.(string)
	return name
}

// placeholderPattern matches ${NAME} in the text of Fn::Sub, but not ${!NAME}, which stands for ${NAME} itself.
var placeholderPattern = regexp.MustCompile(`\$\{\s*([^!{}\s][^{}\s]*)\s*\}`)

func (t Template) textIsSecret(text string, path []string) bool {
	for _, found := range placeholderPattern.FindAllStringSubmatch(text, -1) {
		if t.Parameters[found[1]].IsSecret() || t.attributeIsSecret(found[1], path) {
			return true
		}
	}
	return false
}

// attributeIsSecret reports whether an attribute, in the form RESOURCE.ATTRIBUTE, may be a secret that its resource was
// given: an SSM parameter's value, and whatever a nested stack or a custom resource answers.
func (t Template) attributeIsSecret(name string, path []string) bool {
	logicalID, attribute, _ := strings.Cut(name, ".")
	resource, exists := t.Resources[logicalID]
	if !exists || slices.Contains(path, logicalID) {
		return false
	}
	path = append(slices.Clip(path), logicalID)
	switch {
	case resource.Type == "AWS::SSM::Parameter":
		return attribute == "Value" && t.refersToSecret(resource.Properties["Value"], path)
	case resource.Type == "AWS::CloudFormation::Stack", resource.Type == "AWS::CloudFormation::CustomResource",
		strings.HasPrefix(resource.Type, "Custom::"):
		return t.refersToSecret(resource.Properties, path)
	}
	return false
}

// SecretValues returns the values that the assembly and its template give to parameters with NoEcho.
func (s *Stack) SecretValues() []string {
	var values []string
	for name, p := range s.Template.Parameters {
		if !p.IsSecret() {
			continue
		}
		if value, ok := s.Parameters[name]; ok {
			values = append(values, value)
		}
		if value, ok := p.Default.(string); ok {
			values = append(values, value)
		}
	}
	slices.Sort(values)
	return values
}
