package risk

import (
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
var principalPattern = newPattern(`^AWS arn:[^:]*:(?:iam|sts)::(\d{12}):`)

// isForeign reports whether a grant is for an account that is none of some. No accounts are not known ones.
func (g grant) isForeign(accounts []string) bool {
	if g.statement == nil || g.kind == limits || len(accounts) == 0 {
		return false
	}
	return slices.ContainsFunc(g.statement.who.patterns, func(who string) bool {
		found := principalPattern().FindStringSubmatch(who)
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
