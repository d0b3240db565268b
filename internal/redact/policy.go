package redact

import (
	"maps"
	"reflect"
	"slices"
)

// isPolicy reports whether a value is an IAM policy, or a statement of one, as JSON.
func isPolicy(value string) bool {
	document, ok := parseJSON(value)
	if !ok {
		return false
	}
	if list, ok := document.([]any); ok {
		return len(list) > 0 && !slices.ContainsFunc(list, func(item any) bool { return !isPolicyObject(item) })
	}
	return isPolicyObject(document)
}

func isPolicyObject(item any) bool {
	object, ok := item.(map[string]any)
	return ok && isPolicyDocument(object)
}

// The keys of a policy and of its statements. Source: the IAM user guide, "Grammar of the IAM JSON policy language".
var (
	documentKeys  = []string{"Version", "Id", "Statement"}
	statementKeys = []string{
		"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
	}
)

// isPolicyDocument reports whether an object is a policy or a statement, and nothing else is in it.
func isPolicyDocument(object map[string]any) bool {
	if statements, ok := object["Statement"]; ok {
		return hasOnly(object, documentKeys) && isStatements(statements)
	}
	return isStatement(object)
}

func isStatements(value any) bool {
	switch v := value.(type) {
	case []any:
		return !slices.ContainsFunc(v, func(item any) bool { return !isStatements(item) })
	case map[string]any:
		return isStatement(v) || len(v) == 1 && v["Fn::If"] != nil
	}
	return false
}

// isStatement reports whether an object is a statement: an action, with or without its effect.
func isStatement(object map[string]any) bool {
	return hasAction(object) && hasOnly(object, statementKeys)
}

func hasOnly(object map[string]any, keys []string) bool {
	return !slices.ContainsFunc(slices.Collect(maps.Keys(object)), func(key string) bool {
		return !slices.Contains(keys, key)
	})
}

// HasPolicy reports whether an IAM policy is anywhere in a value, also as JSON in a string.
func HasPolicy(value string) bool {
	document, ok := parseJSON(value)
	return ok && len(appendStatements(nil, document, 0)) > 0
}

// PolicyDifference returns the statements that the policies in two values do not have in common, each as JSON. ok is
// false if there are none, or if the values differ in anything else. An empty value has no statements.
func PolicyDifference(before, after string) (removed, added []string, ok bool) {
	oldDocument, _ := parseJSON(before)
	nextDocument, _ := parseJSON(after)
	if before != "" && after != "" &&
		!reflect.DeepEqual(withoutStatements(oldDocument, 0), withoutStatements(nextDocument, 0)) {
		return nil, nil, false
	}
	old, next := appendStatements(nil, oldDocument, 0), appendStatements(nil, nextDocument, 0)
	for _, s := range old {
		if !slices.Contains(next, s) {
			removed = append(removed, s)
		}
	}
	for _, s := range next {
		if !slices.Contains(old, s) {
			added = append(added, s)
		}
	}
	return removed, added, len(removed)+len(added) > 0
}

// appendStatements appends the statements of all policies in a document, each as JSON with sorted keys.
func appendStatements(found []string, document any, depth int) []string {
	switch v := document.(type) {
	case map[string]any:
		if _, hasStatement := v["Statement"]; !hasStatement && hasAction(v) {
			return append(found, formatJSON(hideInJSON(v, false, depth)))
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			found = appendStatements(found, v[key], depth)
		}
	case []any:
		for _, item := range v {
			found = appendStatements(found, item, depth)
		}
	case string:
		if inner, ok := parseJSON(v); ok && depth < maxDepth {
			return appendStatements(found, inner, depth+1)
		}
	}
	return found
}

// withoutStatements returns a document without the statements of its policies.
func withoutStatements(document any, depth int) any {
	switch v := document.(type) {
	case map[string]any:
		if _, hasStatement := v["Statement"]; !hasStatement && hasAction(v) {
			return nil
		}
		out := map[string]any{}
		for key, value := range v {
			if rest := withoutStatements(value, depth); rest != nil {
				out[key] = rest
			}
		}
		return out
	case []any:
		var out []any
		for _, item := range v {
			if rest := withoutStatements(item, depth); rest != nil {
				out = append(out, rest)
			}
		}
		return out
	case string:
		if inner, ok := parseJSON(v); ok && depth < maxDepth {
			return withoutStatements(inner, depth+1)
		}
	}
	return document
}

// hasAction reports whether an object is a statement, perhaps with members that no statement has.
func hasAction(object map[string]any) bool {
	_, hasAction := object["Action"]
	_, hasNotAction := object["NotAction"]
	if !hasAction && !hasNotAction {
		return false
	}
	return slices.ContainsFunc(slices.Collect(maps.Keys(object)), func(key string) bool {
		return key != "Action" && key != "Condition" && slices.Contains(statementKeys, key)
	})
}
