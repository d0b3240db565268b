package risk

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"lockstep/internal/deploy/resolve"
)

// A statement is one statement of a policy, for one principal, action and resource. A tool that writes policies joins
// and reorders them.
type statement struct {
	effect                string
	who, action, resource selection
	// conditions are the values by operator and key, such as "StringEquals aws:SourceAccount".
	conditions map[string][]string
}

// A selection is what a part of a statement is about: one pattern, or everything but some patterns.
type selection struct {
	isExcept bool
	patterns []string
}

// covers reports whether whatever other allows, or denies, is allowed, or denied, by s as well.
func (s statement) covers(other statement) bool {
	return s.effect == other.effect && s.who.covers(other.who) && s.action.covers(other.action) &&
		s.resource.covers(other.resource) && hasConditionsOf(other.conditions, s.conditions)
}

// covers reports whether everything that other selects is selected by s. False means that it is not certain.
func (s selection) covers(other selection) bool {
	switch {
	case s.isExcept && other.isExcept: // other leaves out at least as much
		return !slices.ContainsFunc(s.patterns, func(p string) bool {
			return !slices.ContainsFunc(other.patterns, func(q string) bool { return patternCovers(q, p) })
		})
	case s.isExcept:
		return other.patterns[0] != "" && !slices.ContainsFunc(s.patterns, func(p string) bool {
			return patternsOverlap(p, other.patterns[0])
		})
	case other.isExcept:
		return s.patterns[0] == "*"
	case s.patterns[0] == "" || other.patterns[0] == "":
		return s.patterns[0] == other.patterns[0]
	}
	return patternCovers(s.patterns[0], other.patterns[0])
}

// text returns the selection as a person reads it.
func (s selection) text() string {
	text := strings.Join(s.patterns, ", ")
	if s.isExcept {
		return "all but " + text
	}
	return text
}

// hasConditionsOf reports whether conditions narrow at least as much as others do.
func hasConditionsOf(conditions, others map[string][]string) bool {
	for key, allowed := range others {
		values, ok := conditions[key]
		if !ok || !isNarrower(key, values, allowed) {
			return false
		}
	}
	return true
}

// isNarrower reports whether a condition with values is at least as narrow as one with the others.
func isNarrower(key string, values, others []string) bool {
	operator, _, _ := strings.Cut(key, " ")
	isIn := func(list []string, matches func(a, b string) bool) func(string) bool {
		return func(value string) bool {
			return !slices.ContainsFunc(list, func(other string) bool { return matches(other, value) })
		}
	}
	equal := func(a, b string) bool { return a == b }
	switch {
	case strings.Contains(operator, "Not"):
		return !slices.ContainsFunc(others, isIn(values, equal))
	case strings.Contains(operator, "Like") || strings.Contains(operator, "Arn"):
		return !slices.ContainsFunc(values, isIn(others, patternCovers))
	case strings.Contains(operator, "Equals") || strings.Contains(operator, "IpAddress"):
		return !slices.ContainsFunc(values, isIn(others, equal))
	}
	return slices.Equal(values, others)
}

// statementKeys are the members that a statement may have.
var statementKeys = []string{
	"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
}

// isStatementLike reports whether an object is a statement outside of a policy.
func isStatementLike(v map[string]any) bool {
	_, hasEffect := v["Effect"]
	_, hasAction := v["Action"]
	_, hasNotAction := v["NotAction"]
	_, hasPrincipal := v["Principal"]
	return hasEffect && (hasAction || hasNotAction || hasPrincipal)
}

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
			r.readStatements(statements)
			r.readRest(v)
		case isStatementLike(v):
			r.readStatement(v)
		case len(v) > 0:
			r.readWrapped(v)
		}
	case string:
		var document any
		decoder := json.NewDecoder(strings.NewReader(v))
		decoder.UseNumber()
		if decoder.Decode(&document) == nil && !decoder.More() && !hasDuplicateNames(v) {
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

// hasDuplicateNames reports whether an object in a text of JSON has two members of one name. Readers differ in which of
// them counts.
func hasDuplicateNames(text string) bool {
	decoder := json.NewDecoder(strings.NewReader(text))
	var open []map[string]bool // nil for a list
	isName := false
	for {
		token, err := decoder.Token()
		if err != nil {
			return false
		}
		if delim, ok := token.(json.Delim); ok {
			switch delim {
			case '{':
				open = append(open, map[string]bool{})
			case '[':
				open = append(open, nil)
			default:
				open = open[:len(open)-1]
			}
			isName = len(open) > 0 && open[len(open)-1] != nil
			continue
		}
		if len(open) == 0 || open[len(open)-1] == nil {
			continue
		}
		if name, ok := token.(string); ok && isName {
			if open[len(open)-1][name] {
				return true
			}
			open[len(open)-1][name] = true
		}
		isName = !isName
	}
}

// readWrapped adds the grants of an object that holds a policy in a member, as the inline policies of a role do. An
// object without any is another kind of policy, which is not understood.
func (r *reader) readWrapped(v map[string]any) {
	before := len(r.grants)
	for _, key := range sortedKeys(v) {
		if strings.Contains(key, "Policy") && !strings.HasSuffix(key, "Name") {
			r.readPolicy(v[key])
			continue
		}
		r.walk(key, v[key])
	}
	if len(r.grants) == before {
		r.addUnreadable("a policy", v)
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
		if !slices.Contains(statementKeys, key) {
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

// lowerCase returns the selection of actions in lower case, in which IAM compares them.
func lowerCase(s selection) selection {
	s.patterns = slices.Clone(s.patterns)
	for i, pattern := range s.patterns {
		s.patterns[i] = strings.ToLower(pattern)
	}
	return s
}

// addStatement adds a grant. An effect that cannot be read may allow and may deny: it is fixed.
func (r *reader) addStatement(s statement, condition any) {
	verb, k := "may allow or deny ("+s.effect+")", fixed
	switch s.effect {
	case "Allow":
		verb, k = "allows", allows
	case "Deny":
		verb, k = "denies", limits
	}
	parts := []string{verb}
	if who := s.who.text(); who == "*" {
		parts = append(parts, "everybody")
	} else if who != "" {
		parts = append(parts, who)
	}
	parts = append(parts, s.action.text())
	if on := s.resource.text(); on != "" {
		parts = append(parts, "on", on)
	}
	if condition != nil {
		parts = append(parts, "if", resolve.Text(condition))
	}
	s.action = lowerCase(s.action)
	r.addGrant(grant{
		kind: k, text: strings.Join(parts, " "), isOpen: k != limits && s.isOpen(), statement: &s,
	})
}

// isOpen reports whether a statement gives something to everybody, or everything to somebody.
func (s statement) isOpen() bool {
	if !hasOnlyWeakConditions(s.conditions) {
		return false
	}
	who := s.who.text()
	if who != "" {
		return who == "*" || s.who.isExcept || strings.HasPrefix(who, "Federated ")
	}
	isAll := s.resource.isExcept || s.resource.text() == "*"
	isEvery := s.action.isExcept || slices.Contains([]string{"*", "*:*", "iam:*"}, s.action.text())
	return isAll && isEvery
}

// principalPattern matches the account in a principal.
var principalPattern = regexp.MustCompile(`^AWS arn:[^:]*:(?:iam|sts)::(\d{12}):`)

// isForeign reports whether a grant is for an account that is none of some. No accounts are not known ones.
func (g grant) isForeign(accounts []string) bool {
	if g.statement == nil || g.kind == limits || len(accounts) == 0 {
		return false
	}
	return slices.ContainsFunc(g.statement.who.patterns, func(who string) bool {
		found := principalPattern.FindStringSubmatch(who)
		return found != nil && !slices.Contains(accounts, found[1])
	})
}

// hasOnlyWeakConditions reports whether conditions hold for nearly everybody: those with patterns that match anything,
// those that are about what the caller is not, and those that a caller without the key passes.
func hasOnlyWeakConditions(conditions map[string][]string) bool {
	for key, values := range conditions {
		isWeak := strings.Contains(key, "IfExists ") || strings.Contains(key, "Not") ||
			slices.ContainsFunc(values, func(v string) bool { return strings.Trim(v, "*:/") == "" })
		if !isWeak {
			return false
		}
	}
	return true
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
			out[operator+" "+strings.ToLower(key)] = texts
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

func isMacroKey(key string) bool { return strings.HasPrefix(key, "Fn::") }

func sortedKeys(object map[string]any) []string { return slices.Sorted(maps.Keys(object)) }
