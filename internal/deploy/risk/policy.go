package risk

import (
	"fmt"
	"slices"
	"strings"

	"lockstep/internal/deploy/resolve"
	"lockstep/internal/jsonx"
)

// mayBePolicy reports whether a text is a policy, or may be one that cannot be read.
func mayBePolicy(text string) bool {
	trimmed := strings.TrimSpace(text)
	return trimmed != "" && strings.ContainsAny(trimmed[:1], "{[") &&
		(strings.Contains(text, `"Statement`) || strings.Contains(text, `"Effect`))
}

// readPolicy adds the grants of what stands where a policy stands. What cannot be read is a grant of its own.
func (r *reader) readPolicy(value any) {
	switch v := value.(type) {
	case nil:
	case []any:
		for _, item := range v {
			r.readPolicy(item)
		}
	case map[string]any:
		statements, ok := v["Statement"]
		switch {
		case ok:
			if version := resolve.Text(v["Version"]); version != "2012-10-17" {
				statements = withoutVariables(statements)
			}
			r.readStatements(statements)
			r.readRest(v)
		case isStatementLike(v):
			r.readStatement(v)
		case len(v) > 0:
			r.readWrapped(v)
		}
	case string:
		if document, err := jsonx.Document([]byte(v)); err == nil { // readers differ in which of two names counts
			if _, isText := document.(string); !isText {
				r.readPolicy(document)
				return
			}
		}
		r.addUnreadable("a policy", v)
	default:
		r.addUnreadable("a policy", v)
	}
}

// withoutVariables returns statements with their variables marked as the plain text that they are to IAM before version
// 2012-10-17 (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html).
func withoutVariables(value any) any {
	switch v := value.(type) {
	case string:
		return strings.ReplaceAll(v, "${", "$ {")
	case []any:
		out := make([]any, len(v))
		for i, item := range v {
			out[i] = withoutVariables(item)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[key] = withoutVariables(item)
		}
		return out
	}
	return value
}

// readWrapped adds the grants of an object that holds a policy in a member, as the inline policies of a role do. An
// object without any is a policy in another language, such as that of OpenSearch Serverless, which is not understood.
func (r *reader) readWrapped(v map[string]any) {
	holdsPolicy := func(key string) bool { return strings.Contains(key, "Policy") && !strings.HasSuffix(key, "Name") }
	if !slices.ContainsFunc(sortedKeys(v), holdsPolicy) {
		r.addUnreadable("a policy", v)
		return
	}
	for _, key := range sortedKeys(v) {
		if holdsPolicy(key) {
			r.readPolicy(v[key])
			continue
		}
		r.walk(key, v[key])
	}
}

// readRest adds what stands beside the statements of a policy and is not known there.
func (r *reader) readRest(document map[string]any) {
	for _, key := range sortedKeys(document) {
		if !slices.Contains([]string{"Statement", "Version", "Id"}, key) {
			r.walk(key, document[key])
			if isMacroKey(key) {
				r.addUnreadable("statements", document[key])
			}
		}
	}
}

func (r *reader) addUnreadable(what string, value any) {
	r.add(fixed, fmt.Sprintf("%s that cannot be read: %s", what, resolve.Text(value)))
}

// readStatements adds the grants of the statements of a policy.
func (r *reader) readStatements(value any) {
	for _, item := range asList(value) {
		switch v := item.(type) {
		case []any:
			r.readStatements(v)
		case map[string]any:
			r.readStatement(v)
		default:
			r.addUnreadable("a statement", item)
		}
	}
}

// readStatement adds one grant for each principal, action and resource of a statement.
func (r *reader) readStatement(s map[string]any) {
	for key := range s {
		_, isTwice := s["Not"+key]
		if isTwice || !slices.Contains(statementKeys, key) {
			r.addUnreadable("a statement", s)
			return
		}
	}
	conditions := readConditions(s["Condition"])
	actions, resources := selections(s, "Action"), selections(s, "Resource")
	for _, who := range principals(s) {
		for _, action := range actions {
			for _, on := range resources {
				if r.isIncomplete {
					return
				}
				r.addStatement(statement{resolve.Text(s["Effect"]), who, action, on, conditions}, s["Condition"])
			}
		}
	}
}

// readConditions returns the conditions of a statement. One that cannot be read has a key of its own.
func readConditions(value any) map[string][]string {
	if value == nil {
		return nil
	}
	out := map[string][]string{}
	operators, ok := value.(map[string]any)
	if !ok {
		return map[string][]string{"unreadable " + resolve.Text(value): nil}
	}
	for operator, keys := range operators {
		byKey, ok := keys.(map[string]any)
		if !ok {
			out[operator+" unreadable "+resolve.Text(keys)] = nil
			continue
		}
		for key, values := range byKey {
			var texts []string
			for _, item := range asList(values) {
				texts = append(texts, resolve.Text(item))
			}
			slices.Sort(texts)
			name := operator + " " + strings.ToLower(key)
			if _, isTwice := out[name]; isTwice {
				return map[string][]string{"unreadable " + resolve.Text(value): nil}
			}
			out[name] = texts
		}
	}
	return out
}

// principals returns the principals of a statement. A statement without any belongs to the principal that its policy is
// attached to; its selection is one empty text.
func principals(s map[string]any) []selection {
	for _, key := range []string{"Principal", "NotPrincipal"} {
		value, ok := s[key]
		if !ok {
			continue
		}
		var patterns []string
		kinds, isMap := value.(map[string]any)
		if !isMap {
			kinds = map[string]any{"AWS": value}
		}
		for _, kind := range sortedKeys(kinds) {
			for _, who := range asList(kinds[kind]) {
				patterns = append(patterns, principal(kind, resolve.Text(who)))
			}
		}
		if len(patterns) == 0 {
			patterns = []string{"nobody"}
		}
		return selectionsOf(patterns, key == "NotPrincipal")
	}
	return []selection{{patterns: []string{""}}}
}

// principal returns a principal as one text. AWS takes an account's number for the ARN of its root.
func principal(kind, who string) string {
	if who == "*" && kind != "Service" && kind != "Federated" {
		return "*"
	}
	if len(who) == 12 && strings.Trim(who, "0123456789") == "" {
		who = "arn:aws:iam::" + who + ":root"
	}
	return kind + " " + who
}

// selections returns what a statement says under a key or under its negation; one empty text where it says nothing.
func selections(s map[string]any, key string) []selection {
	for _, k := range []string{key, "Not" + key} {
		var patterns []string
		for _, item := range asList(s[k]) {
			patterns = append(patterns, resolve.Text(item))
		}
		if len(patterns) > 0 {
			return selectionsOf(patterns, k != key)
		}
	}
	return []selection{{patterns: []string{""}}}
}

// selectionsOf returns one selection for each pattern, or a single one of everything but all of them.
func selectionsOf(patterns []string, isExcept bool) []selection {
	if isExcept {
		return []selection{{isExcept: true, patterns: slices.Sorted(slices.Values(patterns))}}
	}
	out := make([]selection, len(patterns))
	for i, pattern := range patterns {
		out[i] = selection{patterns: []string{pattern}}
	}
	return out
}
