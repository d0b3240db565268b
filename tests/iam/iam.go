// Package iam evaluates the policies of templates as IAM does, so that tests can ask what a role may do instead of how
// its policy is written. It knows the operators and functions that the templates of this repository use, and reports
// any other.
package iam

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// A Template is a CloudFormation template with the values of its parameters and pseudo parameters.
type Template struct {
	Resources map[string]map[string]any
	// Values are what Ref returns; by default, the name itself.
	Values map[string]any `json:"-"`
	// Conditions are those that hold.
	Conditions map[string]bool `json:"-"`
}

// A Request is a call of AWS.
type Request struct {
	// Role is the logical id of the calling role, or the ARN of one in another account.
	Role             string
	Action, Resource string
	// Context are the condition keys of the request.
	Context map[string]string
}

// A Statement is a statement of a policy without intrinsic functions.
type Statement struct {
	Effect             string
	Actions, Resources []string
	AWSPrincipals      []string
	ServicePrincipals  []string
	Condition          map[string]map[string][]string
	// IsNegated says that the statement is about all but what it names.
	IsNegated bool
}

// Allows reports whether the identity policies of a role of the template allow a request, and no policy denies it.
func (t Template) Allows(r Request) bool { return decide(t.IdentityStatements(r.Role), r) }

// ResourceAllows reports whether the policy of a resource allows a request of the role. The resource is given by the
// logical id of the policy, or of the key.
func (t Template) ResourceAllows(policy string, r Request) bool {
	var named []Statement
	for _, s := range t.statements(t.Resources[policy]["Properties"]) {
		if slices.ContainsFunc(s.AWSPrincipals, func(p string) bool { return isPrincipal(p, r.Role) }) {
			named = append(named, s)
		}
	}
	return decide(named, r)
}

// isPrincipal reports whether a policy's principal covers a caller. An account covers all of its roles.
func isPrincipal(principal, caller string) bool {
	account := regexp.MustCompile(`^arn:aws:iam::([0-9]{12}):root$`).FindStringSubmatch(principal)
	if account != nil {
		return strings.HasPrefix(caller, "arn:aws:iam::"+account[1]+":")
	}
	return principal == "*" || principal == caller || principal == "arn:"+caller
}

// IdentityStatements returns the statements of a role's own policies.
func (t Template) IdentityStatements(role string) []Statement {
	var all []Statement
	if r, ok := t.Resources[role]; ok {
		properties := r["Properties"].(map[string]any)
		all = append(all, t.statements(properties["Policies"])...)
	}
	for _, r := range t.Resources {
		if kind := r["Type"]; kind != "AWS::IAM::Policy" && kind != "AWS::IAM::ManagedPolicy" {
			continue
		}
		properties := r["Properties"].(map[string]any)
		roles, _ := properties["Roles"].([]any)
		for _, attached := range roles {
			if name := t.resolve(attached); name == role {
				all = append(all, t.statements(properties["PolicyDocument"])...)
			}
		}
	}
	return all
}

// TrustStatements returns the statements of who may assume a role.
func (t Template) TrustStatements(role string) []Statement {
	properties := t.Resources[role]["Properties"].(map[string]any)
	return t.statements(properties["AssumeRolePolicyDocument"])
}

// statements returns the statements of every policy document anywhere in a value.
func (t Template) statements(value any) []Statement {
	var all []Statement
	switch v := value.(type) {
	case map[string]any:
		if found, ok := v["Statement"].([]any); ok {
			for _, s := range found {
				all = append(all, t.statement(s.(map[string]any)))
			}
			return all
		}
		for _, inner := range v {
			all = append(all, t.statements(inner)...)
		}
	case []any:
		for _, inner := range v {
			all = append(all, t.statements(inner)...)
		}
	}
	return all
}

func (t Template) statement(s map[string]any) Statement {
	out := Statement{
		Effect: fmt.Sprint(s["Effect"]), Actions: t.list(s["Action"]), Resources: t.list(s["Resource"]),
		Condition: map[string]map[string][]string{},
	}
	for _, key := range []string{"NotAction", "NotResource", "NotPrincipal"} {
		out.IsNegated = out.IsNegated || s[key] != nil
	}
	if principals, ok := s["Principal"].(map[string]any); ok {
		out.AWSPrincipals, out.ServicePrincipals = t.list(principals["AWS"]), t.list(principals["Service"])
	} else if s["Principal"] == "*" {
		out.AWSPrincipals = []string{"*"}
	}
	conditions, _ := s["Condition"].(map[string]any)
	for operator, keys := range conditions {
		out.Condition[operator] = map[string][]string{}
		for key, wanted := range keys.(map[string]any) {
			out.Condition[operator][key] = t.list(wanted)
		}
	}
	return out
}

// list returns a value or a list of values as resolved texts.
func (t Template) list(value any) []string {
	switch v := value.(type) {
	case nil:
		return nil
	case []any:
		var out []string
		for _, inner := range v {
			out = append(out, t.list(inner)...)
		}
		return out
	case map[string]any:
		if branches, ok := v["Fn::If"].([]any); ok {
			return t.list(t.branch(branches))
		}
		if name, ok := v["Ref"].(string); ok {
			if values, ok := t.Values[name].([]any); ok {
				return t.list(values)
			}
		}
	}
	return []string{t.resolve(value)}
}

func (t Template) branch(branches []any) any {
	if t.Conditions[branches[0].(string)] {
		return branches[1]
	}
	return branches[2]
}

var substitution = regexp.MustCompile(`\$\{([^}]+)\}`)

// resolve returns a value as a text. A Ref without a value is the name that it refers to, and an ARN is the name with
// arn: before it.
func (t Template) resolve(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case map[string]any:
		for function, argument := range v {
			switch function {
			case "Ref":
				if known, ok := t.Values[argument.(string)]; ok {
					return fmt.Sprint(known)
				}
				return argument.(string)
			case "Fn::GetAtt":
				parts := argument.([]any)
				if parts[1] == "Arn" {
					return "arn:" + parts[0].(string)
				}
				return fmt.Sprint(parts...)
			case "Fn::Join":
				parts := argument.([]any)
				return strings.Join(t.list(parts[1]), parts[0].(string))
			case "Fn::Sub":
				return substitution.ReplaceAllStringFunc(argument.(string), func(found string) string {
					return t.resolve(map[string]any{"Ref": found[2 : len(found)-1]})
				})
			}
		}
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// decide returns what IAM decides: a denial wins, and without an allowance nothing is allowed.
func decide(statements []Statement, r Request) bool {
	allowed := false
	for _, s := range statements {
		if !s.matches(r) {
			continue
		}
		if s.Effect == "Deny" {
			return false
		}
		allowed = true
	}
	return allowed
}

func (s Statement) matches(r Request) bool {
	if s.IsNegated {
		panic("a statement of all but something is not evaluated")
	}
	isAction := slices.ContainsFunc(s.Actions, func(p string) bool {
		return Matches(strings.ToLower(p), strings.ToLower(r.Action))
	})
	return isAction && slices.ContainsFunc(s.Resources, func(p string) bool { return Matches(p, r.Resource) }) &&
		conditionsHold(s.Condition, r.Context)
}

// conditionsHold reports whether every condition holds. A key that the request does not have makes an operator false
// unless it ends with IfExists.
func conditionsHold(conditions map[string]map[string][]string, context map[string]string) bool {
	for operator, keys := range conditions {
		base, ifExists := strings.CutSuffix(operator, "IfExists")
		for key, wanted := range keys {
			got, exists := context[key]
			if !exists {
				if ifExists || strings.HasPrefix(operator, "ForAllValues:") {
					continue
				}
				return false
			}
			if !slices.ContainsFunc(wanted, func(p string) bool { return compare(base, p, got) }) {
				return false
			}
		}
	}
	return true
}

func compare(operator, pattern, got string) bool {
	switch operator {
	case "StringEquals", "ForAllValues:StringEquals", "Bool":
		return pattern == got
	case "StringLike", "ArnLike", "ArnEquals":
		return Matches(pattern, got)
	}
	panic("the operator " + operator + " is not evaluated")
}

// Matches reports whether a text matches a pattern of IAM, in which * stands for any text and ? for a character.
func Matches(pattern, text string) bool {
	quoted := regexp.QuoteMeta(pattern)
	quoted = strings.ReplaceAll(strings.ReplaceAll(quoted, `\*`, `.*`), `\?`, `.`)
	return regexp.MustCompile(`^(?s:` + quoted + `)$`).MatchString(text)
}
