package compare

import "regexp"

// references are what the resources and outputs of templates refer to, directly or by way of a condition.
type references struct {
	// all says that anything may be referred to: a transform sees the whole template.
	all bool
	// allMappings says that the name of a mapping is computed.
	allMappings                      bool
	parameters, mappings, conditions map[string]bool
}

func (r references) toParameter(name string) bool { return r.all || r.parameters[name] }
func (r references) toMapping(name string) bool   { return r.all || r.allMappings || r.mappings[name] }
func (r references) toCondition(name string) bool { return r.all || r.conditions[name] }

// findReferences returns what the resources, the outputs and the sections that Lockstep does not know refer to.
func findReferences(templates ...map[string]any) references {
	r := references{parameters: map[string]bool{}, mappings: map[string]bool{}, conditions: map[string]bool{}}
	for _, template := range templates {
		if template["Transform"] != nil {
			r.all = true
		}
		for section, value := range template {
			switch section {
			case Parameters, "Mappings", "Conditions", "Rules", "Metadata":
			default:
				r.add(value)
			}
		}
	}
	r.followConditions(templates)
	return r
}

// followConditions adds what the conditions refer to that are referred to themselves.
func (r *references) followConditions(templates []map[string]any) {
	followed := map[string]bool{}
	for {
		before := len(followed)
		for name := range r.conditions {
			if followed[name] {
				continue
			}
			followed[name] = true
			for _, template := range templates {
				conditions, _ := template["Conditions"].(map[string]any)
				r.add(conditions[name])
			}
		}
		if len(followed) == before {
			return
		}
	}
}

// substitutionPattern matches a name in a text of Fn::Sub.
var substitutionPattern = regexp.MustCompile(`\$\{([^!.}][^.}]*)`)

// add adds what a value refers to. A property that looks like a reference counts as one.
func (r *references) add(value any) {
	switch v := value.(type) {
	case []any:
		for _, item := range v {
			r.add(item)
		}
	case map[string]any:
		for key, item := range v {
			r.addFunction(key, item)
			r.add(item)
		}
	}
}

// addFunction adds what an intrinsic function refers to.
func (r *references) addFunction(name string, argument any) {
	list, _ := argument.([]any)
	first := argument
	if len(list) > 0 {
		first = list[0]
	}
	text, isText := first.(string)
	switch name {
	case "Ref":
		r.parameters[text] = true
	case "Fn::Sub":
		for _, match := range substitutionPattern.FindAllStringSubmatch(text, -1) {
			r.parameters[match[1]] = true
		}
	case "Fn::FindInMap":
		if isText {
			r.mappings[text] = true
		} else {
			r.allMappings = true
		}
	case "Fn::If", "Condition":
		r.conditions[text] = true
	case "Fn::Transform":
		r.all = true
	}
}
