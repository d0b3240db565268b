package risk

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"lockstep/internal/deploy/change"
)

// A testStatement is a random statement. Its fields are patterns.
type testStatement struct {
	Effect                       string
	Actions, Resources, Accounts []string
	IsNotAction, IsNotResource   bool
	// Organizations are the values of a condition; none for no condition.
	Organizations []string
}

// A request is one that a statement may match.
type request struct{ account, action, resource, organization string }

var (
	testActions       = []string{"s3:getobject", "s3:putobject", "s3:listbucket", "iam:passrole"}
	testResources     = []string{"arn:a", "arn:a/x", "arn:b"}
	testAccounts      = []string{"arn:aws:iam::111122223333:root", "arn:aws:iam::444455556666:root"}
	testOrganizations = []string{"o-1", "o-2"}
)

// requests returns every request.
func requests() []request {
	var out []request
	for _, account := range testAccounts {
		for _, action := range testActions {
			for _, resource := range testResources {
				for _, organization := range testOrganizations {
					out = append(out, request{account, action, resource, organization})
				}
			}
		}
	}
	return out
}

// matches reports whether a statement is about a request, by the rules of IAM and not by those of this package.
func (s testStatement) matches(r request) bool {
	isAny := func(patterns []string, text string) bool {
		return slices.ContainsFunc(patterns, func(pattern string) bool {
			expression := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(strings.ToLower(pattern)))
			return regexp.MustCompile("^" + expression + "$").MatchString(text)
		})
	}
	return isAny(s.Actions, r.action) != s.IsNotAction && isAny(s.Resources, r.resource) != s.IsNotResource &&
		isAny(s.Accounts, r.account) && (len(s.Organizations) == 0 || isAny(s.Organizations, r.organization))
}

func anyMatches(statements []testStatement, effect string, r request) bool {
	return slices.ContainsFunc(statements, func(s testStatement) bool { return s.Effect == effect && s.matches(r) })
}

// isWider reports whether a request is allowed that was not, or no longer denied.
func isWider(old, next []testStatement) bool {
	return slices.ContainsFunc(requests(), func(r request) bool {
		return anyMatches(next, "Allow", r) && !anyMatches(old, "Allow", r) ||
			anyMatches(old, "Deny", r) && !anyMatches(next, "Deny", r)
	})
}

// document returns the statement as it stands in a policy.
func (s testStatement) document() map[string]any {
	action, resource := "Action", "Resource"
	if s.IsNotAction {
		action = "NotAction"
	}
	if s.IsNotResource {
		resource = "NotResource"
	}
	out := map[string]any{
		"Effect": s.Effect, action: items(s.Actions), resource: items(s.Resources),
		"Principal": map[string]any{"AWS": items(s.Accounts)},
	}
	if len(s.Organizations) > 0 {
		out["Condition"] = map[string]any{"StringEquals": map[string]any{"aws:PrincipalOrgID": items(s.Organizations)}}
	}
	return out
}

func items(texts []string) []any {
	out := make([]any, len(texts))
	for i, text := range texts {
		out[i] = text
	}
	return out
}

func drawStatement(t *rapid.T) testStatement {
	subset := func(label string, of ...string) []string {
		return rapid.SliceOfNDistinct(rapid.SampledFrom(of), 1, 2, rapid.ID).Draw(t, label)
	}
	s := testStatement{
		Effect:      rapid.SampledFrom([]string{"Allow", "Deny"}).Draw(t, "effect"),
		Actions:     subset("actions", "*", "s3:*", "s3:Get*", "s3:GetObject", "s3:?utObject", "iam:PassRole"),
		Resources:   subset("resources", "*", "arn:a*", "arn:a", "arn:a/*", "arn:b", "arn:?"),
		Accounts:    subset("accounts", "*", testAccounts[0], testAccounts[1]),
		IsNotAction: rapid.Bool().Draw(t, "NotAction"), IsNotResource: rapid.Bool().Draw(t, "NotResource"),
	}
	if rapid.Bool().Draw(t, "condition") {
		s.Organizations = subset("organizations", testOrganizations...)
	}
	return s
}

func drawStatements(t *rapid.T, label string) []testStatement {
	return rapid.SliceOfN(rapid.Custom(drawStatement), 0, 4).Draw(t, label)
}

// drawChange returns statements of which one is another: those of a real change differ in little.
func drawChange(t *rapid.T, old []testStatement) []testStatement {
	next := slices.Clone(old)
	if len(next) == 0 {
		return drawStatements(t, "next")
	}
	i := rapid.IntRange(0, len(next)-1).Draw(t, "index")
	other := drawStatement(t)
	switch rapid.IntRange(0, 7).Draw(t, "change") {
	case 0:
		next[i].Actions = other.Actions
	case 1:
		next[i].IsNotAction = !next[i].IsNotAction
	case 2:
		next[i].Resources = other.Resources
	case 3:
		next[i].IsNotResource = !next[i].IsNotResource
	case 4:
		next[i].Accounts = other.Accounts
	case 5:
		next[i].Organizations = other.Organizations
	case 6:
		next[i].Effect = other.Effect
	case 7:
		next = slices.Delete(next, i, i+1)
	}
	return next
}

// policyTemplate returns a template with a policy of statements.
func policyTemplate(statements []testStatement, wrap func(any) any, sections map[string]any) string {
	var list []any
	for _, s := range statements {
		list = append(list, s.document())
	}
	document := map[string]any{"Version": "2012-10-17", "Statement": append([]any{}, list...)}
	template := map[string]any{"Resources": map[string]any{
		"R": map[string]any{
			"Type": "AWS::S3::BucketPolicy", "Properties": map[string]any{"Bucket": "b", "PolicyDocument": wrap(document)},
		},
		"Other": map[string]any{"Type": "AWS::SNS::Topic"},
	}}
	for name, section := range sections {
		template[name] = section
	}
	text, err := json.Marshal(template)
	if err != nil {
		panic(err)
	}
	return string(text)
}

func asItIs(value any) any { return value }

func judged(t require.TestingT, before, after string) []change.Flag {
	flags, err := Flags("s", nil, Version{Template: before, Pseudo: pseudo}, Version{Template: after, Pseudo: pseudo})
	require.NoError(t, err)
	return flags
}

// Whatever the old policy did not give, and whatever it refused, is flagged.
func TestProperty_WiderPolicyIsFlagged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old := drawStatements(t, "old")
		next := drawChange(t, old)
		flags := judged(t, policyTemplate(old, asItIs, nil), policyTemplate(next, asItIs, nil))
		if isWider(old, next) {
			require.NotEmpty(t, flags)
		}
	})
}

// A policy with less that it allows and more that it denies is not flagged, however it is written.
func TestProperty_NarrowerPolicyIsNotFlagged(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old := drawStatements(t, "old")
		var next []testStatement
		for _, s := range old {
			if s.Effect == "Deny" || rapid.Bool().Draw(t, "keep") {
				next = append(next, s)
			}
		}
		for _, s := range drawStatements(t, "more") {
			if s.Effect == "Deny" {
				next = append(next, s)
			}
		}
		next = rapid.Permutation(next).Draw(t, "order")
		w := &wrapper{draw: t}
		require.Empty(t, judged(t, policyTemplate(old, asItIs, nil), policyTemplate(next, w.wrap, w.sections())))
	})
}

// What a policy gives beyond an older one is flagged the same, whatever functions it is written with.
func TestProperty_FunctionsHideNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old := drawStatements(t, "old")
		next := drawChange(t, old)
		w := &wrapper{draw: t}
		before := policyTemplate(old, asItIs, nil)
		plain := judged(t, before, policyTemplate(next, asItIs, nil))
		require.Equal(t, plain, judged(t, before, policyTemplate(next, w.wrap, w.sections())))
	})
}

// A wrapper writes values with functions that come to the same.
type wrapper struct {
	draw       *rapid.T
	parameters map[string]any
	mapping    map[string]any
}

// sections returns the sections that the functions refer to. It is read when the template is written, after wrap.
func (w *wrapper) sections() map[string]any {
	w.parameters = map[string]any{}
	w.mapping = map[string]any{}
	return map[string]any{
		"Parameters": w.parameters, "Mappings": map[string]any{"M": map[string]any{"k": w.mapping}},
		"Conditions": map[string]any{
			"Holds": map[string]any{"Fn::Equals": []any{map[string]any{"Ref": "AWS::Region"}, "eu-west-1"}},
			"Not":   map[string]any{"Fn::Not": []any{map[string]any{"Condition": "Holds"}}},
		},
	}
}

// wrap returns a value written with random functions.
func (w *wrapper) wrap(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, item := range v {
			out[key] = w.wrap(item)
		}
		return w.wrapAny(out)
	case []any:
		out := make([]any, 0, len(v))
		for _, item := range v {
			out = append(out, w.wrap(item))
		}
		if rapid.Bool().Draw(w.draw, "no value") {
			out = append(out, map[string]any{"Ref": "AWS::NoValue"})
		}
		return w.wrapAny(out)
	case string:
		return w.wrapAny(w.wrapText(v))
	}
	return value
}

// wrapAny returns a value within a condition, or as it is.
func (w *wrapper) wrapAny(value any) any {
	switch rapid.IntRange(0, 5).Draw(w.draw, "condition") {
	case 0:
		return map[string]any{"Fn::If": []any{"Holds", value, "other"}}
	case 1:
		return map[string]any{"Fn::If": []any{"Not", map[string]any{"Ref": "AWS::NoValue"}, value}}
	}
	return value
}

// wrapText returns a text that a function makes.
func (w *wrapper) wrapText(text string) any {
	half := len(text) / 2
	name := "P" + string(rune('a'+len(w.parameters)%26)) + strings.Repeat("x", len(w.parameters)/26)
	switch rapid.IntRange(0, 7).Draw(w.draw, "text") {
	case 0:
		return map[string]any{"Fn::Join": []any{"", []any{text[:half], text[half:]}}}
	case 1:
		return map[string]any{"Fn::Sub": []any{"${A}" + text[half:], map[string]any{"A": text[:half]}}}
	case 2:
		w.parameters[name] = map[string]any{"Type": "String", "Default": text}
		return map[string]any{"Ref": name}
	case 3:
		w.parameters[name] = map[string]any{"Type": "String", "Default": text}
		return map[string]any{"Fn::Sub": "${" + name + "}"}
	case 4:
		w.mapping[name] = text
		w.parameters[name] = map[string]any{"Type": "String"}
		return map[string]any{"Fn::FindInMap": []any{"M", "k", name}}
	case 5:
		return map[string]any{"Fn::Select": []any{"1", []any{"x", text}}}
	case 6:
		return map[string]any{"Fn::Select": []any{0, map[string]any{"Fn::Split": []any{"|", text + "|x"}}}}
	}
	return text
}

// drawJSON returns a value of JSON that is made of what templates are made of.
func drawJSON(t *rapid.T, depth int) any {
	names := []string{
		"Statement", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "Condition", "AWS", "Fn::If",
		"Fn::Sub", "Fn::Join", "Fn::Select", "Fn::Split", "Fn::FindInMap", "Fn::GetAtt", "Fn::Base64", "Fn::Length", "Ref",
		"Fn::Transform", "PolicyDocument", "SecurityGroupIngress", "CidrIp", "FromPort", "Roles", "Rules", "Enabled", "Key",
	}
	last := 3
	if depth == 0 {
		last = 1
	}
	switch rapid.IntRange(0, last).Draw(t, "kind") {
	case 0:
		values := []any{nil, true, 1.5, "", "*", "R", "AWS::NoValue", "Allow", "{\"Statement\":[", "0"}
		return rapid.SampledFrom(values).Draw(t, "value")
	case 1:
		return rapid.SampledFrom(names).Draw(t, "text")
	case 2:
		list := []any{}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			list = append(list, drawJSON(t, depth-1))
		}
		return list
	}
	object := map[string]any{}
	for range rapid.IntRange(0, 3).Draw(t, "members") {
		object[rapid.SampledFrom(names).Draw(t, "name")] = drawJSON(t, depth-1)
	}
	return object
}

// Whatever a template holds is judged: the same template is never flagged, and none makes the judgement fail.
func TestProperty_AnyTemplateIsJudged(t *testing.T) {
	kinds := []string{
		"AWS::IAM::Role", "AWS::EC2::SecurityGroup", "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::Lambda::Permission", "A::B::C",
		"AWS::CloudFormation::Stack", "AWS::EC2::Route", "AWS::WAFv2::WebACL", "AWS::EKS::Cluster", "AWS::SQS::QueuePolicy",
	}
	rapid.Check(t, func(t *rapid.T) {
		draw := func() string {
			resource := func() map[string]any {
				return map[string]any{"Type": rapid.SampledFrom(kinds).Draw(t, "type"), "Properties": drawJSON(t, 5)}
			}
			text, err := json.Marshal(map[string]any{
				"Conditions": map[string]any{"R": drawJSON(t, 3)}, "Mappings": map[string]any{"R": drawJSON(t, 2)},
				"Resources": map[string]any{"R": resource(), "S": resource()},
			})
			require.NoError(t, err)
			return string(text)
		}
		before, after := draw(), draw()
		judged(t, before, after)
		require.Empty(t, judged(t, after, after))
	})
}
