package resolve

import "strings"

// Join returns what the argument of Fn::Join comes to. It calls text for each of the items; ok is false if one of them
// has no text, or if the argument is none of Fn::Join.
func Join(argument any, text func(item any) (string, bool)) (joined string, ok bool) {
	list, _ := argument.([]any)
	if len(list) != 2 {
		return "", false
	}
	separator, isText := list[0].(string)
	items, isList := list[1].([]any)
	if !isText || !isList {
		return "", false
	}
	parts := make([]string, len(items))
	for i, item := range items {
		if parts[i], ok = text(item); !ok {
			return "", false
		}
	}
	return strings.Join(parts, separator), true
}

// Substitute returns what the argument of Fn::Sub comes to. It calls text for the values that the argument gives to
// placeholders, and ref for the names of the other ones; ok is false if one of them has no text, or if the argument is
// none of Fn::Sub.
func Substitute(
	argument any, text func(value any) (string, bool), ref func(name string) (string, bool),
) (substituted string, ok bool) {
	template, ok := argument.(string)
	var values map[string]any
	if list, _ := argument.([]any); len(list) == 2 {
		template, ok = list[0].(string)
		values, _ = list[1].(map[string]any)
	}
	substituted = placeholderPattern.ReplaceAllStringFunc(template, func(found string) string {
		parts := placeholderPattern.FindStringSubmatch(found)
		name := parts[2]
		if parts[1] == "!" {
			return "${" + name + "}"
		}
		var known bool
		var part string
		if value, isGiven := values[name]; isGiven {
			part, known = text(value)
		} else {
			part, known = ref(name)
		}
		ok = ok && known
		return part
	})
	return substituted, ok
}

// ValueAt returns the value at a path of names, with slashes between them, in the properties of a resource; nil if
// there is none.
func ValueAt(properties map[string]any, path string) any {
	var value any = properties
	for name := range strings.SplitSeq(path, "/") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}
